#include <algorithm>
#include <cmath>
#include <iomanip>
#include <limits>
#include <sstream>

#include "anomaly_exporter/api/escape.h"
#include "anomaly_exporter/tools/evaluate.h"

namespace anomaly_exporter::tools {

namespace {

constexpr const char* kStyle = R"(
:root{color-scheme:light dark;--back:#fafafa;--card:#fff;--ink:#1b1f24;--soft:#667080;--line:#e2e6ea;
--bar:#2f6fde;--track:#e9edf2;--band:#2f6fde26;--value:#1b1f24;--expected:#2f6fde;--fault:#d93a3a1f;
--score:#d9622b;--good:#23864a;--bad:#c43030}
@media (prefers-color-scheme:dark){:root{--back:#14171b;--card:#1c2127;--ink:#e7eaee;--soft:#98a3b0;
--line:#2c333b;--bar:#6ea2ff;--track:#2a3038;--band:#6ea2ff2e;--value:#e7eaee;--expected:#6ea2ff;
--fault:#ff6b6b26;--score:#ff9a62;--good:#5fcf8b;--bad:#ff7b7b}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1120px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:17px;margin:36px 0 12px}
p{margin:0 0 12px;color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:12px;margin:20px 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px}
.tiles b{display:block;font-size:24px;line-height:1.25}.tiles span{color:var(--soft);font-size:13px}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:7px 10px;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:600;color:var(--soft);font-size:13px}
tbody th{color:var(--ink);font-size:14px}
tr:last-child>*{border-bottom:0}
td svg{display:block;margin-bottom:2px}td small{color:var(--soft);font-size:12px}
.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:14px}
figure{margin:0}figcaption{font-size:13px;color:var(--soft);margin-bottom:6px;overflow-wrap:anywhere}
figcaption b{color:var(--ink);font-size:14px;margin-right:6px}
.found{color:var(--good)}.missed{color:var(--bad)}
figure svg{width:100%;height:auto;display:block}
text{fill:var(--soft);font:10px system-ui,sans-serif}
.key{display:flex;flex-wrap:wrap;gap:16px;font-size:13px;color:var(--soft);margin-bottom:12px}
.key i{display:inline-block;width:18px;height:10px;margin-right:6px;vertical-align:baseline;border-radius:2px}
)";

std::string number(double value, int digits) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << value;
  return text.str();
}

/// Shown beside an axis: four significant digits.
std::string short_number(double value) {
  std::ostringstream text;
  text << std::setprecision(4) << value;
  return text.str();
}

std::string escaped(std::string_view text) {
  std::string out;
  api::append_html(out, text);
  return out;
}

/// "level_shift" for people: "level shift".
std::string kind_text(FaultKind kind) {
  std::string text(to_string(kind));
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

void add_tile(std::string& html, const std::string& figure, const std::string& what) {
  html += "<div class=\"card\"><b>" + escaped(figure) + "</b><span>" + escaped(what) +
          "</span></div>\n";
}

void add_cell(std::string& html, const ExamCell& cell) {
  if (cell.faults == 0) {
    html += "<td><small>not injected</small></td>";
    return;
  }
  html += "<td><svg width=\"110\" height=\"9\" role=\"img\" aria-label=\"recall " +
          number(100 * cell.recall(), 0) +
          " percent\"><rect width=\"110\" height=\"9\" rx=\"3\" fill=\"var(--track)\"/>"
          "<rect width=\"" +
          number(110 * cell.recall(), 1) + "\" height=\"9\" rx=\"3\" fill=\"var(--bar)\"/></svg>" +
          number(100 * cell.recall(), 0) + " % <small>";
  if (cell.found != 0) {
    html += "after " + number(cell.delay_median, 0) + " / " + number(cell.delay_p90, 0);
  }
  html += "</small></td>";
}

/// Room of a picture in SVG units.
constexpr double kLeft = 52, kRight = 448, kTop = 8, kMiddle = 148, kScoreTop = 160, kBottom = 206;

struct Scale {
  double from = 0, to = 1, at_from = 0, at_to = 1;
  [[nodiscard]] double operator()(double v) const {
    return at_from + (std::clamp(v, from, to) - from) / (to - from) * (at_to - at_from);
  }
};

/// A path through the finite points; broken where there is none.
std::string line_through(const std::vector<float>& values, const Scale& x, const Scale& y) {
  std::string path;
  bool is_open = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      is_open = false;
      continue;
    }
    path += is_open ? "L" : "M";
    path +=
        number(x(static_cast<double>(i)), 1) + " " + number(y(static_cast<double>(values[i])), 1);
    is_open = true;
  }
  return path;
}

