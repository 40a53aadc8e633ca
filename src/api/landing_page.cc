#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "anomaly_exporter/api/escape.h"
#include "anomaly_exporter/api/handlers.h"
#include "anomaly_exporter/api/rows.h"
#include "anomaly_exporter/core/version.h"
#include "landing_style.h"

namespace anomaly_exporter::api {
namespace {

using exposition::MonitorSnapshot;

constexpr std::size_t kTopScores = 20;
constexpr std::size_t kShownRemarks = 10;
constexpr std::size_t kShownMetrics = 200;
constexpr std::size_t kShownText = 600;  // bytes of one error, hint, request or remark

/// A page under construction: `<<` takes trusted markup, `text` what strangers wrote.
class Html {
 public:
  Html& operator<<(std::string_view markup) {
    out_ += markup;
    return *this;
  }
  Html& text(std::string_view untrusted) {
    append_html(out_, untrusted);
    return *this;
  }
  /// The same, cut at kShownText bytes but not inside a character.
  Html& clipped(std::string_view untrusted) {
    if (untrusted.size() <= kShownText) return text(untrusted);
    std::size_t end = kShownText;
    while (end > 0 && (static_cast<unsigned char>(untrusted[end]) & 0xC0U) == 0x80U) --end;
    return text(untrusted.substr(0, end)) << "&hellip;";
  }
  Html& count(std::uint64_t number) { return *this << std::to_string(number); }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

std::string fixed(double number, int digits) {
  std::array<char, 64> text;
  const auto result = std::to_chars(text.data(), text.data() + text.size(), number,
                                    std::chars_format::fixed, digits);
  return result.ec == std::errc() ? std::string(text.data(), result.ptr) : "";
}

/// Four digits and a decimal prefix, e.g. "12.35 M".
std::string short_number(double number) {
  constexpr std::array<std::string_view, 5> kPrefixes{"", " k", " M", " G", " T"};
  std::size_t prefix = 0;
  double scaled = number;
  if (std::abs(number) >= 1e4 && std::abs(number) < 1e15) {
    while (std::abs(scaled) >= 1e3 && prefix + 1 < kPrefixes.size()) {
      scaled /= 1e3;
      ++prefix;
    }
  }
  std::array<char, 64> text;
  const auto result =
      std::to_chars(text.data(), text.data() + text.size(), scaled, std::chars_format::general, 4);
  return std::string(text.data(), result.ptr).append(kPrefixes[prefix]);
}

std::string percent(double ratio) { return fixed(std::clamp(ratio, 0.0, 1.0) * 100, 0) + " %"; }

/// A horizontal bar filled to `ratio`.
void bar(Html& html, double ratio, int width, std::string_view level) {
  const double filled = std::clamp(ratio, 0.0, 1.0) * width;
  html << "<svg width=\"" << std::to_string(width)
       << "\" height=\"8\" aria-hidden=\"true\"><rect class=\"track\" width=\""
       << std::to_string(width) << "\" height=\"8\" rx=\"4\"/><rect class=\"fill level-" << level
       << "\" width=\"" << fixed(filled, 1) << "\" height=\"8\" rx=\"4\"/></svg>";
}

/// Where the value lies against its band: the band as a box, the expected value as a line, the
/// value as a dot.
void band_chart(Html& html, double value, double expected, double lower, double upper) {
  constexpr double kWidth = 130;
  constexpr double kMargin = 6;
  double low = std::min(value, expected);
  double high = std::max(value, expected);
  if (std::isfinite(lower)) low = std::min(low, lower);
  if (std::isfinite(upper)) high = std::max(high, upper);
  if (!(high > low)) high = low + 1;
  const auto x = [&](double v) {
    return kMargin + std::clamp((v - low) / (high - low), 0.0, 1.0) * (kWidth - 2 * kMargin);
  };
  const double left = std::isfinite(lower) ? x(lower) : 0;
  const double right = std::isfinite(upper) ? x(upper) : kWidth;
  const bool is_out = value < lower || value > upper;
  html << "<svg width=\"130\" height=\"16\" aria-hidden=\"true\"><rect class=\"track\" y=\"6\" "
          "width=\"130\" height=\"4\" rx=\"2\"/><rect class=\"band\" y=\"3\" height=\"10\" "
          "rx=\"3\" x=\""
       << fixed(left, 1) << "\" width=\"" << fixed(std::max(right - left, 2.0), 1)
       << "\"/><line class=\"expected\" y1=\"1\" y2=\"15\" x1=\"" << fixed(x(expected), 1)
       << "\" x2=\"" << fixed(x(expected), 1) << "\"/><circle class=\"value"
       << (is_out ? " out" : "") << "\" cy=\"8\" r=\"4\" cx=\"" << fixed(x(value), 1)
       << "\"/></svg>";
}

void head(Html& html, const Request& request) {
  const bool is_paused = request.query == "refresh=0";
  html << "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">";
  if (!is_paused) html << "<meta http-equiv=\"refresh\" content=\"10\">";
  html << "<link rel=\"icon\" href=\"data:,\"><title>anomaly_exporter</title><style>"
       << kLandingStyle << "</style></head>\n<body><main>\n<header><h1>anomaly_exporter</h1>"
       << "<span class=\"soft\">version ";
  html.text(core::kVersion) << ", revision ";
  html.text(core::kRevision) << "</span><span class=\"soft small\">"
                             << (is_paused ? "<a href=\"?\">refresh every 10 s</a>"
                                           : "refreshes every 10 s &middot; <a "
                                             "href=\"?refresh=0\">pause</a>")
                             << "</span></header>\n";
}

/// Links are relative, so that they work behind any proxy.
void links(Html& html, const HandlerContext& context) {
  html << "<nav><a href=\"";
  html.text(context.options->telemetry_path.substr(1))
      << "\">metrics</a><a href=\"api/v1/scores\">scores</a><a href=\"api/v1/monitors\">monitors"
         "</a><a href=\"api/v1/status/config\">configuration</a><a href=\"api/v1/status/flags\">"
         "flags</a><a href=\"api/v1/status/buildinfo\">build</a><a "
         "href=\"api/v1/status/runtimeinfo\">runtime</a><a href=\"-/healthy\">health</a><a "
         "href=\"-/ready\">readiness</a></nav>\n";
}

void readiness(Html& html, const exposition::SnapshotStore::List& snapshots) {
  if (snapshots.empty()) {
    html << "<section class=\"card state waiting\"><p><b>No scores yet.</b> No monitor has been "
            "evaluated so far. Right after the start the first evaluation follows within one "
            "interval; if this stays, the log says why.</p></section>\n";
    return;
  }
  const bool is_ready = std::all_of(snapshots.begin(), snapshots.end(),
                                    [](const auto& s) { return s->not_ready.empty(); });
  if (is_ready) {
    html << "<section class=\"card state\"><p><b>Ready.</b> Every monitor has what it needs."
            "</p></section>\n";
    return;
  }
  html << "<section class=\"card state waiting\"><p><b>Not ready yet.</b></p><ul>";
  for (const auto& snapshot : snapshots) {
    if (snapshot->not_ready.empty()) continue;
    html << "<li><b>";
    html.text(snapshot->monitor) << "</b>: ";
    html.clipped(snapshot->not_ready) << "</li>";
  }
  html << "</ul></section>\n";
}

void tile(Html& html, std::string_view number, std::string_view words) {
  html << "<div class=\"tile\"><b>" << number << "</b><span class=\"soft small\">" << words
       << "</span></div>";
}

void tiles(Html& html, const exposition::SnapshotStore::List& snapshots) {
  std::uint64_t series = 0;
  std::uint64_t scored = 0;
  std::uint64_t abnormal = 0;
  for (const auto& snapshot : snapshots) {
    for (std::size_t i = 0; i < row_count(*snapshot); ++i) {
      const Row row{snapshot.get(), i};
      ++series;
      if (row.is_scored()) ++scored;
      if (snapshot->severity[i] > 0) ++abnormal;
    }
  }
  html << "<section class=\"tiles\">";
  tile(html, std::to_string(snapshots.size()), snapshots.size() == 1 ? "monitor" : "monitors");
  tile(html, std::to_string(series), "series found");
  tile(html, std::to_string(scored), "with a score");
  tile(html, std::to_string(abnormal), "abnormal now");
  html << "</section>\n";
}

void labels(Html& html, const Row& row) {
  html << "<td class=\"labels\">";
  html.text(row.metric()) << "<br><span class=\"soft small\">";
  std::string_view separator;
  for (const core::Label& label : row.labels()) {
    html << separator;
    html.text(label.name) << "=";
    html.clipped(label.value);
    separator = ", ";
  }
  html << "</span></td>";
}

void number_cell(Html& html, bool is_valid, double number) {
  html << "<td class=\"number\">" << (is_valid ? short_number(number) : "&ndash;") << "</td>";
}

void score_row(Html& html, const Row& row) {
  const MonitorSnapshot& s = *row.snapshot;
  const std::size_t i = row.index;
  const auto at = [i](const std::vector<float>& column) { return static_cast<double>(column[i]); };
  const bool has_value = row.has(MonitorSnapshot::kHasValue);
  const bool has_expected = row.has(MonitorSnapshot::kHasExpected);
  const double score = row.is_scored() ? at(s.score) : 0;  // a crossed limit needs none
  html << "<tr><td class=\"number\">" << (row.is_scored() ? fixed(score, 3) : "&ndash;")
       << "</td><td>";
  bar(html, score, 80, row.severity());
  html << "</td><td><span class=\"pill " << row.severity() << "\">" << row.severity()
       << (i < s.muted.size() && s.muted[i] != 0 ? "</span> muted</td><td>" : "</span></td><td>");
  html.text(s.monitor) << "</td>";
  labels(html, row);
  number_cell(html, has_value, has_value ? at(s.value) : 0);
  number_cell(html, has_expected, has_expected ? at(s.expected) : 0);
  html << "<td class=\"number\">";
  if (has_expected) html << short_number(at(s.lower)) << " to " << short_number(at(s.upper));
  html << "</td><td>";
  if (has_value && has_expected) {
    band_chart(html, at(s.value), at(s.expected), at(s.lower), at(s.upper));
  }
  html << "</td></tr>\n";
}

void top_scores(Html& html, const exposition::SnapshotStore::List& snapshots) {
  const SelectedRows top =
      select_rows(snapshots, {.min_score = 0.0, .keeps_alarms = true, .limit = kTopScores});
  html << "<h2>Highest scores</h2>\n<section class=\"card scroll\">";
  if (top.rows.empty()) {
    html << "<p class=\"soft\">No series has a score. The monitors below say why.</p></section>\n";
    return;
  }
  html << "<table><tr><th class=\"number\">score</th><th></th><th>severity</th><th>monitor</th><th>"
          "metric and labels</th><th class=\"number\">value</th><th class=\"number\">expected</th>"
          "<th class=\"number\">band</th><th>value against band</th></tr>\n";
  for (const Row& row : top.rows) score_row(html, row);
  html << "</table></section>\n";
}

void outcomes(Html& html, const MonitorSnapshot& snapshot) {
  html << "<div><b>Series by outcome</b><ul>";
  bool is_empty = true;
  for (std::size_t i = snapshot.outcome_counts.size(); i-- > 0;) {
    if (snapshot.outcome_counts[i] == 0) continue;
    is_empty = false;
    html << "<li>";
    html.count(snapshot.outcome_counts[i]) << " ";
    html.text(outcome_words(static_cast<detectors::Outcome>(i))) << "</li>";
  }
  if (is_empty) html << "<li class=\"soft\">no series yet</li>";
  html << "</ul></div>";
}

void voters(Html& html, const MonitorSnapshot& snapshot) {
  html << "<div><b>Detectors and weights</b><ul>";
  for (std::size_t i = 0; i < snapshot.detectors.size(); ++i) {
    html << "<li>";
    html.text(snapshot.detectors[i]);
    if (i < snapshot.weights.size()) html << " " << short_number(snapshot.weights[i]);
    html << "</li>";
  }
  html << "</ul></div>";
}

void progress(Html& html, const MonitorSnapshot& snapshot) {
  html << "<div><b>Warm-up</b> " << percent(snapshot.warmup_ratio)
       << " <span class=\"soft\">of the series have a verdict</span>";
  bar(html, snapshot.warmup_ratio, 200, "none");
  html << "<b>History read</b> " << percent(snapshot.backfill_ratio);
  bar(html, snapshot.backfill_ratio, 200, "none");
  html << "</div>";
}

void metric_table(Html& html, const MonitorSnapshot& snapshot) {
  html << "<div class=\"scroll\"><table><tr><th>metric</th><th class=\"number\">series found</th>"
          "<th>request</th><th>state</th></tr>\n";
  for (std::size_t i = 0; i < std::min(snapshot.metrics.size(), kShownMetrics); ++i) {
    const exposition::MetricStatus& metric = snapshot.metrics[i];
    html << "<tr><td>";
    html.text(metric.name) << "</td><td class=\"number\">";
    html.count(metric.series) << "</td><td><code>";
    html.clipped(metric.request) << "</code></td><td>";
    if (!metric.last_error.empty()) {
      html << "<div class=\"error\">";
      html.clipped(metric.last_error) << "</div>";
    }
    if (!metric.hint.empty()) {
      html << "<div class=\"hint\">";
      html.clipped(metric.hint) << "</div>";
    }
    if (metric.last_error.empty() && metric.hint.empty()) {
      html << (metric.series > 0 ? "<span class=\"soft\">answers</span>"
                                 : "<span class=\"hint\">no series</span>");
    }
    html << "</td></tr>\n";
  }
  html << "</table></div>";
  if (snapshot.metrics.size() > kShownMetrics) {
    html << "<p class=\"soft\">and ";
    html.count(snapshot.metrics.size() - kShownMetrics) << " more metrics</p>";
  }
}

void remarks(Html& html, const MonitorSnapshot& snapshot) {
  if (snapshot.remarks.empty()) return;
  html << "<p><b>Remarks</b></p><ul>";
  const std::size_t shown = std::min(snapshot.remarks.size(), kShownRemarks);
  for (std::size_t i = snapshot.remarks.size(); i-- > snapshot.remarks.size() - shown;) {
    html << "<li>";
    html.clipped(snapshot.remarks[i]) << "</li>";
  }
  html << "</ul>";
}

void monitor_card(Html& html, const MonitorSnapshot& snapshot, core::Timestamp now) {
  html << "<section class=\"card\"><div class=\"title\"><h3>";
  html.text(snapshot.monitor) << "</h3><span class=\"pill "
                              << (snapshot.source_up ? "good" : "critical") << "\">source ";
  html.text(snapshot.source) << (snapshot.source_up ? " up" : " down")
                             << "</span><span class=\"soft\">every "
                             << core::format_duration(snapshot.interval) << ", ";
  if (snapshot.evaluated.ms == 0) {
    html << "not evaluated yet";
  } else {
    const core::Duration age = std::max(now - snapshot.evaluated, core::Duration(0));
    html << "evaluated "
         << core::format_duration(std::chrono::duration_cast<std::chrono::seconds>(age)) << " ago";
  }
  html << "</span>";
  if (snapshot.is_oversampled) {
    html << "<span class=\"pill warning\" title=\"the interval is shorter than the scrape interval "
            "found\">oversampled</span>";
  }
  html << "</div><div class=\"facts\">";
  progress(html, snapshot);
  outcomes(html, snapshot);
  voters(html, snapshot);
  html << "</div>";
  metric_table(html, snapshot);
  remarks(html, snapshot);
  html << "</section>\n";
}

}  // namespace

Response landing_page(const HandlerContext& context, const Request& request) {
  const exposition::SnapshotStore::List snapshots = context.snapshots->load();
  Html html;
  head(html, request);
  links(html, context);
  readiness(html, snapshots);
  tiles(html, snapshots);
  top_scores(html, snapshots);
  html << "<h2>Monitors</h2>\n";
  for (const auto& snapshot : snapshots) monitor_card(html, *snapshot, context.clock->now());
  if (snapshots.empty()) html << "<p class=\"soft\">None evaluated yet.</p>\n";
  html << "</main></body></html>\n";
  return Response::html(html.take());
}

}  // namespace anomaly_exporter::api
