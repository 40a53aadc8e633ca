#define BOOST_TEST_DYN_LINK
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "anomaly_exporter/core/logger.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

namespace anomaly_exporter::core {
namespace {

BOOST_AUTO_TEST_SUITE(stderr_logger_test)

/// Sends what the process writes to stderr into a file until `lines()` or the end of the scope.
class CapturedStderr {
 public:
  CapturedStderr() : saved_(::dup(STDERR_FILENO)) {
    const int file = ::open(directory_.file("stderr").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    BOOST_REQUIRE(saved_ >= 0 && file >= 0);
    ::dup2(file, STDERR_FILENO);
    ::close(file);
  }
  ~CapturedStderr() { restore(); }
  CapturedStderr(const CapturedStderr&) = delete;
  CapturedStderr& operator=(const CapturedStderr&) = delete;

  std::vector<std::string> lines() {
    restore();
    std::vector<std::string> result;
    std::istringstream text(directory_.read("stderr"));
    for (std::string line; std::getline(text, line);) result.push_back(line);
    return result;
  }

 private:
  void restore() {
    if (saved_ < 0) return;
    ::dup2(saved_, STDERR_FILENO);
    ::close(saved_);
    saved_ = -1;
  }

  support::TempDir directory_;
  int saved_;
};

BOOST_AUTO_TEST_CASE(writes_one_line_per_call_with_the_time_of_its_clock) {
  const support::ManualClock clock(Timestamp{0});
  CapturedStderr captured;
  const auto logger = make_stderr_logger(LogLevel::Debug, LogFormat::Logfmt, clock);
  logger->debug("starting", {{"version", "0.1.0"}});
  logger->info("100% {} %v");
  logger->warn("two\nlines");
  logger->error("stopped");
  const std::vector<std::string> want = {
      "ts=1970-01-01T00:00:00.000Z level=debug msg=starting version=0.1.0",
      "ts=1970-01-01T00:00:00.000Z level=info msg=\"100% {} %v\"",
      "ts=1970-01-01T00:00:00.000Z level=warn msg=\"two\\nlines\"",
      "ts=1970-01-01T00:00:00.000Z level=error msg=stopped",
  };
  BOOST_TEST(captured.lines() == want, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(drops_lines_below_its_level) {
  const support::ManualClock clock(Timestamp{0});
  CapturedStderr captured;
  const auto logger = make_stderr_logger(LogLevel::Warn, LogFormat::Json, clock);
  logger->debug("a");
  logger->info("b");
  logger->warn("c");
  logger->error("d");
  const std::vector<std::string> want = {
      R"({"ts":"1970-01-01T00:00:00.000Z","level":"warn","msg":"c"})",
      R"({"ts":"1970-01-01T00:00:00.000Z","level":"error","msg":"d"})",
  };
  BOOST_TEST(captured.lines() == want, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(lines_of_several_threads_do_not_mix) {
  constexpr int kThreads = 4;
  constexpr int kLines = 200;
  const support::ManualClock clock(Timestamp{0});
  CapturedStderr captured;
  const auto logger = make_stderr_logger(LogLevel::Info, LogFormat::Logfmt, clock);
  {
    std::vector<std::jthread> writers;
    for (int t = 0; t < kThreads; ++t) {
      writers.emplace_back([&logger, t] {
        const std::string word(static_cast<std::size_t>(500 + t), static_cast<char>('a' + t));
        for (int i = 0; i < kLines; ++i) logger->info(word);
      });
    }
  }
  const std::vector<std::string> lines = captured.lines();
  BOOST_TEST(lines.size() == std::size_t{kThreads * kLines});
  for (int t = 0; t < kThreads; ++t) {
    const std::string want =
        "ts=1970-01-01T00:00:00.000Z level=info msg=" +
        std::string(static_cast<std::size_t>(500 + t), static_cast<char>('a' + t));
    BOOST_TEST(std::count(lines.begin(), lines.end(), want) == kLines);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::core