/// The area between the bounds, in runs; an unbounded side reaches the edge.
std::string band_area(const ExamPicture& p, const Scale& x, const Scale& y) {
  std::string path;
  for (std::size_t begin = 0; begin < p.lower.size();) {
    if (std::isnan(p.lower[begin])) {
      ++begin;
      continue;
    }
    std::size_t end = begin;
    std::string back;
    std::string there;
    for (; end < p.lower.size() && !std::isnan(p.lower[end]); ++end) {
      const std::string at = number(x(static_cast<double>(end)), 1) + " ";
      there += (end == begin ? "M" : "L") + at + number(y(static_cast<double>(p.upper[end])), 1);
      back.insert(0, "L" + at + number(y(static_cast<double>(p.lower[end])), 1));
    }
    path += there + back + "Z";
    begin = end;
  }
  return path;
}

/// Least and greatest of what is to be seen: values, expectations, and bounds that are not far off.
Scale value_scale(const ExamPicture& p) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  const auto take = [&](float v) {
    if (!std::isfinite(v)) return;
    low = std::min(low, static_cast<double>(v));
    high = std::max(high, static_cast<double>(v));
  };
  for (const float v : p.value) take(v);
  for (const float v : p.expected) take(v);
  const double room = std::max(high - low, 1e-12);
  const double least = low - room / 2;
  const double most = high + room / 2;
  for (const auto* bound : {&p.lower, &p.upper}) {
    for (const float v : *bound) {
      if (static_cast<double>(v) >= least && static_cast<double>(v) <= most) take(v);
    }
  }
  if (!(low <= high)) return {0, 1, kMiddle, kTop};
  const double margin = std::max((high - low) * 0.06, 1e-9 * std::max(1.0, std::fabs(high)));
  return {low - margin, high + margin, kMiddle, kTop};
}

void add_picture(std::string& html, const ExamPicture& p, double threshold) {
  const Scale x{0, std::max<double>(static_cast<double>(p.value.size()) - 1, 1), kLeft, kRight};
  const Scale y = value_scale(p);
  const Scale s{0, 1, kBottom, kScoreTop};
  const double begin = x(std::max(static_cast<double>(p.first) - 0.5, 0.0));
  const double end = x(static_cast<double>(p.last) + 0.5);
  html += "<figure class=\"card\"><figcaption><b>" + escaped(kind_text(p.kind)) + "</b> " +
          (p.is_found ? "<span class=\"found\">found</span>"
                      : "<span class=\"missed\">not found</span>") +
          "<br>" + escaped(p.series) + ", from " + escaped(core::format_rfc3339(p.start)) +
          "</figcaption>\n<svg viewBox=\"0 0 460 212\" role=\"img\" aria-label=\"" +
          escaped(kind_text(p.kind)) + "\">";
  html += "<rect x=\"" + number(begin, 1) + "\" y=\"" + number(kTop, 0) + "\" width=\"" +
          number(std::max(end - begin, 2.0), 1) + "\" height=\"" + number(kBottom - kTop, 0) +
          "\" fill=\"var(--fault)\"/>";
  const auto path = [&](const std::string& d, const std::string& look) {
    if (!d.empty()) html += "<path d=\"" + d + "\" " + look + "/>";
  };
  path(band_area(p, x, y), "fill=\"var(--band)\"");
  path(line_through(p.expected, x, y),
       "fill=\"none\" stroke=\"var(--expected)\" stroke-width=\"1\" stroke-dasharray=\"3 2\"");
  path(line_through(p.value, x, y),
       "fill=\"none\" stroke=\"var(--value)\" stroke-width=\"1.2\" stroke-linejoin=\"round\"");
  const auto rule = [&](double at, const std::string& look) {
    html += "<line x1=\"" + number(kLeft, 0) + "\" x2=\"" + number(kRight, 0) + "\" y1=\"" +
            number(at, 1) + "\" y2=\"" + number(at, 1) + "\" " + look + "/>";
  };
  rule(kBottom, "stroke=\"var(--line)\"");
  rule(kMiddle, "stroke=\"var(--line)\"");
  rule(s(threshold), "stroke=\"var(--score)\" stroke-dasharray=\"2 3\" stroke-opacity=\".7\"");
  path(line_through(p.score, x, s),
       "fill=\"none\" stroke=\"var(--score)\" stroke-width=\"1.3\" stroke-linejoin=\"round\"");
  const auto label = [&](double at, const std::string& text) {
    html += "<text x=\"" + number(kLeft - 6, 0) + "\" y=\"" + number(at + 3.5, 1) +
            "\" text-anchor=\"end\">" + escaped(text) + "</text>";
  };
  label(kTop + 4, short_number(y.to));
  label(kMiddle - 2, short_number(y.from));
  label(s(threshold), number(threshold, 2));
  label(kBottom, "0");
  html += "</svg></figure>\n";
}

