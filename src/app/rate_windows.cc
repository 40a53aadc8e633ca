#include "anomaly_exporter/app/rate_windows.h"

#include <algorithm>

namespace anomaly_exporter::app {

namespace {
constexpr core::Duration kLeastRateWindow = std::chrono::seconds(20);
constexpr int kScrapesPerRateWindow = 4;
}  // namespace

std::string probe_selector(const MonitorState& monitor) {
  std::string probe = monitor.config.probe_selector;
  for (const auto& request : monitor.requests) {
    if (probe.empty() && request.kind == sources::MetricRequest::Kind::Selector) {
      probe = request.text;
    }
  }
  return probe;
}

std::optional<core::Duration> fill_rate_windows(MonitorState& monitor,
                                                sources::MetricSource& source, core::Timestamp now,
                                                const std::stop_token& stop) {
  std::optional<core::Duration> scrape;
  if (const std::string probe = probe_selector(monitor); !probe.empty()) {
    if (const auto found = source.scrape_interval(probe, now, stop); found.ok()) scrape = *found;
  }
  const core::Duration window = scrape.value_or(core::Duration(0)) * kScrapesPerRateWindow;
  for (std::size_t m = 0; m < monitor.metrics(); ++m) {
    if (monitor.config.metrics[m].has_rate_window) continue;
    monitor.requests[m].rate_window = std::max(window, kLeastRateWindow);
  }
  return scrape;
}

}  // namespace anomaly_exporter::app
