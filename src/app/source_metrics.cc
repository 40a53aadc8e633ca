#include "anomaly_exporter/app/source_metrics.h"

#include <algorithm>
#include <array>
#include <utility>

#include "families.h"

namespace anomaly_exporter::app {

using prometheus::MetricType;
using sources::SourceStats;

namespace {

constexpr std::size_t kMostCarried = 4;

struct Column {
  const char *name, *help;
  std::uint64_t SourceStats::*total;
};
constexpr std::array<Column, 7> kColumns{{
    {"anomaly_exporter_source_requests_total", "HTTP requests sent to the source.",
     &SourceStats::requests},
    {"anomaly_exporter_source_failures_total", "Reads from the source that failed.",
     &SourceStats::failures},
    {"anomaly_exporter_source_retries_total", "HTTP requests that were repeated.",
     &SourceStats::retries},
    {"anomaly_exporter_source_received_bytes_total", "Bytes of bodies received.",
     &SourceStats::received_bytes},
    {"anomaly_exporter_source_samples_total", "Samples received.", &SourceStats::samples},
    {"anomaly_exporter_source_warnings_total",
     "Warnings in the source's answers; data may have been partial.", &SourceStats::warnings},
    {"anomaly_exporter_source_fallbacks_total",
     "Remote-read requests refused and sent to the query API instead.", &SourceStats::fallbacks},
}};

/// How far a total kept elsewhere has come since `last`; one that went back began anew.
std::uint64_t increase(std::uint64_t total, std::uint64_t last) {
  return total >= last ? total - last : total;
}

}  // namespace

void SourceMetrics::observe(const std::string& name, const sources::MetricSource& source,
                            const Try& latest) {
  add(name, source);
  const core::MutexLock lock(mutex_);
  auto& answered = sources_[name].answered;
  if (latest.is_answered) {
    answered[latest.monitor] = latest.now + std::min(2 * latest.interval, kLongestAnswer);
    return;
  }
  answered.erase(latest.monitor);
  std::erase_if(answered, [&](const auto& entry) { return entry.second <= latest.now; });
}

void SourceMetrics::add(const std::string& name, const sources::MetricSource& source) {
  SourceStats now = source.stats();
  const core::MutexLock lock(mutex_);
  Totals& totals = sources_[name];
  totals.stats.clock_skew = now.clock_skew;
  auto& known = totals.carried;
  auto before = std::find_if(known.begin(), known.end(),
                             [&](const Carried& c) { return c.source == &source; });
  if (before == known.end()) {
    if (known.size() >= kMostCarried) known.erase(known.begin());
    before = known.insert(known.end(), Carried{&source, {}});
  }
  for (const Column& column : kColumns) {
    totals.stats.*column.total += increase(now.*column.total, before->stats.*column.total);
  }
  for (const auto& [reason, count] : now.failures_by_reason) {
    totals.stats.failures_by_reason[reason] +=
        increase(count, before->stats.failures_by_reason[reason]);
  }
  before->stats = std::move(now);
}

void SourceMetrics::remove(const std::string& name) {
  const core::MutexLock lock(mutex_);
  sources_.erase(name);
}

void SourceMetrics::observe_series(const std::string& name, std::size_t series, std::size_t limit) {
  const core::MutexLock lock(mutex_);
  const auto found = sources_.find(name);
  if (found == sources_.end()) return;
  found->second.series = series;
  found->second.series_limit = limit;
}

void SourceMetrics::remove_monitor(const std::string& monitor) {
  const core::MutexLock lock(mutex_);
  for (auto& [name, totals] : sources_) totals.answered.erase(monitor);
}

std::vector<prometheus::MetricFamily> SourceMetrics::collect() const {
  const auto of = [](const std::string& source) { return MetricLabels{{"source", source}}; };
  Families out;
  const core::MutexLock lock(mutex_);
  out.open("anomaly_exporter_source_up",
           "1 when the source answered the last request of one of its monitors.",
           MetricType::Gauge);
  for (const auto& [name, totals] : sources_) out.gauge(of(name), totals.answered.empty() ? 0 : 1);
  out.open("anomaly_exporter_source_clock_skew_seconds",
           "Clock of the source minus ours, to about a second.", MetricType::Gauge);
  for (const auto& [name, totals] : sources_) {
    const auto& skew = totals.stats.clock_skew;
    if (skew) out.gauge(of(name), core::to_seconds(*skew));
  }
  out.open("anomaly_exporter_source_series", "Series admitted of the source.", MetricType::Gauge);
  for (const auto& [name, totals] : sources_) {
    out.gauge(of(name), static_cast<double>(totals.series));
  }
  out.open("anomaly_exporter_source_series_limit",
           "Most series of one source that are admitted (limits.series_per_source).",
           MetricType::Gauge);
  for (const auto& [name, totals] : sources_) {
    out.gauge(of(name), static_cast<double>(totals.series_limit));
  }
  for (const Column& column : kColumns) {
    out.open(column.name, column.help, MetricType::Counter);
    for (const auto& [name, totals] : sources_) out.counter(of(name), totals.stats.*column.total);
  }
  out.open("anomaly_exporter_source_failures_by_reason_total",
           "Reads from the source that failed, by kind of error.", MetricType::Counter);
  for (const auto& [name, totals] : sources_) {
    for (const auto code :
         {core::ErrorCode::InvalidArgument, core::ErrorCode::NotFound, core::ErrorCode::Unavailable,
          core::ErrorCode::Timeout, core::ErrorCode::Corrupt, core::ErrorCode::Exhausted,
          core::ErrorCode::Unsupported, core::ErrorCode::Internal}) {
      const std::string reason(core::to_string(code));
      const auto found = totals.stats.failures_by_reason.find(reason);
      out.counter({{"source", name}, {"reason", reason}},
                  found == totals.stats.failures_by_reason.end() ? 0 : found->second);
    }
  }
  return out.take();
}

}  // namespace anomaly_exporter::app