void add_table(std::string& html, const Exam& exam) {
  html += "<div class=\"card wide\"><table><thead><tr><th>fault</th><th>injected</th>";
  for (const auto& judge : exam.judges) html += "<th>" + escaped(judge.name) + "</th>";
  html += "</tr></thead><tbody>\n";
  for (std::size_t k = 0; k < exam.kinds.size(); ++k) {
    html += "<tr><th>" + escaped(kind_text(exam.kinds[k])) + "</th><td>" +
            std::to_string(exam.judges.front().cells[k].faults) + "</td>";
    for (const auto& judge : exam.judges) add_cell(html, judge.cells[k]);
    html += "</tr>\n";
  }
  html += "<tr><th>all</th><td>" + std::to_string(exam.judges.front().total.faults) + "</td>";
  for (const auto& judge : exam.judges) add_cell(html, judge.total);
  html += "</tr>\n<tr><th>by chance</th><td></td>";
  for (const auto& judge : exam.judges) {
    html += "<td>" + number(100 * judge.total.chance(), 0) + " %</td>";
  }
  html += "</tr>\n<tr><th>false alarms</th><td></td>";
  for (const auto& judge : exam.judges) {
    html += "<td>" + number(judge.false_alarms_per_week, 2) + " <small>(" +
            std::to_string(judge.false_alarms) + ")</small></td>";
  }
  html += "</tr></tbody></table></div>\n";
}

}  // namespace

std::string exam_html(const Exam& exam, const std::string& title) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<title>Exam of " +
      escaped(title) + "</title><style>" + kStyle + "</style></head><body><main>\n<h1>Exam of " +
      escaped(title) + "</h1>\n<p>" + std::to_string(exam.series) + " series of " +
      std::to_string(exam.entities) + (exam.entities == 1 ? " entity" : " entities") +
      ", one value every " + escaped(core::format_duration(exam.interval)) +
      ". The first half of the history taught, the second half was examined.</p>\n";
  if (exam.judges.empty()) return html + "<p>Nothing was judged.</p></main></body></html>\n";
  const ExamJudge& ensemble = exam.judges.front();
  html += "<div class=\"tiles\">\n";
  add_tile(html, number(100 * ensemble.total.recall(), 0) + " %",
           "of " + std::to_string(ensemble.total.faults) + " injected faults found");
  add_tile(html, number(ensemble.false_alarms_per_week, 2),
           "false alarms per series and week; the budget is " + number(exam.budget_per_week, 2));
  add_tile(html,
           ensemble.total.found == 0 ? std::string("-")
                                     : number(ensemble.total.delay_median, 0) + " / " +
                                           number(ensemble.total.delay_p90, 0),
           "ticks of delay, median / p90");
  add_tile(html, number(exam.series_weeks, 2), "series-weeks examined");
  html += "</div>\n<h2>Recall by kind of fault</h2>\n<p>Share of the faults that reached " +
          number(exam.threshold, 2) +
          ", and the ticks it took: median / p90. By chance: the share of the same places "
          "at which there was an alarm without any fault. Last line: false alarms per series and "
          "week, and their number.</p>\n";
  add_table(html, exam);
  for (std::size_t k = 0; k < exam.kinds.size(); ++k) {
    if (exam.not_placed[k] == 0) continue;
    html += "<p>Not injected for want of a place where it would be a fault: " +
            std::to_string(exam.not_placed[k]) + " &#215; " + escaped(kind_text(exam.kinds[k])) +
            ".</p>\n";
  }
  html +=
      "<h2>One of each</h2>\n<div class=\"key\"><span><i style=\"background:var(--value)\"></i>"
      "value</span><span><i style=\"background:var(--expected)\"></i>expected</span><span>"
      "<i style=\"background:var(--band)\"></i>ordinary band</span><span>"
      "<i style=\"background:var(--fault)\"></i>injected fault</span><span>"
      "<i style=\"background:var(--score)\"></i>score (below), threshold dashed</span></div>\n"
      "<div class=\"pictures\">\n";
  for (const auto& picture : exam.pictures) add_picture(html, picture, exam.threshold);
  html +=
      "</div>\n<p></p><p>Real anomalies in the history count as false alarms, and they teach as "
      "they would have: the exam compares settings and detectors on the same history; it is no "
      "promise for faults of other shapes.</p>\n</main></body></html>\n";
  return html;
}

}  // namespace anomaly_exporter::tools
