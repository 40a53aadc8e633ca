#include "scrape_interval.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "api_envelope.h"

namespace anomaly_exporter::sources {
namespace {

/// What is read of one active target.
struct Target {
  std::string job;
  std::string interval;
};

bool read_target(JsonScanner& scanner, Target& target) {
  return scanner.members([&](std::string_view key) {
    if (key == "scrapeInterval") return scanner.read_string(target.interval);
    if (key != "labels") return scanner.skip_value();
    return scanner.members([&](std::string_view label) {
      return label == "job" ? scanner.read_string(target.job) : scanner.skip_value();
    });
  });
}

}  // namespace

std::optional<std::string> job_of_selector(std::string_view selector) {
  constexpr std::string_view kMatcher = "job=\"";
  for (std::size_t at = selector.find(kMatcher); at != std::string_view::npos;
       at = selector.find(kMatcher, at + 1)) {
    if (at == 0 || std::string_view("{, ").find(selector[at - 1]) == std::string_view::npos) {
      continue;
    }
    const std::string_view rest = selector.substr(at + kMatcher.size());
    const std::size_t end = rest.find_first_of("\"\\");
    if (end == std::string_view::npos || rest[end] != '"') return std::nullopt;
    return std::string(rest.substr(0, end));
  }
  return std::nullopt;
}

core::Result<std::optional<core::Duration>> interval_of_targets(
    std::string_view body, const std::optional<std::string>& job) {
  ApiEnvelope envelope(body);
  JsonScanner& scanner = envelope.scanner;
  std::optional<core::Duration> shortest, longest;
  const auto read_one = [&] {
    Target target;
    if (!read_target(scanner, target)) return false;
    const auto interval = core::parse_duration(target.interval);
    const bool counts = interval && interval->count() > 0 && (!job || *job == target.job);
    if (counts && (!shortest || *interval < *shortest)) shortest = *interval;
    if (counts && (!longest || *interval > *longest)) longest = *interval;
    return true;
  };
  const core::Status status = envelope.read([&] {
    return scanner.members([&](std::string_view key) {
      if (key != "activeTargets" || scanner.is_next('n')) return scanner.skip_value();
      return scanner.elements(read_one);
    });
  });
  if (!status) return status.error();
  return job || shortest == longest ? shortest : std::nullopt;
}

std::string counting_query(const std::string& selector) {
  // The second half is empty, and with it the whole, while the history is shorter than the window.
  return "max(count_over_time(" + selector + "[5m])) and max(count_over_time(" + selector +
         "[2m] offset 3m))";
}

std::optional<core::Duration> interval_of_count(double count) {
  if (!(count >= 2)) return std::nullopt;
  const double seconds = core::to_seconds(kCountWindow) / count;
  constexpr std::array<int, 9> kUsual = {1, 2, 5, 10, 15, 20, 30, 60, 120};
  for (const int usual : kUsual) {
    if (std::abs(seconds - usual) <= 0.15 * usual) return std::chrono::seconds(usual);
  }
  return std::chrono::seconds(std::max<std::int64_t>(1, std::llround(seconds)));
}

}  // namespace anomaly_exporter::sources
