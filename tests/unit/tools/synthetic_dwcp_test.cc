#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <iomanip>
#include <ostream>

#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/tools/backtest.h"
#include "support/dwcp_series.h"
#include "table_replay.h"

namespace anomaly_exporter::tools {

namespace {

constexpr std::size_t kGrace = 5;

struct Outcome {
  std::size_t faults = 0, found = 0;
  std::size_t sudden = 0, sudden_in_time = 0;  ///< spikes and steps; within two ticks
  std::size_t rows = 0, false_rows = 0;        ///< outside faults
};

Outcome examine(std::uint64_t seed) {
  const support::DwcpOptions options{.seed = seed};
  const auto series = support::make_dwcp_series(options);
  const auto settings = default_backtest_settings();
  const double threshold = settings.ensemble.threshold;
  Outcome outcome;
  std::vector<std::int64_t> found_at(series.faults.size(), -1);
  std::size_t next = 0;
  const auto done = replay_tables(
      {&series.table, 1},
      {.settings = settings, .after_row = [&](const ReplayedRow& passed) {
         if (passed.row < options.clean_ticks) return;
         while (next < series.faults.size() && passed.row > series.faults[next].last + kGrace) {
           ++next;
         }
         const bool is_fault =
             next < series.faults.size() && passed.row >= series.faults[next].first;
         const auto& results = passed.monitor.results;
         if (is_fault) {
           if (found_at[next] < 0 && results.entity_score[0] >= threshold) {
             found_at[next] = static_cast<std::int64_t>(passed.row);
           }
           return;
         }
         for (std::size_t m = 0; m < passed.monitor.metrics(); ++m) {
           const auto row = series::row_of(0, m, passed.monitor.metrics());
           if ((results.flags[row] & exposition::MonitorSnapshot::kScored) == 0) continue;
           ++outcome.rows;
           if (results.score[row] >= threshold) ++outcome.false_rows;
         }
       }});
  BOOST_REQUIRE(done.ok());
  for (std::size_t i = 0; i < series.faults.size(); ++i) {
    const auto& fault = series.faults[i];
    const bool is_sudden =
        fault.kind == support::DwcpFaultKind::Spike || fault.kind == support::DwcpFaultKind::Step;
    ++outcome.faults;
    if (is_sudden) ++outcome.sudden;
    if (found_at[i] < 0) {
      BOOST_TEST_MESSAGE("not found: " << support::to_string(fault.kind) << " of "
                                       << series.table.metrics[fault.metric]);
      continue;
    }
    ++outcome.found;
    if (is_sudden && found_at[i] <= static_cast<std::int64_t>(fault.first) + 2) {
      ++outcome.sudden_in_time;
    }
  }
  return outcome;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(synthetic_dwcp_test)

BOOST_AUTO_TEST_CASE(default_settings_find_faults_of_an_overlay_network) {
  Outcome sum;
  for (const std::uint64_t seed : {1, 2, 3}) {
    const Outcome one = examine(seed);
    sum.faults += one.faults;
    sum.found += one.found;
    sum.sudden += one.sudden;
    sum.sudden_in_time += one.sudden_in_time;
    sum.rows += one.rows;
    sum.false_rows += one.false_rows;
  }
  BOOST_TEST_MESSAGE(sum.found << " of " << sum.faults << " found; " << sum.sudden_in_time << " of "
                               << sum.sudden << " spikes and steps within two ticks; "
                               << sum.false_rows << " of " << sum.rows << " rows false");
  BOOST_REQUIRE_GT(sum.faults, 100U);
  BOOST_TEST(static_cast<double>(sum.found) > 0.95 * static_cast<double>(sum.faults));
  BOOST_TEST(sum.sudden_in_time == sum.sudden);
  BOOST_TEST(static_cast<double>(sum.false_rows) < 0.01 * static_cast<double>(sum.rows));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::tools
