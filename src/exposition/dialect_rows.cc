// The dialects that have lines per series: vmanomaly and promql.

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/exposition/dialect.h"
#include "dialects.h"
#include "family_header.h"
#include "lines.h"

namespace anomaly_exporter::exposition {
namespace {

using Flag = MonitorSnapshot::Flag;

/// One past the closing quote of the value that begins at `at`: a quote behind an even number of
/// backslashes.
std::size_t value_end(std::string_view text, std::size_t at) {
  for (std::size_t quote = text.find('"', at); quote < text.size();
       quote = text.find('"', quote + 1)) {
    std::size_t escapes = 0;
    while (text[quote - escapes - 1] == '\\') ++escapes;
    if (escapes % 2 == 0) return quote + 1;
  }
  return text.size();
}

/// `,name="`; cannot stand inside a value, where a quote is escaped.
std::string opening(std::string_view name) { return "," + std::string(name) + "=\""; }

bool carries(std::string_view labels, std::string_view name) {
  return labels.find(opening(name)) != std::string_view::npos;
}

/// Renames the labels of `rest` that a dialect sets itself to `exported_<name>`.
std::string with_room_for(std::string_view rest, std::span<const std::string_view> names) {
  std::string out(rest);
  for (const std::string_view name : names) {
    const std::size_t at = out.find(opening(name));
    if (at == std::string::npos) continue;
    std::string renamed = "exported_" + std::string(name);
    while (carries(out, renamed)) renamed.insert(0, "exported_");
    out.replace(at + 1, name.size(), renamed);
  }
  return out;
}

/// By snapshot: true when an entity of the monitor has one of the labels, and each row is to be
/// looked at. The texts of entities stand together behind those of the rows.
std::vector<bool> find_carriers(const SnapshotStore::List& snapshots,
                                std::span<const std::string_view> names) {
  std::vector<bool> out;
  for (const auto& s : snapshots) {
    const bool has_entities = s->labels && s->labels->entities() > 0;
    const std::string_view entities =
        has_entities ? std::string_view(s->labels->text).substr(s->labels->entity_begin.front())
                     : std::string_view();
    out.push_back(std::any_of(names.begin(), names.end(),
                              [&](std::string_view name) { return carries(entities, name); }));
  }
  return out;
}

/// A family that shows one column of the rows.
struct RowFamily {
  std::string_view help;
  unsigned wanted;
  const std::vector<float> MonitorSnapshot::*column;
};

/// Calls `write(row, value)` for every row that has a number in the family.
template <class Write>
void for_each_row(const MonitorSnapshot& s, const RowFamily& family, const Write& write) {
  const std::vector<float>& column = s.*family.column;
  const std::size_t rows = std::min({s.labels->rows(), s.flags.size(), column.size()});
  for (std::size_t i = 0; i < rows; ++i) {
    if ((s.flags[i] & family.wanted) == family.wanted) write(i, column[i]);
  }
}

constexpr RowFamily kVmanomaly[] = {
    {"Anomaly score with 1 as the limit: the ensemble's, stretched so that its threshold is 1.",
     Flag::kScored, &MonitorSnapshot::score},
    {"Value that was judged, in the unit of the metric.", Flag::kHasValue, &MonitorSnapshot::value},
    {"Value expected at this time, in the unit of the metric.", Flag::kHasExpected,
     &MonitorSnapshot::expected},
    {"Least value that is ordinary, in the unit of the metric.", Flag::kHasExpected,
     &MonitorSnapshot::lower},
    {"Largest value that is ordinary, in the unit of the metric.", Flag::kHasExpected,
     &MonitorSnapshot::upper}};
static_assert(std::size(kVmanomaly) == std::size(kVmanomalyFamilies));

constexpr RowFamily kPromql[] = {
    {"Value that is compared with the band.", Flag::kHasValue, &MonitorSnapshot::value},
    {"Lower limit of the band.", Flag::kHasExpected, &MonitorSnapshot::lower},
    {"Upper limit of the band.", Flag::kHasExpected, &MonitorSnapshot::upper}};
static_assert(std::size(kPromql) == std::size(kPromqlFamilies));

constexpr std::string_view kVmanomalyLabels[] = {"for", "preset", "model_alias", "scheduler_alias"};
constexpr std::string_view kStrategyLabel = "anomaly_strategy";
constexpr std::string_view kStrategy = ",anomaly_strategy=\"ensemble\"";
constexpr std::string_view kPromqlLabels[] = {"anomaly_name", kStrategyLabel};

}  // namespace

RowLabels split_row(std::string_view text) {
  constexpr std::string_view kMonitor = "monitor=\"";
  constexpr std::string_view kMetric = ",metric=\"";
  const std::size_t monitor_end = value_end(text, kMonitor.size());
  const std::size_t metric_begin = monitor_end + kMetric.size();
  const std::size_t metric_end = value_end(text, metric_begin);
  return {text.substr(kMonitor.size(), monitor_end - kMonitor.size() - 1),
          text.substr(metric_begin, metric_end - metric_begin - 1), text.substr(metric_end)};
}

void write_vmanomaly(Page& page, Format format, std::string_view name,
                     const SnapshotStore::List& snapshots) {
  const std::vector<bool> carriers = find_carriers(snapshots, kVmanomalyLabels);
  for (std::size_t f = 0; f < std::size(kVmanomaly); ++f) {
    const RowFamily& family = kVmanomaly[f];
    const std::string family_name = vmanomaly_family(name, kVmanomalyFamilies[f]);
    write_family_header(page, format, family_name, family.help, "gauge");
    Lines lines(page, family_name);
    for (std::size_t m = 0; m < snapshots.size(); ++m) {
      const auto& s = snapshots[m];
      if (!s->labels) continue;
      const bool is_taken = carriers[m];
      const std::string aliases = "\",model_alias=\"ensemble\",scheduler_alias=\"" +
                                  core::format_duration(s->interval) + "\"";
      for_each_row(*s, family, [&](std::size_t row, float value) {
        const RowLabels labels = split_row(s->labels->row_text(row));
        std::string renamed;
        if (is_taken) renamed = with_room_for(labels.rest, kVmanomalyLabels);
        const std::string_view rest = is_taken ? renamed : labels.rest;
        if (f == 0) {
          value = limit_score(value, s->threshold);
          // That system's alerts wait until the score has held above 1 for minutes. An onset of
          // ours stands for one tick; what goes on is the alarm.
          const bool is_open = row < s->severity.size() && s->severity[row] > 0;
          if (is_open) value = std::max(value, std::nextafter(1.0F, 2.0F));
        }
        lines.add({"for=\"", labels.metric, "\",preset=\"", labels.monitor, aliases, rest}, value);
      });
    }
  }
}

void write_promql(Page& page, Format format, const SnapshotStore::List& snapshots) {
  const std::vector<bool> carriers = find_carriers(snapshots, kPromqlLabels);
  for (std::size_t f = 0; f < std::size(kPromql); ++f) {
    write_family_header(page, format, kPromqlFamilies[f], kPromql[f].help, "gauge");
    Lines lines(page, kPromqlFamilies[f]);
    for (std::size_t m = 0; m < snapshots.size(); ++m) {
      const auto& s = snapshots[m];
      if (!s->labels) continue;
      const bool is_marked = carriers[m];
      for_each_row(*s, kPromql[f], [&](std::size_t row, float value) {
        const std::string_view text = s->labels->row_text(row);
        const RowLabels labels = split_row(text);
        if (!is_marked) {
          lines.add({text, ",anomaly_name=\"", labels.monitor, "_", labels.metric, "\"", kStrategy},
                    value);
          return;
        }
        // The source says by these labels what is to be watched; its name stays.
        const bool is_named = carries(text, kPromqlLabels[0]);
        const bool is_ours = text.find(kStrategy) != std::string_view::npos;
        const std::string kept =
            is_ours ? std::string(text) : with_room_for(text, {&kStrategyLabel, 1});
        const std::string label = is_named ? ""
                                           : ",anomaly_name=\"" + std::string(labels.monitor) +
                                                 "_" + std::string(labels.metric) + "\"";
        lines.add({kept, label, is_ours ? std::string_view() : kStrategy}, value);
      });
    }
  }
}

}  // namespace anomaly_exporter::exposition
