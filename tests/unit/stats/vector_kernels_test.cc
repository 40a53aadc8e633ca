#include "anomaly_exporter/stats/vector_kernels.h"

#define BOOST_TEST_DYN_LINK
#include <array>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "anomaly_exporter/core/rng.h"

namespace anomaly_exporter::stats {
namespace {

const VectorKernels& base() { return vector_kernels(core::CpuLevel::Base); }
/// The best this machine can run.
const VectorKernels& best() { return vector_kernels(core::detected_cpu_level()); }

std::vector<float> random_batch(core::Rng& rng, std::size_t features) {
  std::vector<float> batch(features * kBatchLanes);
  for (float& value : batch) value = static_cast<float>(rng.normal());
  return batch;
}

/// Random splits and leaves.
struct Trees {
  std::vector<std::uint32_t> words;
  std::size_t trees, depth;

  Trees(core::Rng& rng, std::size_t tree_count, std::size_t tree_depth, std::size_t features)
      : words(tree_count * (std::size_t{2} << tree_depth)), trees(tree_count), depth(tree_depth) {
    const std::size_t splits = std::size_t{1} << depth;
    for (std::size_t i = 0; i < words.size(); ++i) {
      const bool is_leaf = i % (2 * splits) >= splits;
      const auto threshold = static_cast<float>(rng.normal());
      words[i] = is_leaf ? static_cast<std::uint32_t>(rng.below(1U << 20))
                         : split_word(threshold, rng.below(features));
    }
  }
  [[nodiscard]] ForestView view() const { return {words.data(), trees, depth}; }

  /// The same one vector at a time.
  [[nodiscard]] std::uint32_t sum(const std::vector<float>& batch, std::size_t lane) const {
    std::uint32_t total = 0;
    for (std::size_t tree = 0; tree < trees; ++tree) {
      const std::uint32_t* tree_words = words.data() + tree * (std::size_t{2} << depth);
      std::size_t node = 1;
      while (node < std::size_t{1} << depth) {
        const std::uint32_t word = tree_words[node];
        const float value = batch[word % kMostSplitFeatures * kBatchLanes + lane];
        node = 2 * node + (value > std::bit_cast<float>(word) ? 1U : 0U);
      }
      total += tree_words[node];
    }
    return total;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(vector_kernels_test)

BOOST_AUTO_TEST_CASE(forest_paths_are_those_of_a_walk_in_both_compilations) {
  core::Rng rng(5);
  for (const std::size_t depth : {3U, 4U, 8U, 12U}) {
    for (const std::size_t features : {1U, 8U, 100U, 1024U}) {
      const Trees trees(rng, 9, depth, features);
      const std::vector<float> batch = random_batch(rng, features);
      for (const std::size_t lanes : {1U, 7U, 8U, 33U, 64U}) {
        std::array<std::uint32_t, kBatchLanes> a{};
        std::array<std::uint32_t, kBatchLanes> b{};
        base().forest_paths(trees.view(), batch.data(), lanes, a.data());
        best().forest_paths(trees.view(), batch.data(), lanes, b.data());
        for (std::size_t lane = 0; lane < lanes; ++lane) {
          BOOST_REQUIRE_EQUAL(a[lane], trees.sum(batch, lane));
          BOOST_REQUIRE_EQUAL(b[lane], a[lane]);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(radial_sums_are_near_the_formula_and_equal_in_both_compilations) {
  core::Rng rng(6);
  for (const std::size_t features : {1U, 2U, 8U, 14U, 100U}) {
    const std::size_t count = 50;
    std::vector<float> centres(count * features);
    for (float& value : centres) value = static_cast<float>(0.5 * rng.normal());
    std::vector<float> weights(count);
    for (float& weight : weights) weight = static_cast<float>(rng.uniform());
    const std::vector<float> batch = random_batch(rng, features);
    for (const std::size_t lanes : {1U, 16U, 17U, 64U}) {
      std::array<float, kBatchLanes> a{};
      std::array<float, kBatchLanes> b{};
      const RadialView view{centres.data(), weights.data(), count, features};
      base().radial_sums(view, batch.data(), lanes, a.data());
      best().radial_sums(view, batch.data(), lanes, b.data());
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        double want = 0;
        for (std::size_t c = 0; c < count; ++c) {
          double square = 0;
          for (std::size_t f = 0; f < features; ++f) {
            const double away = static_cast<double>(batch[f * kBatchLanes + lane]) -
                                static_cast<double>(centres[c * features + f]);
            square += away * away;
          }
          want += static_cast<double>(weights[c]) * std::exp2(-std::fmin(square, 125.0));
        }
        BOOST_REQUIRE_LT(std::fabs(static_cast<double>(a[lane]) - want), 1e-30 + 5e-5 * want);
        BOOST_REQUIRE_EQUAL(std::bit_cast<std::uint32_t>(a[lane]),
                            std::bit_cast<std::uint32_t>(b[lane]));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_vector_far_away_adds_next_to_nothing) {
  const std::vector<float> batch(kBatchLanes, 1e9F);
  const float centre = 0;
  const float weight = 1;
  std::array<float, kBatchLanes> sums{};
  best().radial_sums({&centre, &weight, 1, 1}, batch.data(), kBatchLanes, sums.data());
  BOOST_TEST(sums[0] == std::ldexp(1.0F, -125));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::stats
