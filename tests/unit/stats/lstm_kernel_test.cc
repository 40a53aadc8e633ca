#include "anomaly_exporter/stats/lstm_kernel.h"

#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "anomaly_exporter/core/rng.h"

namespace anomaly_exporter::stats {
namespace {

std::vector<const LstmKernels*> builds() {
  std::vector<const LstmKernels*> all{&lstm_kernels(core::CpuLevel::Base)};
  if (core::detected_cpu_level() == core::CpuLevel::V3) {
    all.push_back(&lstm_kernels(core::CpuLevel::V3));
  }
  return all;
}

std::vector<float> random_numbers(std::size_t n, core::Rng& rng, double size = 1.0) {
  std::vector<float> numbers(n);
  for (float& x : numbers) x = static_cast<float>(size * rng.normal());
  return numbers;
}

double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, static_cast<double>(std::fabs(a[i] - b[i])));
  }
  return most;
}

// A layer with everything it needs, and one step of it by the C library in double.
struct Layer {
  std::size_t inputs, hidden;
  std::vector<float> from_input, from_hidden, start, x, h_before, c;

  Layer(std::size_t input_count, std::size_t units, core::Rng& rng)
      : inputs(input_count),
        hidden(units),
        from_input(random_numbers(4 * units * input_count, rng, 0.5)),
        from_hidden(random_numbers(4 * units * units, rng, 0.3)),
        start(random_numbers(4 * units * kPanelLanes, rng)),
        x(random_numbers(input_count * kPanelLanes, rng, 3.0)),
        h_before(random_numbers(units * kPanelLanes, rng, 0.5)),
        c(random_numbers(units * kPanelLanes, rng)) {}

  [[nodiscard]] LstmCell cell() const {
    return {.inputs = inputs,
            .hidden = hidden,
            .input_weights = from_input.data(),
            .hidden_weights = from_hidden.data()};
  }

