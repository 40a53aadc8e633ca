#include "anomaly_exporter/detectors/multi_window.h"

#define BOOST_TEST_DYN_LINK
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/detectors/registry.h"
#include "entity_rig.h"

namespace anomaly_exporter::detectors {
namespace {

EntityRig rig(std::string_view name, std::size_t entities = kLanes, std::size_t window = 1000,
              const DetectorOptions& options = {}) {
  auto made = create_detector(name, options, {.metrics = 1, .window = window});
  return EntityRig(std::move(made).value(), 1, entities, window);
}

contract::BlockInput one(float value) {
  contract::BlockInput input(1);
  input.set(0, 0, value);
  return input;
}

/// White noise, or an autoregression of unit variance, in every lane.
class Noise {
 public:
  explicit Noise(double memory, std::uint64_t seed = 5) : memory_(memory), rng_(seed) {}

  /// Values at or above the threshold a tick ago do not teach, as in the engine.
  contract::BlockInput next(double offset, EntityRig& rig) {
    contract::BlockInput input = next(offset);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      if (rig.out().raw[lane] >= rig.detector().threshold()) {
        input.learn[0] &= ~series::bit(lane);
      }
    }
    return input;
  }
  contract::BlockInput next(double offset = 0) {
    contract::BlockInput input(1);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      state_[lane] = memory_ * state_[lane] + std::sqrt(1 - memory_ * memory_) * rng_.normal();
      input.set(0, lane, static_cast<float>(50.0 + offset + state_[lane]));
    }
    return input;
  }

 private:
  double memory_;
  core::Rng rng_;
  std::array<double, kLanes> state_{};
};

/// Ticks at or above the threshold, and how often it was crossed upwards, per lane.
struct Seen {
  std::array<std::size_t, kLanes> ticks{}, rises{};
  std::array<bool, kLanes> is_above{};

  void add(EntityRig& rig, double threshold) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const bool is_above_now = rig.out().raw[lane] >= threshold;
      ticks[lane] += is_above_now ? 1 : 0;
      rises[lane] += is_above_now && !is_above[lane] ? 1 : 0;
      is_above[lane] = is_above_now;
    }
  }
  [[nodiscard]] static std::size_t sum(const std::array<std::size_t, kLanes>& counts) {
    std::size_t total = 0;
    for (const std::size_t count : counts) total += count;
    return total;
  }
};

/// What a detector says, after `quiet` ticks of white noise, of `ticks` more with an offset.
Seen seen_of(std::string_view name, std::size_t quiet, std::size_t ticks,
             const std::function<double(std::size_t)>& offset, std::size_t from = 0,
             std::uint64_t seed = 5) {
  EntityRig entities = rig(name);
  Noise noise(0, seed);
  for (std::size_t t = 0; t < quiet; ++t) entities.tick(noise.next());
  Seen seen;
  for (std::size_t t = 0; t < ticks; ++t) {
    entities.tick(noise.next(offset(t), entities));
    if (t >= from) seen.add(entities, entities.detector().threshold());
  }
  return seen;
}

