#include <cmath>
#include <limits>

#include "anomaly_exporter/core/number_text.h"
#include "presets.h"
#include "sections.h"

namespace anomaly_exporter::config {
namespace {

using ensemble::Direction;
using ensemble::Significance;
using sources::As;

constexpr double kNone = std::numeric_limits<double>::infinity();
constexpr NumberRange kAnyNumber{-1e300, 1e300};

/// `5` is absolute, `5%` relative. Writing one replaces both, so that a preset's other one is gone.
void decode_min_deviation(const Cursor& at, Significance& out) {
  const auto written = read_text(at);
  if (!written) return;
  const bool is_percent = written->ends_with('%');
  const auto value = core::parse_number(written->substr(0, written->size() - is_percent));
  if (!value || !std::isfinite(*value) || *value < 0) {
    at.fail(in_quotes(*written) +
            " is not a deviation; write a number of at least 0, or a percentage like 5%");
    return;
  }
  out.min_deviation_absolute = is_percent ? 0 : *value;
  out.min_deviation_relative = is_percent ? *value / 100 : 0;
}

/// `[0, 100]`, `[0, null]`.
void decode_valid_range(const Cursor& at, Significance& out) {
  if (at.node().kind != YamlNode::Kind::List || at.node().items.size() != 2) {
    at.fail("is not a range; write [least, most], with null for an open end");
    return;
  }
  const auto bound = [&](std::size_t i, double open_end) -> std::optional<double> {
    const Cursor item = at.item(i);
    if (item.node().kind == YamlNode::Kind::Null) return open_end;
    return read_number(item, kAnyNumber);
  };
  const auto least = bound(0, -kNone);
  const auto most = bound(1, kNone);
  if (!least || !most) return;
  out.valid_min = *least;
  out.valid_max = *most;
}

const Kind<std::string>& preset_choice() {
  static const Kind<std::string> kind = [] {
    std::vector<std::pair<std::string, std::string>> words;
    for (const std::string& name : preset_names()) words.emplace_back(name, name);
    return choice<std::string>(words);
  }();
  return kind;
}

}  // namespace

const Section<Significance>& band_section() {
  constexpr NumberRange kWidening{Significance::kLeastWidening, Significance::kMostWidening};
  static const Section<Significance> section{
      "monitors[].metrics.NAME.band",
      "A deviation counts so many times less on that side: the band is that much wider, and "
      "detectors judge accordingly.",
      {field<Significance>("widen_above", &Significance::widen_above, number(kWidening),
                           "For values above the expected one. Below 1 narrows."),
       field<Significance>("widen_below", &Significance::widen_below, number(kWidening),
                           "For values below it.")},
      nullptr};
  return section;
}

const Section<MetricDraft>& metric_section() {
  static const auto significance = [](MetricDraft & m) -> auto& { return m.config.significance; };
  static const auto critical = [](MetricDraft & m) -> auto& { return m.config.critical; };
  static const auto part = [](auto decode) {
    return [decode](const Cursor& at, MetricDraft& m) { decode(at, significance(m)); };
  };
  static const Section<MetricDraft> section{
      "monitors[].metrics.NAME",
      "One input. Exactly one of `query`, `selector` and `column`; a metric of a preset has its "
      "query already, and what is written here replaces it key by key.",
      {
          optional_field<MetricDraft>("query", &MetricDraft::query, text(),
                                      "PromQL that gives one series per entity. `$rate_window` "
                                      "stands for the rate window."),
          optional_field<MetricDraft>("selector", &MetricDraft::selector, text(),
                                      "Selector of raw series, such as "
                                      "`http_requests_total{code=\"500\"}`; see `as`."),
          optional_field<MetricDraft>("column", &MetricDraft::column, text(),
                                      "Column of a csv source."),
          optional_field<MetricDraft>(
              "as", &MetricDraft::as,
              choice<As>({{"gauge", As::Gauge}, {"rate", As::Rate}, {"delta", As::Delta}}),
              "With `selector`: the sample itself (default), or PromQL's rate or delta of it.")
              .defaults_to("gauge"),
          optional_field<MetricDraft>("rate_window", &MetricDraft::rate_window,
                                      duration(kRateWindowRange),
                                      "Range of rate, delta and `$rate_window`.")
              .defaults_to("the monitor's"),
          field<MetricDraft>(
              "unit", [](MetricDraft & m) -> auto& { return m.config.unit; }, text(),
              "For people; shown beside values."),
          field<MetricDraft>(
              "direction", [](MetricDraft & m) -> auto& { return significance(m).direction; },
              choice<Direction>({{"both", Direction::Both},
                                 {"above", Direction::Above},
                                 {"below", Direction::Below}}),
              "Which deviations count."),
          custom<MetricDraft>({"min_deviation", "number or percentage", "0", "at least 0",
                               "Smaller deviations from the expected value do not count: in the "
                               "metric's unit, or relative to the expected value like `5%`.",
                               "", false},
                              part(decode_min_deviation)),
          custom<MetricDraft>(
              {"valid_range", "list of two numbers", "[null, null]",
               "least below most; null is open",
               "Values outside are at least a warning, whatever the past says.", "", false},
              part(decode_valid_range)),
          nested<MetricDraft>("critical", critical, critical_section(), "Critical limits."),
          nested<MetricDraft>("band", significance, band_section(), "Wider on one side."),
          field<MetricDraft>(
              "min_rate", [](MetricDraft & m) -> auto& { return m.config.min_rate; },
              number({0, 1}),
              "A series with samples at a smaller share of the ticks of its window (since its "
              "first "
              "sample) is not judged: outcome `sparse`. Critical limits still hold. 0 judges all."),
      },
      nullptr};
  return section;
}

const Section<MonitorDraft>& monitor_section() {
  static const auto of = [](auto MonitorConfig::*member) {
    return [member](MonitorDraft & m) -> auto& { return m.config.*member; };
  };
  static const auto variant = Kind<std::string>{
      "word",
      "node: " + joined(preset_variants("node")) + "; dwcp: " + joined(preset_variants("dwcp")),
      read_text, [](const std::string& shown) { return shown; }};
  const auto& presets = preset_choice();
  static const Section<MonitorDraft> section{
      "monitors[]",
      "One block of what to watch: a preset, metrics of your own, or both.",
      {
          field<MonitorDraft>("name", of(&MonitorConfig::name), name(),
                              "Value of the `monitor` label. Unique.")
              .defaults_to("the preset's name"),
          field<MonitorDraft>("preset", of(&MonitorConfig::preset), presets,
                              "Ready-made metrics: `node` for hosts with node_exporter, `dwcp` for "
                              "overlay networks, `user_behaviour` for logins, accesses and "
                              "transactions, `data_quality` for any selector; see presets.md."),
          field<MonitorDraft>("variant", &MonitorDraft::variant, variant,
                              "Which system the preset reads.")
              .defaults_to("the first"),
          field<MonitorDraft>("extended", &MonitorDraft::is_extended, boolean(),
                              "Preset node: also swap, run queue, blocked processes (not on AIX), "
                              "iowait and file systems."),
          field<MonitorDraft>("selector", &MonitorDraft::selector, text(),
                              "Preset: label matchers put into every selector, such as "
                              "`{job=\"node\"}`. Preset data_quality: the series to watch, such as "
                              "`orders{job=\"shop\"}`; required there."),
          field<MonitorDraft>("agrees_with", &MonitorDraft::agrees_with, text(),
                              "Preset data_quality: PromQL whose sum must be that of `selector`."),
          field<MonitorDraft>("tolerance_percent", &MonitorDraft::tolerance_percent,
                              number({1e-9, 1e6}),
                              "Preset data_quality: how far the two sums may differ."),
          custom<MonitorDraft>({"valid_values", "list of two numbers", "any finite value",
                                "least below most; null is open",
                                "Preset data_quality: what a valid value is.", "", false},
                               [](const Cursor& at, MonitorDraft& m) {
                                 decode_valid_range(at, m.valid_values);
                                 if (auto status = m.valid_values.validate(); !status) {
                                   at.fail("least is not below most; swap them");
                                 }
                               }),
          field<MonitorDraft>("source", of(&MonitorConfig::source), text(), "Name of a source.")
              .defaults_to("the only one"),
          field<MonitorDraft>("interval", of(&MonitorConfig::interval), duration(kIntervalRange),
                              "As in `global`.")
              .defaults_to("`global.interval`"),
          field<MonitorDraft>("offset", of(&MonitorConfig::offset), duration(kOffsetRange),
                              "As in `global`.")
              .defaults_to("`global.offset`"),
          field<MonitorDraft>("window", of(&MonitorConfig::window), count(kWindowRange),
                              "As in `global`.")
              .defaults_to("`global.window`"),
          field<MonitorDraft>("calibration", of(&MonitorConfig::calibration),
                              duration(kCalibrationRange), "As in `global`.")
              .defaults_to("`global.calibration`"),
          field<MonitorDraft>("backfill", of(&MonitorConfig::backfill), duration(kBackfillRange),
                              "As in `global`.")
              .defaults_to("`global.backfill`"),
          field<MonitorDraft>("expire_after", of(&MonitorConfig::expire_after),
                              duration(kHoldRange), "As in `global`.")
              .defaults_to("`global.expire_after`"),
          field<MonitorDraft>("accept_shift_after", of(&MonitorConfig::accept_shift_after),
                              duration(kHoldRange), "As in `global`.")
              .defaults_to("`global.accept_shift_after`"),
          field<MonitorDraft>("timezone", of(&MonitorConfig::timezone), time_zone(),
                              "As in `global`, for this monitor.")
              .defaults_to("`global.timezone`"),
          optional_field<MonitorDraft>("group_by", of(&MonitorConfig::group_by), label_names(),
                                       "Labels that tell entities apart; each entity has at most "
                                       "one series per metric.")
              .defaults_to("the preset's, else all labels"),
          optional_field<MonitorDraft>("labels", of(&MonitorConfig::labels), label_names(),
                                       "Further source labels to carry on the results.")
              .defaults_to("those equal across the entity's series"),
          optional_field<MonitorDraft>("rate_window", &MonitorDraft::rate_window,
                                       duration(kRateWindowRange),
                                       "Range of rate, delta and `$rate_window`.")
              .defaults_to("4 scrape intervals, at least 20s"),
          custom<MonitorDraft>({"metrics", "mapping of name to mapping", "the preset's", "",
                                "Inputs by name. The name is the value of the `metric` label.",
                                metric_section().title, false},
                               [](const Cursor& at, MonitorDraft& m) { m.metrics = at; }),
          nested<MonitorDraft>("detectors", of(&MonitorConfig::detectors), detectors_section(),
                               "As at the top, for this monitor."),
          nested<MonitorDraft>("ensemble", of(&MonitorConfig::ensemble), ensemble_section(),
                               "As at the top, for this monitor."),
          nested<MonitorDraft>("severity", of(&MonitorConfig::severity), severity_section(),
                               "As at the top, for this monitor."),
          nested<MonitorDraft>("incidents", of(&MonitorConfig::incidents), incidents_section(),
                               "As at the top, for this monitor."),
          field<MonitorDraft>("allow_own_metrics", of(&MonitorConfig::allow_own_metrics), boolean(),
                              "Let queries name the families that this program serves itself. "
                              "Without it they are refused, because results would feed back."),
      },
      [](const Cursor& at, const MonitorDraft& m) {
        // What comes from `global` alone was checked there.
        for (const char* key : {"interval", "offset", "expire_after", "accept_shift_after"}) {
          if (at.find(key)) return check_times(at, m.config);
        }
      }};
  return section;
}

}  // namespace anomaly_exporter::config
