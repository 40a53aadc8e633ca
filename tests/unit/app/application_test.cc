#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/app/application.h"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <string>
#include <thread>

#include "stepped_clock.h"
#include "support/http_get.h"
#include "support/temp_dir.h"

namespace anomaly_exporter::app {
namespace {

constexpr std::int64_t kStartSeconds = 1'700'000'000;  // where SteppedClock begins
constexpr int kRowsBefore = 200, kRowsAfter = 2000;

/// The whole program on a CSV source, a clock that the test moves, and a free port.
struct Fixture {
  support::TempDir dir;
  SteppedClock clock;
  RecordingLogger log;
  std::unique_ptr<Application> app;
  std::string address;

  Fixture() {
    for (const char* host : {"a", "b"}) {
      std::string rows = "timestamp,cpu,mem\n";
      for (int i = -kRowsBefore; i < kRowsAfter; ++i) {
        rows += std::to_string(kStartSeconds + i) + "," + std::to_string(i * 7 % 13) + "," +
                std::to_string(40 + i * 5 % 11) + "\n";
      }
      dir.write(std::string("data/") + host + ".csv", rows);
    }
    write_config("[cpu, mem]", "m");
    ApplicationOptions options;
    options.config_file = (dir.path() / "config.yml").string();
    options.storage_path = (dir.path() / "state").string();
    options.server.listen_addresses = {"127.0.0.1:0"};
    options.server.enable_lifecycle = true;
    options.workers = 2;
    auto started = Application::start(options, log, clock);
    BOOST_REQUIRE_MESSAGE(started.ok(), (started.ok() ? "" : started.error().message));
    app = std::move(started).value();
    address = app->addresses().at(0);
  }

  void write_config(const std::string& metrics, const std::string& name) {
    std::string text =
        "global: {interval: 1s, window: 64, calibration: 2m, backfill: 1h}\n"
        "sources:\n"
        "  - {name: files, type: csv, path: data}\n"
        "  - {name: spare, type: csv, path: data}\n"
        "detectors: {zscore: {window: 32}, mad: {window: 64}}\n"
        "monitors:\n"
        "  - name: " +
        name + "\n    source: files\n    metrics:\n";
    for (const char* metric : {"cpu", "mem"}) {
      if (metrics.find(metric) != std::string::npos) {
        text += std::string("      ") + metric + ": {column: " + metric + "}\n";
      }
    }
    dir.write("config.yml", text);
  }

  bool until(const std::string& path, const std::string& wanted) {
    for (int i = 0; i < 2000; ++i) {
      clock.advance(std::chrono::milliseconds(100));
      if (support::http_get(address, path).body.find(wanted) != std::string::npos) return true;
    }
    return false;
  }
};

BOOST_FIXTURE_TEST_SUITE(application_test, Fixture)

BOOST_AUTO_TEST_CASE(scores_of_files_reach_the_metrics_page) {
  BOOST_TEST(until("/metrics", R"(anomaly_score{monitor="m",metric="cpu",series="a"})"));
  BOOST_TEST(until("/-/ready", "ready"));
}

BOOST_AUTO_TEST_CASE(a_source_that_no_monitor_reads_is_neither_up_nor_down) {
  BOOST_REQUIRE(until("/metrics", R"(anomaly_exporter_source_up{source="files"} 1)"));
  const std::string page = support::http_get(address, "/metrics").body;
  BOOST_TEST(page.find(R"(anomaly_exporter_source_up{source="spare"})") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(reload_during_scrape_during_tick_is_clean) {
  BOOST_REQUIRE(until("/metrics", "anomaly_score{"));
  std::atomic<bool> done{false};
  std::atomic<int> scrapes{0}, failed{0};
  std::vector<std::jthread> scrapers;
  for (const char* path : {"/metrics", "/api/v1/scores", "/", "/-/ready"}) {
    scrapers.emplace_back([&, path] {
      while (!done) {
        const auto reply = support::http_get(address, path);
        if (reply.status != 200 && reply.status != 503) ++failed;
        ++scrapes;
      }
    });
  }
  std::jthread ticker([&] {
    while (!done) {
      clock.advance(std::chrono::milliseconds(20));
      std::this_thread::yield();
    }
  });
  for (int i = 0; i < 12; ++i) {
    // Kept, changed metrics (new state), renamed, and broken configurations in turn.
    if (i % 4 == 3) {
      dir.write("config.yml", "monitors: [");
    } else {
      write_config(i % 4 == 1 ? "[cpu]" : "[cpu, mem]", i % 4 == 2 ? "renamed" : "m");
    }
    const auto reply = support::http(address, "POST", "/-/reload");
    BOOST_TEST(reply.status == (i % 4 == 3 ? 500 : 200));
  }
  const int before = scrapes;
  while (scrapes < before + 20) std::this_thread::yield();
  done = true;
  scrapers.clear();
  BOOST_TEST(failed == 0);
}

BOOST_AUTO_TEST_CASE(a_bad_configuration_keeps_the_old_one_and_says_so) {
  BOOST_REQUIRE(until("/metrics", "anomaly_exporter_config_last_reload_successful 1"));
  dir.write("config.yml", "monitors: 5\n");
  const auto status = app->reload();
  BOOST_REQUIRE(!status.ok());
  BOOST_TEST(status.error().message.find("config.yml:1: monitors") != std::string::npos);
  BOOST_TEST(until("/metrics", "anomaly_exporter_config_last_reload_successful 0"));
  BOOST_TEST(until("/metrics", R"(anomaly_score{monitor="m")"));
  write_config("[cpu, mem]", "m");
  BOOST_TEST(app->reload().ok());
  BOOST_TEST(until("/metrics", "anomaly_exporter_config_last_reload_successful 1"));
}

BOOST_AUTO_TEST_CASE(a_removed_monitor_takes_its_series_and_metrics_along) {
  BOOST_REQUIRE(until("/metrics", R"(anomaly_score{monitor="m")"));
  write_config("[cpu]", "other");
  BOOST_REQUIRE(app->reload().ok());
  BOOST_REQUIRE(until("/metrics", R"(anomaly_score{monitor="other")"));
  const std::string page = support::http_get(address, "/metrics").body;
  BOOST_TEST(page.find(R"(monitor="m")") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(state_is_written_at_the_end_and_restored_at_the_start) {
  BOOST_REQUIRE(until("/metrics", R"(anomaly_score{monitor="m")"));
  app->stop();
  BOOST_TEST(std::filesystem::exists(dir.path() / "state" / "m.0.state"));
  ApplicationOptions options;
  options.config_file = (dir.path() / "config.yml").string();
  options.storage_path = (dir.path() / "state").string();
  options.server.listen_addresses = {"127.0.0.1:0"};
  auto again = Application::start(options, log, clock);
  BOOST_REQUIRE(again.ok());
  address = (*again)->addresses().at(0);
  BOOST_TEST(until("/metrics", R"(anomaly_score{monitor="m")"));
  BOOST_TEST(log.count("state restored") == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::app
