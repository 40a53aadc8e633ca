#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/series/windows.h"

#include <boost/test/unit_test.hpp>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace anomaly_exporter::series {
namespace {

struct Cell {
  float value = 0;
  bool learned = false;
};

/// The naive model: per row a deque of the last window + 1 ticks, newest first.
class Model {
 public:
  Model(std::size_t metrics, std::size_t window) : metrics_(metrics), slots_(window + 1) {}

  void open(Entity entities) {
    for (Entity e = 0; e < entities; ++e) {
      for (std::size_t m = 0; m < metrics_; ++m) {
        auto& row = rows_[{e, m}];
        row.push_front(std::nullopt);
        if (row.size() > slots_) row.pop_back();
      }
    }
  }
  std::optional<Cell>& newest(Entity e, std::size_t m) { return rows_[{e, m}].front(); }
  void forget(Entity e) {
    for (std::size_t m = 0; m < metrics_; ++m) {
      for (auto& cell : rows_[{e, m}]) cell.reset();
    }
  }

  void check(const Windows& windows, TickIndex newest) const {
    for (const auto& [key, row] : rows_) {
      const auto [entity, metric] = key;
      const StripView strip = windows.strip(block_of(entity), metric);
      const std::size_t lane = lane_of(entity);
      for (std::size_t age = 0; age < row.size(); ++age) {
        const std::size_t slot = strip.slot(newest - static_cast<TickIndex>(age));
        const bool present = (strip.present[slot] & bit(lane)) != 0;
        BOOST_REQUIRE_EQUAL(present, row[age].has_value());
        BOOST_REQUIRE_EQUAL((strip.learned[slot] & bit(lane)) != 0, present && row[age]->learned);
        if (present) BOOST_REQUIRE_EQUAL(strip.values[slot * strip.stride + lane], row[age]->value);
      }
    }
  }