  void step_by_library(bool is_first, std::vector<float>& c_after, std::vector<float>& h) const {
    const auto sigmoid = [](double v) { return 1.0 / (1.0 + std::exp(-v)); };
    c_after = c;
    h.assign(hidden * kPanelLanes, 0);
    for (std::size_t unit = 0; unit < hidden; ++unit) {
      for (std::size_t lane = 0; lane < kPanelLanes; ++lane) {
        double gate[4];
        for (std::size_t g = 0; g < 4; ++g) {
          gate[g] = static_cast<double>(start[(unit * 4 + g) * kPanelLanes + lane]);
          for (std::size_t k = 0; k < inputs; ++k) {
            gate[g] += static_cast<double>(from_input[(unit * inputs + k) * 4 + g]) *
                       static_cast<double>(x[k * kPanelLanes + lane]);
          }
          for (std::size_t k = 0; k < hidden && !is_first; ++k) {
            gate[g] += static_cast<double>(from_hidden[(unit * hidden + k) * 4 + g]) *
                       static_cast<double>(h_before[k * kPanelLanes + lane]);
          }
        }
        const std::size_t at = unit * kPanelLanes + lane;
        const double state =
            sigmoid(gate[1]) * static_cast<double>(c[at]) + sigmoid(gate[0]) * std::tanh(gate[2]);
        c_after[at] = static_cast<float>(state);
        h[at] = static_cast<float>(sigmoid(gate[3]) * std::tanh(state));
      }
    }
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(lstm_kernel_test)

BOOST_AUTO_TEST_CASE(sigmoid_and_tanh_are_those_of_the_c_library_to_1e_6) {
  for (const LstmKernels* kernels : builds()) {
    std::vector<float> x(kPanelLanes), s(kPanelLanes), t(kPanelLanes);
    for (double first = -40; first < 40; first += 0.64) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = static_cast<float>(first + 0.01 * static_cast<double>(i));
      }
      kernels->sigmoid(x.data(), s.data(), x.size());
      kernels->tanh(x.data(), t.data(), x.size());
      for (std::size_t i = 0; i < x.size(); ++i) {
        const auto value = static_cast<double>(x[i]);
        BOOST_REQUIRE_SMALL(static_cast<double>(s[i]) - 1.0 / (1.0 + std::exp(-value)), 1e-6);
        BOOST_REQUIRE_SMALL(static_cast<double>(t[i]) - std::tanh(value), 1e-6);
      }
    }
    for (const float huge : {-3e38F, 3e38F}) {
      x.assign(kPanelLanes, huge);
      kernels->tanh(x.data(), t.data(), x.size());
      BOOST_TEST(std::fabs(t[0]) == 1.0F, boost::test_tools::tolerance(1e-6F));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_step_is_that_of_the_c_library_in_every_build) {
  core::Rng rng(5);
  for (const std::size_t hidden : {3U, 16U, 33U}) {
    for (const std::size_t inputs : {0U, 2U, 15U}) {
      for (const bool is_first : {false, true}) {
        const Layer layer(inputs, hidden, rng);
        std::vector<float> want_c, want_h;
        layer.step_by_library(is_first, want_c, want_h);
        for (const LstmKernels* kernels : builds()) {
          std::vector<float> c = layer.c;
          std::vector<float> h(hidden * kPanelLanes, -7.0F);
          kernels->lstm_step(layer.cell(), layer.start.data(), layer.x.data(),
                             is_first ? nullptr : layer.h_before.data(), c.data(), h.data());
          BOOST_TEST(difference(c, want_c) < 2e-5);
          BOOST_TEST(difference(h, want_h) < 1e-5);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(products_are_those_of_plain_loops_for_any_number_of_rows) {
  core::Rng rng(6);
  constexpr std::size_t kStride = 3 * kPanelLanes;
  for (const std::size_t rows : {1U, 4U, 7U}) {
    for (const std::size_t depth : {1U, 2U, 9U}) {
      const std::vector<float> a = random_numbers(rows * depth, rng);
      const std::vector<float> b = random_numbers(depth * kStride, rng);
      const std::vector<float> before = random_numbers(rows * kStride, rng);
      const std::vector<float> wide = random_numbers(rows * kStride, rng);
      for (const LstmKernels* kernels : builds()) {
        std::vector<float> c = before;
        kernels->multiply_add(rows, depth, a.data(), depth, b.data() + kPanelLanes, kStride,
                              c.data() + kPanelLanes, kStride);
        std::vector<float> outer(rows * depth, 1.0F);
        kernels->outer_add(rows, depth, kStride, wide.data(), kStride, b.data(), kStride,
                           outer.data());
        for (std::size_t r = 0; r < rows; ++r) {
          for (std::size_t lane = 0; lane < kStride; ++lane) {
            double want = static_cast<double>(before[r * kStride + lane]);
            const bool is_inside = lane >= kPanelLanes && lane < 2 * kPanelLanes;
            for (std::size_t k = 0; k < depth && is_inside; ++k) {
              want += static_cast<double>(a[r * depth + k]) *
                      static_cast<double>(b[k * kStride + lane]);
            }
            BOOST_REQUIRE_SMALL(static_cast<double>(c[r * kStride + lane]) - want, 1e-5);
          }
          for (std::size_t k = 0; k < depth; ++k) {
            double want = 1.0;
            for (std::size_t i = 0; i < kStride; ++i) {
              want += static_cast<double>(wide[r * kStride + i]) *
                      static_cast<double>(b[k * kStride + i]);
            }
            BOOST_REQUIRE_SMALL(static_cast<double>(outer[r * depth + k]) - want, 2e-4);
          }
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(training_and_scoring_activate_alike) {
  core::Rng rng(7);
  const Layer layer(0, 8, rng);
  for (const LstmKernels* kernels : builds()) {
    std::vector<float> c = layer.c;
    std::vector<float> h(c.size());
    kernels->lstm_step(layer.cell(), layer.start.data(), nullptr, nullptr, c.data(), h.data());
    std::vector<float> gates = layer.start;
    std::vector<float> c_after(c.size()), tanh_c(c.size()), h_after(c.size());
    kernels->lstm_activate(8, kPanelLanes, gates.data(), layer.c.data(), c_after.data(),
                           tanh_c.data(), h_after.data());
    BOOST_TEST(difference(c, c_after) < 1e-6);
    BOOST_TEST(difference(h, h_after) < 1e-6);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::stats
