#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/detectors/history.h"
#include "anomaly_exporter/detectors/moments_columns.h"
#include "anomaly_exporter/detectors/sorted_columns.h"
#include "contract/rig.h"

namespace anomaly_exporter::detectors {
namespace {

// A strip of one lane with five slots: the tick is the value, odd ticks were learned.
struct OneLane {
  std::vector<float> values;
  std::vector<LaneMask> learned;
  [[nodiscard]] series::StripView strip() const {
    return {values.data(), learned.data(), learned.data(), 1, values.size()};
  }
};

OneLane ticks_up_to(TickIndex now) {
  OneLane lane{std::vector<float>(5), std::vector<LaneMask>(5)};
  for (TickIndex t = 0; t <= now; ++t) {
    const auto slot = static_cast<std::size_t>(t % 5);
    lane.values[slot] = static_cast<float>(t);
    lane.learned[slot] = static_cast<LaneMask>(t % 2);
  }
  return lane;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(columns_test)

BOOST_AUTO_TEST_CASE(history_is_the_ticks_before_now_oldest_first) {
  const OneLane lane = ticks_up_to(11);
  const stats::LaneHistory history = history_before(lane.strip(), 11, 3);
  BOOST_TEST(history.ticks == 3U);
  BOOST_TEST(lane.values[history.oldest] == 8.0F);
}

BOOST_AUTO_TEST_CASE(history_of_a_young_run_is_shorter) {
  const OneLane lane = ticks_up_to(2);
  BOOST_TEST(history_before(lane.strip(), 2, 4).ticks == 2U);
  BOOST_TEST(history_before(lane.strip(), 0, 4).ticks == 0U);
}

BOOST_AUTO_TEST_CASE(only_learned_values_of_active_lanes_leave) {
  const OneLane lane = ticks_up_to(11);
  BOOST_TEST(leaving_values(lane.strip(), 11, 4, 1).lanes == 1U);
  BOOST_TEST(leaving_values(lane.strip(), 11, 4, 1).values[0] == 7.0F);
  BOOST_TEST(leaving_values(lane.strip(), 11, 4, 0).lanes == 0U);
  BOOST_TEST(leaving_values(lane.strip(), 11, 3, 1).lanes == 0U);  // tick 8 was not learned
  BOOST_TEST(leaving_values(lane.strip(), 3, 4, 1).lanes == 0U);   // before the run began
}

BOOST_AUTO_TEST_CASE(refreshes_come_once_per_window_and_are_spread_over_blocks) {
  for (std::size_t block = 0; block < 10; ++block) {
    int due = 0;
    for (TickIndex t = 100; t < 110; ++t) due += is_refresh_due(t, block, 10) ? 1 : 0;
    BOOST_TEST(due == 1);
  }
  BOOST_TEST(is_refresh_due(100, 0, 10) != is_refresh_due(100, 1, 10));
}

// A state saved with other windows than those it now runs on heals itself within a window.
BOOST_AUTO_TEST_CASE(state_that_contradicts_the_windows_is_built_anew_from_them) {
  for (const char* name : {"zscore", "mad", "iqr", "moving_average"}) {
    core::Rng rng(1);
    contract::Rig other(name);
    contract::Rig healing(name);
    contract::Rig want(name);
    for (TickIndex t = 0; t < 140; ++t) {
      contract::BlockInput input(1);
      contract::BlockInput different(1);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        input.set(0, lane, static_cast<float>(rng.uniform()));
        different.set(0, lane, static_cast<float>(1000.0 + rng.uniform()));
      }
      if (t == 70) {
        const std::string state = other.saved();
        core::StateReader reader(state);
        BOOST_REQUIRE(healing.detector().restore(0, reader).ok());
      }
      other.tick(t, different);
      healing.tick(t, input);
      want.tick(t, input);
      if (t <= 130) continue;
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        BOOST_REQUIRE((healing.out().outcome[lane] == Outcome::Scored));
        BOOST_REQUIRE_CLOSE_FRACTION(healing.out().expected[lane], want.out().expected[lane],
                                     1e-6F);
        BOOST_REQUIRE_CLOSE_FRACTION(healing.out().scale[lane], want.out().scale[lane], 1e-6F);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(moments_refuse_sums_that_are_not_finite) {
  MomentsColumns columns;
  columns.resize(kLanes);
  core::StateWriter writer;
  columns.save(0, kLanes, writer);
  std::string state = writer.take();
  // The last eight bytes are the squares of the last row; the exponent of infinity.
  state[state.size() - 1] = '\x7f';
  state[state.size() - 2] = '\xf0';
  core::StateReader reader(state);
  const core::Status status = columns.restore(0, kLanes, 100, reader);
  BOOST_REQUIRE(!status.ok());
  BOOST_TEST((status.error().code == core::ErrorCode::Corrupt));
}

BOOST_AUTO_TEST_CASE(moments_refuse_more_samples_than_the_window_holds) {
  core::StateWriter writer;
  const std::vector<float> anchor(kLanes);
  std::vector<std::uint32_t> count(kLanes);
  count[63] = 11;
  const std::vector<double> sums(kLanes);
  writer.f32s(anchor);
  writer.u32s(count);
  writer.f64s(sums);
  writer.f64s(sums);
  MomentsColumns columns;
  columns.resize(kLanes);
  core::StateReader refused(writer.bytes());
  BOOST_TEST(!columns.restore(0, kLanes, 10, refused).ok());
  BOOST_TEST(columns.lanes_with(0, 1) == 0U);
  core::StateReader taken(writer.bytes());
  BOOST_TEST(columns.restore(0, kLanes, 11, taken).ok());
  BOOST_TEST(columns.lanes_with(0, 1) == LaneMask{1} << 63);
}

BOOST_AUTO_TEST_CASE(sorted_rows_refuse_a_state_that_cannot_be) {
  struct Case {
    const char* name;
    std::vector<float> row;
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Case& c : {Case{"not ascending", {2.0F, 1.0F}}, Case{"NaN", {nan, nan}},
                        Case{"infinite", {1.0F, infinity}},
                        Case{"longer than the window", {1.0F, 2.0F, 3.0F, 4.0F}}}) {
    core::StateWriter writer;
    writer.u16(static_cast<std::uint16_t>(c.row.size()));
    writer.f32s(c.row);
    SortedColumns columns(3);
    columns.resize(kLanes);
    core::StateReader reader(writer.bytes());
    const core::Status status = columns.restore(0, 1, reader);
    BOOST_TEST_CONTEXT(c.name) {
      BOOST_REQUIRE(!status.ok());
      BOOST_TEST((status.error().code == core::ErrorCode::Corrupt));
      BOOST_TEST(columns.lanes_with(0, 1) == 0U);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::detectors
