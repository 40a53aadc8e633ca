#include "anomaly_exporter/tools/evaluate.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <limits>
#include <sstream>
#include <string>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/tools/backtest.h"
#include "progress_bar.h"
#include "support/manual_clock.h"
#include "table_replay.h"

namespace anomaly_exporter::tools {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

ExamHistory noise_history(std::size_t rows, std::size_t entities = 1, std::size_t metrics = 1,
                          std::uint64_t seed = 9) {
  core::Rng rng(seed);
  ExamHistory history{.name = "noise", .entities = {}, .tables = {}};
  for (std::size_t e = 0; e < entities; ++e) {
    sources::CsvTable table;
    for (std::size_t m = 0; m < metrics; ++m) table.metrics.push_back("m" + std::to_string(m));
    for (std::size_t k = 0; k < rows; ++k) {
      table.times.push_back({1'700'006'400'000 + static_cast<std::int64_t>(k) * 60'000});
      for (std::size_t m = 0; m < metrics; ++m) table.values.push_back(50 + rng.normal());
    }
    history.entities.push_back("e" + std::to_string(e));
    history.tables.push_back(std::move(table));
  }
  return history;
}

/// A budget of one alarm an hour: the maps of so short a history are still cautious.
ExamOptions options_for(std::string_view faults, std::size_t per_kind = 10) {
  auto settings = default_backtest_settings();
  settings.ensemble.alarm_budget = {.alarms = 1, .per = std::chrono::hours(1)};
  return {.settings = settings,
          .faults = parse_fault_kinds(faults).value(),
          .per_kind = per_kind,
          .seed = 4,
          .threads = 2};
}

Exam examine(const ExamHistory& history, const ExamOptions& options) {
  auto exam = run_exam({&history, 1}, options);
  BOOST_REQUIRE(exam.ok());
  return std::move(exam).value();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(evaluate_test)

BOOST_AUTO_TEST_CASE(a_history_of_one_time_is_refused) {
  ExamHistory history = noise_history(1000);
  for (auto& time : history.tables[0].times) time = {1'700'006'400'000};
  const auto exam = run_exam({&history, 1}, options_for("spike"));
  BOOST_REQUIRE(!exam.ok());
  BOOST_TEST(exam.error().message == "noise: all rows have one and the same time");
}

BOOST_AUTO_TEST_CASE(columns_find_their_metric_by_name_wherever_they_stand) {
  const ExamHistory history = noise_history(50, 1, 2);
  config::MonitorConfig settings = default_backtest_settings();
  for (const char* name : {"m1", "absent", "m0"}) {
    config::MetricConfig metric;
    metric.request.metric = name;
    metric.unit = std::string("unit of ") + name;
    settings.metrics.push_back(std::move(metric));
  }
  std::vector<std::string> units;
  const auto done = replay_tables(
      history.tables,
      {.settings = settings, .keep_metrics = true, .after_row = [&](const ReplayedRow& passed) {
         units.clear();
         for (const auto& metric : passed.monitor.config.metrics) units.push_back(metric.unit);
       }});
  BOOST_REQUIRE(done.ok());
  BOOST_TEST(units == (std::vector<std::string>{"unit of m0", "unit of m1"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(spikes_in_white_noise_are_found_at_once) {
  const Exam exam = examine(noise_history(6000), options_for("spike", 20));
  BOOST_TEST(exam.judges.front().name == "ensemble");
  BOOST_TEST(exam.judges.front().total.faults == 20U);
  BOOST_TEST(exam.judges.front().total.found >= 18U);
  BOOST_TEST(exam.judges.front().total.delay_median == 0.0);
  BOOST_TEST(exam.judges.front().total.by_chance <= 1U);
}

BOOST_AUTO_TEST_CASE(a_judge_at_the_threshold_all_the_time_finds_everything_by_chance) {
  auto options = options_for("ramp", 5);
  options.settings.ensemble.threshold = 1e-9;
  const Exam exam = examine(noise_history(3000), options);
  BOOST_TEST(exam.judges.front().total.found == 5U);
  BOOST_TEST(exam.judges.front().total.by_chance == 5U);
}

BOOST_AUTO_TEST_CASE(an_anomaly_of_the_history_is_one_false_alarm_and_no_found_fault) {
  auto history = noise_history(4000);
  for (std::size_t k = 3000; k < 3008; ++k) history.tables[0].values[k] += 60;
  auto options = options_for("silence", 1);
  const Exam exam = examine(history, options);
  const Exam without = examine(noise_history(4000), options);
  BOOST_TEST(exam.judges.front().false_alarms == without.judges.front().false_alarms + 1);
  const double weeks = 2000.0 * 60 / (7 * 86400);
  BOOST_TEST(exam.series_weeks == weeks, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(exam.judges.front().false_alarms_per_week ==
                 static_cast<double>(exam.judges.front().false_alarms) / weeks,
             boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(the_taught_half_raises_no_false_alarms) {
  auto history = noise_history(4000);
  for (std::size_t k = 1100; k < 1900; k += 40) history.tables[0].values[k] += 60;  // twenty
  auto options = options_for("silence", 1);
  const Exam exam = examine(history, options);
  const Exam without = examine(noise_history(4000), options);
  BOOST_TEST(exam.judges.front().false_alarms < without.judges.front().false_alarms + 10);
}

BOOST_AUTO_TEST_CASE(the_result_does_not_depend_on_the_number_of_threads) {
  const auto history = noise_history(2000, 3, 2);
  auto options = options_for("all", 6);
  const Exam two = examine(history, options);
  options.threads = 1;
  const Exam one = examine(history, options);
  BOOST_TEST(exam_json(one) == exam_json(two));
  BOOST_TEST(exam_html(one, "x") == exam_html(two, "x"));
  BOOST_TEST(one.entities == 3U);
  BOOST_TEST(one.series == 6U);
}

BOOST_AUTO_TEST_CASE(one_metric_tells_that_no_correlation_could_be_broken) {
  const Exam exam = examine(noise_history(1500), options_for("broken_correlation,spike", 3));
  BOOST_TEST(exam.not_placed[1] == 3U);
  std::ostringstream out;
  print_exam(exam, out);
  BOOST_TEST(out.str().find("a fault: 3 x broken_correlation") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_short_history_is_refused_with_the_reason) {
  const auto history = noise_history(700);
  const auto exam = run_exam({&history, 1}, options_for("spike"));
  BOOST_REQUIRE(!exam.ok());
  BOOST_TEST(exam.error().message ==
             "noise: 700 ticks; the exam needs 720: half of them teach, and faults keep a "
             "distance");
}

BOOST_AUTO_TEST_CASE(an_entity_that_comes_late_is_not_confused_with_another) {
  auto history = noise_history(4000, 2);
  for (std::size_t k = 0; k < 500; ++k) history.tables[0].values[k] = kNan;
  const Exam exam = examine(history, options_for("spike", 20));
  BOOST_TEST(exam.judges.front().total.found >= 18U);
}

BOOST_AUTO_TEST_CASE(pictures_show_the_fault_where_it_was_injected) {
  const Exam exam = examine(noise_history(3000), options_for("level_shift,spike", 4));
  BOOST_REQUIRE_EQUAL(exam.pictures.size(), 2U);
  for (const auto& p : exam.pictures) {
    BOOST_TEST(p.first == 60U);
    BOOST_TEST(p.value.size() == p.last + 61);
    BOOST_TEST(p.value.size() == p.score.size());
    BOOST_TEST(std::abs(p.value[p.first] - 50) > 3);
  }
}

BOOST_AUTO_TEST_CASE(texts_of_strangers_are_escaped_in_the_page) {
  auto history = noise_history(1500, 1, 2);
  history.entities[0] = "<script>alert(1)</script>";
  history.tables[0].metrics[0] = "a\"<b>&";
  history.tables[0].metrics[1] = "c\"<b>&";
  const std::string html =
      exam_html(examine(history, options_for("spike,ramp", 3)), "</title><script>");
  BOOST_TEST(html.find("<script") == std::string::npos);
  BOOST_TEST(html.find("<b>&<") == std::string::npos);
  BOOST_TEST(html.find("&lt;script&gt;alert") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(progress_is_drawn_on_a_terminal_only_and_removed) {
  for (const bool is_terminal : {false, true}) {
    const support::ManualClock clock;
    std::FILE* file = std::tmpfile();
    BOOST_REQUIRE(file != nullptr);
    {
      ProgressBar bar("work", clock, file, is_terminal);
      bar.update(0.5);
      bar.update(0.6);  // too soon
    }
    std::rewind(file);
    std::string text(1000, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file));
    std::fclose(file);
    const std::string bar = "\r" + progress_text("work", 0.5, core::Duration(0)) + "\033[K";
    BOOST_TEST(text == (is_terminal ? bar + "\r\033[K" : std::string()));
  }
}

BOOST_AUTO_TEST_CASE(progress_tells_the_time_that_is_left) {
  BOOST_TEST(progress_text("x", 0.25, std::chrono::seconds(10)) ==
             "x [########----------------------]  25 %  30s left");
  BOOST_TEST(progress_text("x", 1, std::chrono::seconds(10)) ==
             "x [##############################] 100 %");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace anomaly_exporter::tools