/// Share of values at or above the threshold where nothing is wrong.
double false_alarms(double memory, double threshold) {
  EntityRig entities = rig("multi_window");
  Noise noise(memory);
  Seen seen;
  constexpr std::size_t kWarm = 400;
  constexpr std::size_t kTicks = 12'400;
  for (std::size_t t = 0; t < kTicks; ++t) {
    entities.tick(noise.next());
    if (t >= kWarm) seen.add(entities, threshold);
  }
  const auto values = static_cast<double>((kTicks - kWarm) * kLanes);
  BOOST_TEST_MESSAGE("memory " << memory << ": share "
                               << static_cast<double>(Seen::sum(seen.ticks)) / values
                               << ", episodes per 1000 ticks "
                               << 1000.0 * static_cast<double>(Seen::sum(seen.rises)) / values);
  return static_cast<double>(Seen::sum(seen.ticks)) / values;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(multi_window_test)

BOOST_AUTO_TEST_CASE(gives_the_scores_of_the_independent_implementation) {
  std::ifstream file(std::string(AE_SOURCE_DIR) + "/tests/data/reference/multi_window.csv");
  std::string line;
  std::getline(file, line);
  DetectorOptions options;
  options.multi_window.windows = {1, 4, 16, 64};
  std::size_t judged = 0;
  for (int series = 0; series < 3; ++series) {
    EntityRig entity = rig("multi_window", 1, 200, options);
    for (int tick = 0; tick < 900; ++tick) {
      BOOST_REQUIRE(std::getline(file, line));
      std::vector<std::string> cells;
      std::istringstream in(line);
      for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
      cells.resize(6);
      contract::BlockInput input(1);
      if (!cells[1].empty()) input.set(0, 0, std::stof(cells[1]), cells[2] == "1");
      const VerdictColumns& out = entity.tick(input);
      BOOST_REQUIRE((out.outcome[0] == Outcome::Scored) == !cells[3].empty());
      if (cells[3].empty()) continue;
      ++judged;
      const auto wants = [&](double is, std::size_t cell, double scale) {
        const double want = std::stod(cells[cell]);
        BOOST_REQUIRE_MESSAGE(
            std::abs(is - want) <= 5e-4 * std::max(std::abs(want), scale),
            "series " << series << " tick " << tick << ": " << is << " not " << want);
      };
      wants(out.raw[0], 3, 1);
      wants(static_cast<double>(out.expected[0]), 4, 1);
      wants(static_cast<double>(out.scale[0]), 5, 0);
    }
  }
  BOOST_TEST(judged > 2000U);
}

// Three hours at 10 s. The z-score's own window drifts along.
BOOST_AUTO_TEST_CASE(a_drift_of_one_sigma_over_hours_is_found_that_zscore_misses) {
  const auto drift = [](std::size_t t) { return std::min(1.0, static_cast<double>(t) / 1080); };
  const Seen found = seen_of("multi_window", 6000, 1300, drift, 600);
  BOOST_TEST(std::ranges::count_if(found.ticks, [](std::size_t n) { return n >= 350; }) >= 60);
  const Seen missed = seen_of("zscore", 3000, 1300, drift, 600);
  const Seen usual = seen_of(
      "zscore", 3000, 1300, [](std::size_t) { return 0.0; }, 600);
  BOOST_TEST(static_cast<double>(Seen::sum(missed.ticks)) <
             1.5 * static_cast<double>(Seen::sum(usual.ticks)));
}

// Drifts and noise that none of the constants was chosen on. Found: above the threshold for half of
// the hour after the drift. docs/detectors/multi_window.md has these numbers, and where it ends.
BOOST_AUTO_TEST_CASE(slow_drifts_are_found_up_to_the_stated_length) {
  static constexpr std::size_t kHour = 360;  // ticks
  const auto found = [](double sigmas, std::size_t ticks) {
    const auto drift = [&](std::size_t t) {
      return sigmas * std::min(1.0, static_cast<double>(t) / static_cast<double>(ticks));
    };
    const Seen seen = seen_of("multi_window", 6000, ticks + kHour, drift, ticks, 77 + ticks);
    return std::ranges::count_if(seen.ticks, [](std::size_t n) { return n >= kHour / 2; });
  };
  for (const std::size_t ticks : {kHour / 2, 2 * kHour, 6 * kHour}) {
    BOOST_TEST(found(1, ticks) >= 56);
    BOOST_TEST(found(2, ticks) >= 60);
  }
  BOOST_TEST(found(2, 12 * kHour) >= 50);
}

BOOST_AUTO_TEST_CASE(a_long_episode_of_modest_size_is_one_episode) {
  const auto episode = [](std::size_t t) { return t < 400 ? 1.5 : 0.0; };
  const Seen found = seen_of("multi_window", 3000, 400, episode);
  BOOST_TEST(std::ranges::count_if(found.ticks, [](std::size_t n) { return n >= 360; }) >= 60);
  BOOST_TEST(std::ranges::count_if(found.rises, [](std::size_t n) { return n <= 4; }) >= 60);
  const Seen flickers = seen_of("zscore", 3000, 400, episode);
  BOOST_TEST(Seen::sum(flickers.ticks) < Seen::sum(found.ticks) / 10);
}

BOOST_AUTO_TEST_CASE(a_spike_is_found_at_once_and_leaves_no_tail) {
  EntityRig entities = rig("multi_window");
  Noise noise(0);
  for (int t = 0; t < 2000; ++t) entities.tick(noise.next());
  Seen at, after;
  entities.tick(noise.next(10));
  at.add(entities, 4);
  for (int t = 0; t < 20; ++t) {
    entities.tick(noise.next());
    after.add(entities, 4);
  }
  BOOST_TEST(Seen::sum(at.ticks) == kLanes);
  BOOST_TEST(Seen::sum(after.ticks) <= 6U);
}

// The rates that docs/detectors/multi_window.md states, of 768,000 values each.
BOOST_AUTO_TEST_CASE(false_alarms_stay_within_the_stated_rate) {
  BOOST_TEST(false_alarms(0.0, 4) <= 0.0008);
  BOOST_TEST(false_alarms(0.9, 4) <= 0.0008);
}

BOOST_AUTO_TEST_CASE(an_unlisted_length_does_not_score) {
  DetectorOptions options;
  options.multi_window.windows = {64};
  EntityRig entity = rig("multi_window", 1, 1000, options);
  core::Rng rng(3);
  for (int t = 0; t < 1000; ++t) entity.tick(one(static_cast<float>(rng.normal())));
  entity.tick(one(100));
  BOOST_TEST(entity.out().raw[0] < 2.0);
  BOOST_TEST(entity.out().expected[0] == 0.0F, boost::test_tools::tolerance(1.0F));
}

BOOST_AUTO_TEST_CASE(a_constant_is_silent_and_leaving_it_is_measured_by_the_floor) {
  EntityRig entity = rig("multi_window", 1);
  for (int t = 0; t < 500; ++t) entity.tick(one(1e6F));
  BOOST_TEST(entity.out().raw[0] == 0.0);
  BOOST_TEST(entity.tick(one(1e6F + 2)).raw[0] == 2.0, boost::test_tools::tolerance(1e-6));
  for (int t = 0; t < 300; ++t) {
    contract::BlockInput input(1);
    input.set(0, 0, 1e6F + 2, false);
    BOOST_REQUIRE(entity.tick(input).raw[0] <= 2.0 + 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(an_absent_value_counts_as_an_ordinary_one) {
  EntityRig entity = rig("multi_window", 1);
  core::Rng rng(4);
  for (int t = 0; t < 3000; ++t) entity.tick(one(static_cast<float>(rng.normal())));
  for (int t = 0; t < 100; ++t) {
    contract::BlockInput input(1);
    input.set(0, 0, static_cast<float>(2 + rng.normal()), false);
    entity.tick(input);
  }
  BOOST_TEST(entity.tick(one(1)).raw[0] > 8.0);
  for (int t = 0; t < 1000; ++t) entity.tick(contract::BlockInput(1));
  BOOST_TEST(entity.tick(one(1)).raw[0] < 2.0);
}

BOOST_AUTO_TEST_CASE(an_entity_carries_its_spreads_over_a_restart) {
  EntityRig before = rig("multi_window");
  EntityRig after = rig("multi_window");
  EntityRig fresh = rig("multi_window");
  BOOST_TEST(before.detector().remembers());
  Noise noise(0.9);
  for (int t = 0; t < 5000; ++t) before.tick(noise.next());
  core::StateWriter writer;
  before.detector().save_entity(7, writer);
  core::StateReader reader(writer.bytes());
  BOOST_REQUIRE(after.detector().restore_entity(7, reader).ok());
  core::StateReader cut(std::string_view(writer.bytes()).substr(0, writer.bytes().size() - 1));
  BOOST_TEST(!after.detector().restore_entity(8, cut).ok());
  for (int t = 0; t < 100; ++t) {
    const contract::BlockInput input = noise.next();
    before.tick(input);
    after.tick(input);
    fresh.tick(input);
  }
  const contract::BlockInput input = noise.next();
  const auto scale = [&](EntityRig& r) { return r.tick(input).scale[7]; };
  const float want = scale(before);
  BOOST_TEST(scale(after) == want, boost::test_tools::tolerance(0.02F));
  BOOST_TEST(std::abs(scale(fresh) - want) > 0.02F * want);
}

BOOST_AUTO_TEST_CASE(a_state_of_other_lengths_is_corrupt) {
  DetectorOptions options;
  options.multi_window.windows = {1, 4, 16, 64, 255};
  EntityRig a = rig("multi_window");
  EntityRig b = rig("multi_window", kLanes, 1000, options);
  core::StateWriter writer;
  a.detector().save_entity(0, writer);
  core::StateReader reader(writer.bytes());
  const core::Status status = b.detector().restore_entity(0, reader);
  BOOST_REQUIRE(!status.ok());
  BOOST_TEST((status.error().code == core::ErrorCode::Corrupt));
}

BOOST_AUTO_TEST_CASE(ticks_seen_before_a_restart_are_not_taught_twice) {
  auto made = create_detector("multi_window", {}, {.metrics = 1, .window = 100});
  made.value()->resize(1);
  series::Windows windows(1, 100);
  windows.resize(1);
  windows.open(0, 0, 1);
  windows.write(0, 0, 0, 0, 5);
  std::vector<float> values(kLanes, 5), floor(kLanes);
  const std::vector<LaneMask> present{1};
  core::StateWriter known;
  known.u16(1);
  for (const std::uint32_t size : {1U, 100U, 4U, 4U, 16U, 64U, 256U}) known.u32(size);
  for (const float v : {3.0F, 0.5F, 50.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 0.1F, 0.1F, 0.1F, 0.1F}) {
    known.f32(v);
  }
  core::StateReader reader(known.bytes());
  BOOST_REQUIRE(made.value()->restore_entity(0, reader).ok());
  Tick tick;
  tick.active = tick.repeated = 1;
  tick.values = values;
  tick.present = present;
  tick.scale_floor = floor;
  tick.windows = &windows;
  const auto saved = [&] {
    core::StateWriter out;
    made.value()->save_entity(0, out);
    return out.take();
  };
  made.value()->learn(tick, {present});
  BOOST_TEST((saved() == known.bytes()));
  tick.repeated = 0;
  made.value()->learn(tick, {present});
  BOOST_TEST((saved() != known.bytes()));
}

BOOST_AUTO_TEST_CASE(memory_per_row_is_the_documented_one) {
  auto made = create_detector("multi_window", {}, {.metrics = 3, .window = 1000});
  made.value()->resize(4);
  BOOST_TEST(made.value()->memory_bytes() == 4 * 3 * kLanes * 60U);
}

BOOST_AUTO_TEST_CASE(options_have_ranges) {
  const auto error = [](MultiWindowOptions options) {
    const core::Status status = options.validate();
    return status.ok() ? std::string() : status.error().message;
  };
  BOOST_TEST(error({}) == "");
  BOOST_TEST(error({.windows = {4096}}) == "");
  BOOST_TEST(error({.windows = {}}) == "windows: 0 lengths, not 1 to 8");
  BOOST_TEST(error({.windows = {1, 2, 3, 4, 5, 6, 7, 8, 9}}) == "windows: 9 lengths, not 1 to 8");
  BOOST_TEST(error({.windows = {0, 4}}) == "windows[0]: 0 is not within 1 to 4096");
  BOOST_TEST(error({.windows = {4, 4}}) ==
             "windows[1]: 4 is not greater than the length before it");
  BOOST_TEST(error({.threshold = 0.5}) == "threshold: 0.5 is not within 1 to 100");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::detectors
