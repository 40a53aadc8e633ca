#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <sstream>

#include "anomaly_exporter/storage/model_store.h"
#include "anomaly_exporter/tools/models.h"
#include "anomaly_exporter/tools/train.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"
#include "unit/app/app_support.h"
#include "unit/app/fake_trainable.h"

namespace anomaly_exporter::tools {
namespace {

struct Fixture {
  support::TempDir directory;
  support::ManualClock clock{{1'800'000'000'000}};
  TrainOptions options;
  std::ostringstream out;

  Fixture() {
    auto monitor = app::trainable_config({"bandwidth", "latency"});
    monitor.name = "dwcp";
    monitor.ensemble.weights = {{"zscore", 1.0}};
    options.config.monitors.push_back(monitor);
    options.storage_path = directory.file("data");
    options.create_detector = &app::FakeTrainable::create;
  }
  void write_csv(int rows, const std::string& header = "timestamp,bandwidth,latency",
                 int step = 10) {
    std::string text = header + "\n";
    core::Rng rng(5);
    for (int k = 0; k < rows; ++k) {
      text += std::to_string(1'700'000'000 + k * step) + "," + std::to_string(100 + rng.normal()) +
              "," + std::to_string(5 + rng.normal()) + "\n";
    }
    options.input = directory.write("history.csv", text);
  }
  std::string error() {
    const auto result = train(options, clock, out);
    return result.ok() ? "none" : result.error().message;
  }
  ModelSelection selection() const {
    return {.storage_path = options.storage_path,
            .monitor = "",
            .detector = "",
            .version = 0,
            .json = false};
  }
  bool says(const std::string& text) const { return out.str().find(text) != std::string::npos; }
};

BOOST_FIXTURE_TEST_SUITE(training_commands_test, Fixture)

BOOST_AUTO_TEST_CASE(a_file_makes_a_model_and_the_tool_says_where_it_went) {
  write_csv(400);
  BOOST_TEST(train(options, clock, out).value() == 1U);
  BOOST_TEST(says("monitor dwcp\n  400 points of 1 entity, 2023-11-14T22:13:20.000Z to "));
  BOOST_TEST(says("  warning: 400 points are few; 10000 or more make a better model\n"));
  BOOST_TEST(says("  warning: 1h6m of data are few; 1w or more show a whole week\n"));
  BOOST_TEST(says("zscore: 320 samples, accepted: the first model\n"));
  BOOST_TEST(says("recall "));
  BOOST_TEST(says("  version 1 written to " + options.storage_path +
                  "/models/dwcp/zscore/000001.model\n"));
  const storage::ModelStore store(options.storage_path);
  const auto m = store.metadata("dwcp", "zscore", 1).value();
  BOOST_TEST((m.origin == storage::ModelOrigin::Tool));
  BOOST_TEST(m.parameters == config::model_parameters(options.config.monitors[0], "zscore"));
}

BOOST_AUTO_TEST_CASE(enough_data_warn_of_nothing) {
  write_csv(10'100, "timestamp,bandwidth,latency", 60);
  options.config.monitors[0].interval = std::chrono::seconds(60);
  BOOST_TEST(train(options, clock, out).value() == 1U);
  BOOST_TEST(!says("warning"));
}

BOOST_AUTO_TEST_CASE(fewer_than_a_hundred_points_are_refused_with_the_reason) {
  write_csv(99);
  BOOST_TEST(error() == "monitor dwcp: 99 points of data; a model needs at least 100");
  write_csv(1);
  BOOST_TEST(error() == "monitor dwcp: " + options.input +
                            ": fewer than two times; at least 100 points are needed");
  write_csv(100);
  BOOST_TEST(error() == "none");
}

BOOST_AUTO_TEST_CASE(a_file_that_does_not_fit_the_monitor_is_refused) {
  write_csv(400, "timestamp,a,b");
  BOOST_TEST(error() == "monitor dwcp: " + options.input +
                            ": none of its columns is a metric of the monitor; write "
                            "timestamp,bandwidth,latency");
  write_csv(400, "timestamp,bandwidth,latency", 300);
  BOOST_TEST(error() == "monitor dwcp: " + options.input +
                            ": rows every 5m, the monitor's interval is 10s; models see values "
                            "as far apart as the monitor does");
}

BOOST_AUTO_TEST_CASE(columns_may_stand_in_any_order_and_some_may_lack) {
  write_csv(400, "timestamp,latency,other");
  BOOST_TEST(train(options, clock, out).value() == 1U);
}

BOOST_AUTO_TEST_CASE(names_that_do_not_exist_are_said) {
  write_csv(400);
  options.monitor = "web";
  BOOST_TEST(error() == "no monitor is named web; there are dwcp");
  options.monitor = "";
  options.detector = "mad";
  BOOST_TEST(error() == "mad is not a trained detector that votes; see ensemble.weights");
  options.detector = "";
  options.create_detector = &detectors::create_detector;
  BOOST_TEST(error() == "no detector that votes is a trained one; see ensemble.weights");
}

BOOST_AUTO_TEST_CASE(a_worse_model_is_not_written) {
  write_csv(2000);
  BOOST_TEST(train(options, clock, out).value() == 1U);
  app::FakeTrainable::next_factor = 0;
  BOOST_TEST(train(options, clock, out).value() == 0U);
  app::FakeTrainable::next_factor = 1;
  BOOST_TEST(says("rejected: finds 0.0 % of the injected faults, the model in use "));
  BOOST_TEST(train(options, clock, out).value() == 1U);
  const storage::ModelStore store(options.storage_path);
  BOOST_TEST(store.metadata("dwcp", "zscore", 2).value().parent == 1U);
}

BOOST_AUTO_TEST_CASE(models_are_listed_as_a_table_and_as_json) {
  write_csv(400);
  (void)train(options, clock, out);
  (void)train(options, clock, out);
  std::ostringstream table;
  BOOST_TEST(list_models(selection(), table).ok());
  std::istringstream lines(table.str());
  std::string line;
  std::getline(lines, line);
  BOOST_TEST(line.starts_with("monitor  detector  version     fitted"));
  std::getline(lines, line);
  BOOST_TEST(line.starts_with("dwcp     zscore    1           2027-01-15T08:00:00.000Z  tool"));
  std::getline(lines, line);
  BOOST_TEST(line.starts_with("dwcp     zscore    2        *  "));
  auto as_json = selection();
  as_json.json = true;
  std::ostringstream json;
  BOOST_TEST(list_models(as_json, json).ok());
  BOOST_TEST(json.str().starts_with(
      R"([{"monitor":"dwcp","detector":"zscore","version":1,"current":false,)"));
  BOOST_TEST(json.str().find(R"("version":2,"current":true,)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_model_is_shown_with_everything) {
  write_csv(400);
  (void)train(options, clock, out);
  std::ostringstream shown;
  BOOST_TEST(show_models(selection(), shown).ok());
  for (const char* text : {"version      1 (in use)", "reason       tool", "samples      320",
                           "in_sample    false", "verdict      accepted: the first model",
                           "parent       none", "parameters   zscore:", "recall  "}) {
    BOOST_TEST(shown.str().find(text) != std::string::npos, text);
  }
}

BOOST_AUTO_TEST_CASE(going_back_takes_the_parent_or_the_version_given) {
  write_csv(400);
  for (int i = 0; i < 3; ++i) (void)train(options, clock, out);
  const storage::ModelStore store(options.storage_path);
  std::ostringstream said;
  BOOST_TEST(roll_back_model(selection(), said).ok());
  BOOST_TEST(store.current("dwcp", "zscore").value() == 2U);
  BOOST_TEST(said.str() ==
             "dwcp zscore: version 2 is in use now instead of 3; a running exporter takes it up "
             "within a minute\n");
  auto chosen = selection();
  chosen.version = 3;
  BOOST_TEST(roll_back_model(chosen, said).ok());
  BOOST_TEST(store.current("dwcp", "zscore").value() == 3U);
  chosen.version = 1;
  BOOST_TEST(roll_back_model(chosen, said).ok());
  const auto none = roll_back_model(selection(), said);
  BOOST_REQUIRE(!none.ok());
  BOOST_TEST(none.error().message == "version 1 has no parent; give --version");
  chosen.version = 9;
  BOOST_TEST(!roll_back_model(chosen, said).ok());
}

BOOST_AUTO_TEST_CASE(going_back_needs_one_detector) {
  const storage::ModelStore store(options.storage_path);
  for (const char* detector : {"a", "b"}) (void)store.save("dwcp", detector, {}).value();
  std::ostringstream said;
  const auto both = roll_back_model(selection(), said);
  BOOST_REQUIRE(!both.ok());
  BOOST_TEST(both.error().message ==
             "several detectors match; say which by --monitor and --detector");
}

BOOST_AUTO_TEST_CASE(nothing_there_is_said_with_the_folder) {
  auto what = selection();
  what.monitor = "web";
  for (const auto command : {&list_models, &show_models, &roll_back_model}) {
    const auto status = command(what, out);
    BOOST_REQUIRE(!status.ok());
    BOOST_TEST(status.error().message ==
               "no model of monitor web in " + options.storage_path + "/models");
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::tools
