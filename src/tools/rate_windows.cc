#include "rate_windows.h"

#include <algorithm>
#include <string>

namespace anomaly_exporter::tools {

std::optional<core::Duration> fill_rate_windows(app::MonitorState& state,
                                                sources::MetricSource& source,
                                                core::Timestamp now) {
  constexpr core::Duration kLeast = std::chrono::seconds(20);
  std::string probe = state.config.probe_selector;
  for (const auto& request : state.requests) {
    if (probe.empty() && request.kind == sources::MetricRequest::Kind::Selector) {
      probe = request.text;
    }
  }
  std::optional<core::Duration> scrape;
  if (!probe.empty()) {
    if (const auto found = source.scrape_interval(probe, now, {}); found.ok()) scrape = *found;
  }
  for (std::size_t m = 0; m < state.metrics(); ++m) {
    if (state.config.metrics[m].has_rate_window) continue;
    state.requests[m].rate_window = std::max(scrape.value_or(core::Duration(0)) * 4, kLeast);
  }
  return scrape;
}

}  // namespace anomaly_exporter::tools
