#include <utility>

#include "anomaly_exporter/detectors/registry.h"
#include "anomaly_exporter/exposition/dialect.h"
#include "anomaly_exporter/sources/selector_parser.h"
#include "presets.h"
#include "promql_scan.h"
#include "sections.h"

namespace anomaly_exporter::config {
namespace {

using sources::As;
using sources::MetricRequest;
using Kind = MetricRequest::Kind;

const SourceConfig* find_source(const Config& config, const std::string& name) {
  for (const SourceConfig& source : config.sources) {
    if (source.name == name) return &source;
  }
  return nullptr;
}

/// Chooses the only source for a monitor that names none. Returns null after a complaint.
const SourceConfig* resolve_source(const Cursor& at, MonitorConfig& monitor, const Config& config) {
  std::vector<std::string> names;
  for (const SourceConfig& source : config.sources) names.push_back(source.name);
  if (names.empty()) return nullptr;  // complained about already
  if (monitor.source.empty()) {
    if (at.find("source")) return nullptr;
    if (names.size() > 1) {
      at.fail_at("source",
                 "missing key; with several sources a monitor names one of " + joined(names));
      return nullptr;
    }
    monitor.source = names.front();
  }
  const SourceConfig* source = find_source(config, monitor.source);
  if (source == nullptr) {
    at.fail_at("source", in_quotes(monitor.source) + " is not the name of a source" +
                             suggestion(monitor.source, names));
  }
  return source;
}

void use_preset(Preset preset, MonitorConfig& monitor) {
  monitor.probe_selector = std::move(preset.probe_selector);
  monitor.metrics = std::move(preset.metrics);
  if (!monitor.group_by) monitor.group_by = std::move(preset.group_by);
}

/// What the preset data_quality is to watch; complains where that is missing or not a selector.
DataQuality data_quality_of(const Cursor& at, const MonitorDraft& draft) {
  const auto parsed = sources::parse_selector(draft.selector);
  if (draft.selector.empty()) {
    at.fail_at("selector",
               "missing key; preset data_quality needs the series to watch, like "
               "orders{job=\"shop\"}");
  } else if (!parsed) {
    at.fail_at("selector", in_quotes(draft.selector) +
                               " is not a selector; write it like orders{job=\"shop\"}");
  }
  if (const std::string fault = scan_promql(draft.agrees_with).fault; !fault.empty()) {
    at.fail_at("agrees_with", in_quotes(draft.agrees_with) + " " + fault);
  }
  return {draft.selector, draft.agrees_with, draft.tolerance_percent, draft.valid_values.valid_min,
          draft.valid_values.valid_max};
}

/// Fills in the preset's metrics and grouping.
void expand_preset(const Cursor& at, MonitorDraft& draft) {
  MonitorConfig& monitor = draft.config;
  for (const char* key : {"agrees_with", "tolerance_percent", "valid_values"}) {
    if (monitor.preset != "data_quality" && at.find(key)) {
      at.fail_at(key, "belongs to preset data_quality; remove it");
    }
  }
  const bool has_tolerance = monitor.preset == "data_quality" && at.find("tolerance_percent");
  if (has_tolerance && !at.find("agrees_with")) {
    at.fail_at("tolerance_percent", "is of no use without agrees_with; add that, or remove it");
  }
  if (monitor.preset.empty()) {
    for (const char* key : {"variant", "extended", "selector"}) {
      if (at.find(key) && !at.find("preset")) {
        at.fail_at(key, "belongs to a preset; add preset: node or remove it");
      }
    }
    return;
  }
  const std::vector<std::string> variants = preset_variants(monitor.preset);
  if (draft.variant.empty()) draft.variant = variants.front();
  if (std::find(variants.begin(), variants.end(), draft.variant) == variants.end()) {
    at.fail_at("variant",
               in_quotes(draft.variant) + " is not known; write one of " + joined(variants));
  }
  if (draft.is_extended && !has_extended_form(monitor.preset)) {
    at.fail_at("extended", "belongs to preset node; remove it");
  }
  if (monitor.preset == "data_quality") {
    const auto group_by = monitor.group_by.value_or(std::vector<std::string>{"job"});
    use_preset(make_data_quality(data_quality_of(at, draft), group_by), monitor);
    return;
  }
  std::string matchers;
  if (!draft.selector.empty()) {
    // The name stands for the preset's own, without which matchers like {a!="b"} would be refused.
    const auto inner = matchers_of(draft.selector);
    if (inner && sources::parse_selector("preset" + draft.selector)) {
      matchers = *inner;
    } else {
      at.fail_at("selector", in_quotes(draft.selector) +
                                 " is not a list of label matchers; write it like {job=\"node\"}");
    }
  }
  use_preset(
      make_preset(monitor.preset, draft.variant, draft.is_extended, matchers, monitor.group_by),
      monitor);
}

/// Puts what the file says about one metric over what it was.
void merge_metric(const Cursor& at, MetricDraft draft, MetricConfig& out) {
  MetricRequest& request = draft.config.request;
  const int inputs =
      draft.query.has_value() + draft.selector.has_value() + draft.column.has_value();
  if (inputs > 1) {
    at.fail("has several of query, selector and column; keep one");
    return;
  }
  if (inputs == 0 && request.text.empty()) {
    at.fail("has no input; write one of query, selector and column");
    return;
  }
  if (inputs == 1) {
    request.kind = draft.query ? Kind::Query : draft.selector ? Kind::Selector : Kind::Column;
    request.text = draft.query ? *draft.query : draft.selector ? *draft.selector : *draft.column;
    request.as = As::Gauge;
  }
  if (draft.as) {
    if (request.kind != Kind::Selector) {
      at.fail_at("as", "goes with selector only; write the rate into the query");
    }
    request.as = *draft.as;
  }
  if (draft.rate_window) {
    request.rate_window = *draft.rate_window;
    draft.config.has_rate_window = true;
  }
  if (auto status = draft.config.significance.validate(); !status) {
    at.fail_within(status.error().message);
  }
  if (auto status = draft.config.critical.validate(); !status) {
    at.fail_within(status.error().message);
  }
  out = std::move(draft.config);
}

void decode_metrics(const Cursor& at, MonitorConfig& monitor) {
  if (at.exceeds(kMaxMetrics)) return;
  at.for_each_entry([&](const std::string& name, const Cursor& value) {
    if (!is_name(name)) {
      value.fail(
          "is not a metric name; write letters, digits, _ and -, beginning with a letter "
          "or _");
      return;
    }
    MetricDraft draft;
    draft.config.request.metric = name;
    MetricConfig* known = nullptr;
    for (MetricConfig& metric : monitor.metrics) {
      if (metric.request.metric == name) known = &metric;
    }
    if (known != nullptr) draft.config = *known;
    const std::size_t before = value.faults();
    decode_section(value, metric_section(), draft);
    if (value.faults() != before) return;
    if (known == nullptr) known = &monitor.metrics.emplace_back();
    merge_metric(value, std::move(draft), *known);
  });
}

/// Where people look for a metric: at its key, or at the monitor for a preset's metric.
Cursor place_of(const Cursor& monitor, const MetricConfig& metric, const char* key) {
  Cursor place = monitor;
  for (const std::string& step :
       {std::string("metrics"), metric.request.metric, std::string(key)}) {
    const auto below = place.find(step);
    if (!below) break;
    place = *below;
  }
  return place;
}

const char* key_of(Kind kind) {
  switch (kind) {
    case Kind::Query:
      return "query";
    case Kind::Selector:
      return "selector";
    case Kind::Column:
      return "column";
  }
  return "";
}

void check_own_metrics(const Cursor& at, const PromqlScan& scan, const MonitorConfig& monitor) {
  const auto& own = monitor.own_families;
  for (const std::string& name : scan.names) {
    if (is_own_family(name) || std::find(own.begin(), own.end(), name) != own.end()) {
      at.fail(in_quotes(name) +
              " is served by this program itself, so results would feed back; "
              "set allow_own_metrics: true if that is meant");
      return;
    }
  }
}

/// False, after one complaint for the monitor, when a metric asks for what its source has not got.
bool metrics_fit(const Cursor& monitor_at, const MonitorConfig& monitor,
                 const SourceConfig& source) {
  const bool is_csv = std::holds_alternative<sources::CsvSourceOptions>(source.options);
  for (const MetricConfig& metric : monitor.metrics) {
    if (is_csv == (metric.request.kind == Kind::Column)) continue;
    const char* key = key_of(metric.request.kind);
    place_of(monitor_at, metric, key)
        .fail(std::string(key) + " of metric " + in_quotes(metric.request.metric) +
              " does not fit source " + in_quotes(source.name) + " of type " +
              (is_csv ? "csv; write column" : "prometheus; write query or selector"));
    return false;
  }
  return true;
}

/// Checks a metric's text and finds out whether it needs a rate window.
void check_metric(const Cursor& monitor_at, MonitorConfig& monitor, MetricConfig& metric,
                  std::optional<core::Duration> rate_window) {
  MetricRequest& request = metric.request;
  const Cursor at = place_of(monitor_at, metric, key_of(request.kind));
  if (request.kind == Kind::Column) {
    if (metric.has_rate_window) at.fail("goes without rate_window; remove rate_window");
    return;
  }
  const PromqlScan scan = scan_promql(request.text);
  if (!scan.fault.empty()) {
    at.fail(in_quotes(request.text) + " " + scan.fault);
    return;
  }
  if (!monitor.allow_own_metrics) check_own_metrics(at, scan, monitor);
  if (request.kind == Kind::Selector) {
    if (const auto parsed = sources::parse_selector(request.text); !parsed) {
      const std::string& message = parsed.error().message;
      at.fail(in_quotes(request.text) + ": " +
              message.substr(message.starts_with("selector: ") ? 10 : 0));
      return;
    }
    if (monitor.probe_selector.empty()) monitor.probe_selector = request.text;
  }
  const bool uses_window =
      request.kind == Kind::Query ? scan.uses_rate_window : request.as != As::Gauge;
  if (!uses_window) {
    if (metric.has_rate_window) {
      place_of(monitor_at, metric, "rate_window")
          .fail("is not used; write as: rate, as: delta or $rate_window, or remove it");
    }
    return;
  }
  if (!metric.has_rate_window && rate_window) {
    request.rate_window = *rate_window;
    metric.has_rate_window = true;
  }
  if (monitor.probe_selector.empty() && !scan.ranged_selectors.empty()) {
    monitor.probe_selector = scan.ranged_selectors.front();
  }
}

/// The share of ticks that a budget allows must be a rare one, or the score scale has no tail left.
void check_budget(const Cursor& at, const MonitorConfig& monitor) {
  constexpr double kMostPerTick = 0.1;
  constexpr core::Duration kDay = std::chrono::hours(24);
  const ensemble::AlarmBudget& budget = monitor.ensemble.alarm_budget;
  const double per_tick =
      budget.alarms * core::to_seconds(monitor.interval) / core::to_seconds(budget.per);
  if (per_tick <= kMostPerTick) return;
  const auto ensemble = at.find("ensemble");
  const core::Duration rarely = std::max<core::Duration>(10 * monitor.interval, kDay);
  const std::string advice = rarely == kDay ? "day" : core::format_duration(rarely);
  ensemble.value_or(at).fail_at(ensemble ? "alarm_budget" : "ensemble.alarm_budget",
                                "allows an alarm in more than every tenth tick of " +
                                    core::format_duration(monitor.interval) +
                                    "; allow fewer, like 1/" + advice);
}

/// Makes each voting detector once: it knows best what it accepts.
void check_detectors(const Cursor& at, const MonitorConfig& monitor) {
  const detectors::Shape shape{monitor.metrics.size(), monitor.window};
  for (const ensemble::Weight& weight : monitor.ensemble.weights) {
    const auto made = detectors::create_detector(weight.detector, monitor.detectors, shape);
    if (made) continue;
    // "zscore: window: 5 is ..." becomes the path of the key, "detectors.zscore.window: 5 is ...".
    std::string message = "detectors." + weight.detector;
    message += '.';
    message += std::string_view(made.error().message).substr(weight.detector.size() + 2);
    at.fail_within(message);
  }
}

void finish_monitor(const Cursor& at, MonitorDraft draft, Config& config) {
  const std::size_t before = at.faults();
  MonitorConfig& monitor = draft.config;
  if (monitor.name.empty()) {
    monitor.name = monitor.preset;
    if (monitor.name.empty() && !at.find("name")) {
      at.fail_at("name", "missing key; a monitor without preset needs a name");
    }
  }
  for (const MonitorConfig& earlier : config.monitors) {
    if (!monitor.name.empty() && earlier.name == monitor.name) {
      at.fail_at("name", in_quotes(monitor.name) +
                             " is already the name of another monitor; give each its own");
    }
  }
  const SourceConfig* source = resolve_source(at, monitor, config);
  expand_preset(at, draft);
  if (draft.metrics) decode_metrics(*draft.metrics, monitor);
  if (monitor.metrics.empty() && at.faults() == before) {
    at.fail_at("metrics", "names no metric; write at least one, or a preset");
  }
  if (at.faults() == before && (source == nullptr || metrics_fit(at, monitor, *source))) {
    for (MetricConfig& metric : monitor.metrics) {
      check_metric(at, monitor, metric, draft.rate_window);
    }
    const bool uses_window = std::any_of(monitor.metrics.begin(), monitor.metrics.end(),
                                         [](const auto& m) { return m.has_rate_window; });
    if (draft.rate_window && !uses_window && at.faults() == before) {
      at.fail_at("rate_window",
                 "is not used: no metric has as: rate, as: delta or $rate_window; remove it");
    }
    check_budget(at, monitor);
    check_detectors(at, monitor);
  }
  config.monitors.push_back(std::move(monitor));
}

}  // namespace

void decode_monitors(const Cursor& at, FileDraft& draft) {
  if (at.exceeds(kMaxMonitors)) return;
  const GlobalConfig& global = draft.config.global;
  at.for_each_item([&](const Cursor& item) {
    MonitorDraft monitor;
    monitor.config.interval = global.interval;
    monitor.config.offset = global.offset;
    monitor.config.window = global.window;
    monitor.config.calibration = global.calibration;
    monitor.config.backfill = global.backfill;
    monitor.config.timezone = global.timezone;
    monitor.config.expire_after = global.expire_after;
    monitor.config.accept_shift_after = global.accept_shift_after;
    monitor.config.detectors = draft.detectors;
    monitor.config.ensemble = draft.ensemble;
    monitor.config.severity = draft.severity;
    monitor.config.own_families = exposition::own_families(draft.config.exposition);
    monitor.config.incidents = draft.incidents;
    const std::size_t before = item.faults();
    decode_section(item, monitor_section(), monitor);
    if (item.faults() == before) {
      finish_monitor(item, std::move(monitor), draft.config);
    } else {
      draft.config.monitors.push_back(std::move(monitor.config));
    }
  });
}

}  // namespace anomaly_exporter::config