 private:
  std::size_t metrics_;
  std::size_t slots_;
  std::map<std::pair<Entity, std::size_t>, std::deque<std::optional<Cell>>> rows_;
};

/// Windows of one block of `entities` with a little content.
Windows sample_windows(std::size_t entities, std::size_t window = 4) {
  Windows windows(2, window);
  windows.resize(entities);
  for (TickIndex tick = 0; tick < 7; ++tick) {
    windows.open(0, tick, ~LaneMask{0});
    for (std::size_t lane = 0; lane < entities; ++lane) {
      if ((static_cast<std::size_t>(tick) + lane) % 3 == 0) continue;
      windows.write(0, lane % 2, lane, tick, static_cast<float>(tick) + 0.5F);
    }
    windows.mark_learned(0, 1, tick, 0b1010);
  }
  return windows;
}

std::string saved(const Windows& windows, std::size_t block = 0) {
  core::StateWriter out;
  windows.save(block, out);
  return out.take();
}

core::ErrorCode restore_error(Windows& windows, std::string_view bytes) {
  core::StateReader in(bytes);
  const auto status = windows.restore(0, in);
  BOOST_REQUIRE(!status.ok());
  return status.error().code;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(windows_test)

BOOST_AUTO_TEST_CASE(agrees_with_a_naive_model_over_growth_forgetting_and_wrap_around) {
  for (const std::size_t window : {2UL, 3UL, 7UL, 20UL}) {
    constexpr std::size_t kMetrics = 3;
    std::mt19937 random(static_cast<unsigned>(window));
    Windows windows(kMetrics, window);
    Model model(kMetrics, window);
    Entity entities = 1;
    windows.resize(entities);
    for (TickIndex tick = 0; tick < 150; ++tick) {
      if (tick % 5 == 4) {
        entities += static_cast<Entity>(random() % 7);
        windows.resize(entities);
      }
      for (std::size_t block = 0; block < windows.blocks(); ++block) {
        windows.open(block, tick, ~LaneMask{0});
      }
      model.open(entities);
      for (Entity e = 0; e < entities; ++e) {
        for (std::size_t m = 0; m < kMetrics; ++m) {
          if (random() % 4 == 0) continue;
          const auto value = static_cast<float>(random() % 1000);
          windows.write(block_of(e), m, lane_of(e), tick, value);
          const bool learned = random() % 2 == 0;
          if (learned) windows.mark_learned(block_of(e), m, tick, bit(lane_of(e)));
          model.newest(e, m) = Cell{value, learned};
        }
      }
      if (random() % 6 == 0) {
        const auto e = static_cast<Entity>(random() % entities);
        windows.forget(e);
        model.forget(e);
      }
      model.check(windows, tick);
    }
    BOOST_TEST(entities > 64U);  // or growth over a block's end was not tried
  }
}

BOOST_AUTO_TEST_CASE(lanes_of_the_last_block_double_as_entities_come) {
  Windows windows(1, 4);
  BOOST_TEST(windows.blocks() == 0U);
  const std::vector<std::pair<std::size_t, std::size_t>> steps = {{1, 1}, {2, 2},   {3, 4},  {5, 8},
                                                                  {4, 8}, {33, 64}, {64, 64}};
  for (const auto& [entities, stride] : steps) {
    windows.resize(entities);
    BOOST_TEST(windows.strip(0, 0).stride == stride);
  }
  windows.resize(66);
  BOOST_TEST(windows.blocks() == 2U);
  BOOST_TEST(windows.strip(1, 0).stride == 2U);
  windows.resize(200);
  BOOST_TEST(windows.blocks() == 4U);
  BOOST_TEST(windows.strip(1, 0).stride == 64U);
  BOOST_TEST(windows.strip(3, 0).stride == 8U);
}

BOOST_AUTO_TEST_CASE(strips_start_on_a_cache_line_in_full_blocks) {
  Windows windows(3, 1000);
  windows.resize(130);
  for (std::size_t metric = 0; metric < 3; ++metric) {
    const auto address = reinterpret_cast<std::uintptr_t>(windows.strip(0, metric).values);
    BOOST_TEST(address % 64 == 0U);
  }
}

BOOST_AUTO_TEST_CASE(open_clears_only_the_lanes_it_is_told) {
  Windows windows(1, 2);
  windows.resize(2);
  for (TickIndex tick = 0; tick < 3; ++tick) {
    windows.open(0, tick, 0b11);
    windows.write(0, 0, 0, tick, 1);
    windows.write(0, 0, 1, tick, 2);
  }
  windows.open(0, 3, 0b01);  // the slot of tick 0
  BOOST_TEST(windows.strip(0, 0).present[0] == 0b10U);
  BOOST_TEST(windows.strip(0, 0).present[1] == 0b11U);
}

BOOST_AUTO_TEST_CASE(only_present_values_can_be_learned) {
  Windows windows(1, 2);
  windows.resize(3);
  windows.open(0, 0, 0b111);
  windows.write(0, 0, 1, 0, 5);
  windows.mark_learned(0, 0, 0, 0b111);
  BOOST_TEST(windows.strip(0, 0).learned[0] == 0b010U);
}

BOOST_AUTO_TEST_CASE(the_value_that_leaves_the_window_can_still_be_read) {
  Windows windows(1, 5);
  windows.resize(1);
  for (TickIndex tick = 0; tick < 20; ++tick) {
    windows.open(0, tick, 1);
    windows.write(0, 0, 0, tick, static_cast<float>(tick));
    if (tick < 5) continue;
    const StripView strip = windows.strip(0, 0);
    BOOST_TEST(strip.values[strip.slot(tick - 5)] == static_cast<float>(tick - 5));
  }
}

BOOST_AUTO_TEST_CASE(forgetting_an_entity_that_has_no_block_does_nothing) {
  Windows windows(1, 2);
  windows.forget(1000);
  BOOST_TEST(windows.blocks() == 0U);
}

BOOST_AUTO_TEST_CASE(a_full_block_costs_four_bytes_and_two_bits_per_slot) {
  Windows windows(2, 1000);
  windows.resize(kLanes);
  const double per_row = static_cast<double>(windows.memory_bytes()) / (2 * kLanes);
  BOOST_TEST(per_row >= 1001 * 4.25);
  BOOST_TEST(per_row < 1001 * 4.25 + 8);
}

BOOST_AUTO_TEST_CASE(continues_equally_after_save_and_restore) {
  Windows windows = sample_windows(10);
  Windows copy(2, 4);
  copy.resize(10);
  const std::string bytes = saved(windows);
  core::StateReader in(bytes);
  BOOST_REQUIRE(copy.restore(0, in).ok());
  BOOST_TEST(in.remaining() == 0U);
  for (Windows* one : {&windows, &copy}) {
    one->open(0, 7, ~LaneMask{0});
    one->write(0, 0, 3, 7, -1.25F);
    one->mark_learned(0, 0, 7, bit(3));
    one->forget(4);
    one->resize(20);
  }
  BOOST_TEST(saved(copy) == saved(windows));
}

BOOST_AUTO_TEST_CASE(refuses_state_of_another_shape_and_stays_as_it_was) {
  const std::string bytes = saved(sample_windows(10));
  for (const auto& [metrics, window, entities] :
       {std::tuple(1UL, 4UL, 10UL), std::tuple(2UL, 5UL, 10UL), std::tuple(2UL, 4UL, 3UL)}) {
    Windows other(metrics, window);
    other.resize(entities);
    const std::string before = saved(other);
    BOOST_TEST((restore_error(other, bytes) == core::ErrorCode::Corrupt));
    BOOST_TEST(saved(other) == before);
  }
}

BOOST_AUTO_TEST_CASE(refuses_every_truncation) {
  const std::string bytes = saved(sample_windows(10));
  Windows windows = sample_windows(10);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    BOOST_TEST((restore_error(windows, std::string_view(bytes).substr(0, size)) ==
                core::ErrorCode::Corrupt));
  }
  BOOST_TEST(saved(windows) == bytes);
}

BOOST_AUTO_TEST_CASE(refuses_bits_and_values_that_make_no_sense) {
  Windows windows = sample_windows(2);
  const std::string good = saved(windows);
  constexpr std::size_t kPresent = 1 + 3 * 4 + 8;          // after the shape and a count
  constexpr std::size_t kLearned = kPresent + 10 * 8 + 8;  // 2 metrics x 5 slots
  constexpr std::size_t kValues = kLearned + 10 * 8 + 8;

  std::string lane_too_high = good;
  lane_too_high[kPresent] = '\x04';
  BOOST_TEST((restore_error(windows, lane_too_high) == core::ErrorCode::Corrupt));

  std::string learned_but_absent = good;
  learned_but_absent[kPresent] = '\x00';
  learned_but_absent[kLearned] = '\x01';
  BOOST_TEST((restore_error(windows, learned_but_absent) == core::ErrorCode::Corrupt));

  std::string infinite = good;
  infinite[kPresent] = '\x01';
  infinite.replace(kValues, 4, std::string("\x00\x00\x80\x7f", 4));
  BOOST_TEST((restore_error(windows, infinite) == core::ErrorCode::Corrupt));

  std::string version = good;
  version[0] = '\x02';
  BOOST_TEST((restore_error(windows, version) == core::ErrorCode::Corrupt));

  std::string count = good;
  count[kPresent - 8] = '\x7f';
  BOOST_TEST((restore_error(windows, count) == core::ErrorCode::Corrupt));
  BOOST_TEST(saved(windows) == good);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::series
