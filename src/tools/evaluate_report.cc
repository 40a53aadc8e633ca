#include <algorithm>
#include <iomanip>
#include <ostream>
#include <sstream>

#include "anomaly_exporter/api/json_writer.h"
#include "anomaly_exporter/tools/evaluate.h"

namespace anomaly_exporter::tools {

namespace {

std::string fixed(double number, int digits) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << number;
  return text.str();
}

/// "95 %  1/4": recall, then median and p90 of the delay.
std::string cell_text(const ExamCell& cell) {
  if (cell.faults == 0) return "-";
  std::string text = fixed(100 * cell.recall(), 0) + " %";
  if (cell.found != 0) {
    text += "  " + fixed(cell.delay_median, 0) + "/" + fixed(cell.delay_p90, 0);
  }
  return text;
}

void write_cell(api::JsonWriter& json, const ExamCell& cell) {
  json.begin_object();
  json.member("faults", static_cast<std::uint64_t>(cell.faults));
  json.member("found", static_cast<std::uint64_t>(cell.found));
  json.member("recall", cell.recall());
  json.member("by_chance", static_cast<std::uint64_t>(cell.by_chance));
  json.key("delay_median_ticks");
  cell.found == 0 ? json.null() : json.value(cell.delay_median);
  json.key("delay_p90_ticks");
  cell.found == 0 ? json.null() : json.value(cell.delay_p90);
  json.end_object();
}

}  // namespace

void print_exam(const Exam& exam, std::ostream& out) {
  out << exam.series << " series of " << exam.entities
      << (exam.entities == 1 ? " entity, " : " entities, ") << fixed(exam.series_weeks, 2)
      << " series-weeks examined, threshold " << fixed(exam.threshold, 2) << "\n"
      << "recall, then delay in ticks: median/p90 of the faults found\n\n";
  std::vector<std::vector<std::string>> lines;
  lines.push_back({"fault", "injected"});
  for (const auto& judge : exam.judges) lines.front().push_back(judge.name);
  const auto add = [&](std::string name, const auto& cell_of) {
    std::vector<std::string> line{std::move(name)};
    line.push_back(std::to_string(cell_of(exam.judges.front()).faults));
    for (const auto& judge : exam.judges) line.push_back(cell_text(cell_of(judge)));
    lines.push_back(std::move(line));
  };
  if (exam.judges.empty()) return;
  for (std::size_t k = 0; k < exam.kinds.size(); ++k) {
    add(std::string(to_string(exam.kinds[k])),
        [k](const ExamJudge& judge) -> const ExamCell& { return judge.cells[k]; });
  }
  add("all", [](const ExamJudge& judge) -> const ExamCell& { return judge.total; });
  lines.push_back({"by chance", ""});
  for (const auto& judge : exam.judges) {
    lines.back().push_back(fixed(100 * judge.total.chance(), 0) + " %");
  }
  lines.push_back({"false alarms", ""});
  lines.push_back({"per series and week", ""});
  for (const auto& judge : exam.judges) {
    lines[lines.size() - 2].push_back(std::to_string(judge.false_alarms));
    lines.back().push_back(fixed(judge.false_alarms_per_week, 2));
  }
  std::vector<std::size_t> widths(lines.front().size());
  for (const auto& line : lines) {
    for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], line[c].size());
  }
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t c = 0; c < line.size(); ++c) {
      text += line[c];
      if (c + 1 < line.size()) text.append(widths[c] - line[c].size() + 2, ' ');
    }
    out << text << '\n';
  }
  for (std::size_t k = 0; k < exam.kinds.size(); ++k) {
    if (exam.not_placed[k] == 0) continue;
    out << "not injected for want of a place where it would be a fault: " << exam.not_placed[k]
        << " x " << to_string(exam.kinds[k]) << '\n';
  }
}

std::string exam_json(const Exam& exam) {
  api::JsonWriter json;
  json.begin_object();
  json.member("entities", static_cast<std::uint64_t>(exam.entities));
  json.member("series", static_cast<std::uint64_t>(exam.series));
  json.member("series_weeks", exam.series_weeks);
  json.member("interval_seconds", core::to_seconds(exam.interval));
  json.member("threshold", exam.threshold);
  json.member("budget_per_series_week", exam.budget_per_week);
  json.key("not_placed").begin_object();
  for (std::size_t k = 0; k < exam.kinds.size(); ++k) {
    json.member(to_string(exam.kinds[k]), static_cast<std::uint64_t>(exam.not_placed[k]));
  }
  json.end_object();
  json.key("judges").begin_array();
  for (const auto& judge : exam.judges) {
    json.begin_object();
    json.member("name", judge.name);
    json.member("false_alarms", judge.false_alarms);
    json.member("false_alarms_per_series_week", judge.false_alarms_per_week);
    json.key("total");
    write_cell(json, judge.total);
    json.key("kinds").begin_object();
    for (std::size_t k = 0; k < exam.kinds.size(); ++k) {
      json.key(to_string(exam.kinds[k]));
      write_cell(json, judge.cells[k]);
    }
    json.end_object().end_object();
  }
  json.end_array().end_object();
  return json.take();
}

}  // namespace anomaly_exporter::tools
