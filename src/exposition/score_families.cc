#include "score_families.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/exposition/dialect.h"
#include "anomaly_exporter/exposition/label_text.h"
#include "family_header.h"
#include "lines.h"

namespace anomaly_exporter::exposition {
namespace {

/// Rows for which a snapshot has both labels and flags. They differ only before the first tick.
std::size_t rows_of(const MonitorSnapshot& s) { return std::min(s.labels->rows(), s.flags.size()); }

/// One line per row whose flags hold all of `wanted`.
template <class T>
void write_column(Lines& lines, const MonitorSnapshot& s, unsigned wanted,
                  const std::vector<T>& column) {
  const std::size_t rows = std::min(rows_of(s), column.size());
  for (std::size_t i = 0; i < rows; ++i) {
    if ((s.flags[i] & wanted) == wanted) lines.add(s.labels->row_text(i), {}, column[i]);
  }
}

using Flag = MonitorSnapshot::Flag;

void write_score(Lines& lines, const MonitorSnapshot& s) {
  write_column(lines, s, Flag::kScored, s.score);
}

void write_entity_score(Lines& lines, const MonitorSnapshot& s) {
  const std::size_t entities = std::min(s.labels->entities(), s.entity_score.size());
  for (std::size_t i = 0; i < entities; ++i) {
    if (s.entity_score[i] >= 0) lines.add(s.labels->entity_text(i), {}, s.entity_score[i]);
  }
}

void write_detector_score(Lines& lines, const MonitorSnapshot& s) {
  for (std::size_t d = 0; d < std::min(s.detectors.size(), s.confidence.size()); ++d) {
    std::string detector = ",detector=\"";
    core::append_escaped_label_value(detector, s.detectors[d]);
    detector += '"';
    const std::vector<float>& confidence = s.confidence[d];
    const std::size_t rows = std::min(rows_of(s), confidence.size());
    for (std::size_t i = 0; i < rows; ++i) {
      if ((s.flags[i] & Flag::kScored) != 0 && confidence[i] >= 0) {
        lines.add(s.labels->row_text(i), detector, confidence[i]);
      }
    }
  }
}

void write_observed(Lines& lines, const MonitorSnapshot& s) {
  write_column(lines, s, Flag::kHasValue, s.value);
}

void write_expected(Lines& lines, const MonitorSnapshot& s) {
  write_column(lines, s, Flag::kHasExpected, s.expected);
}

void write_lower(Lines& lines, const MonitorSnapshot& s) {
  write_column(lines, s, Flag::kHasExpected, s.lower);
}

void write_upper(Lines& lines, const MonitorSnapshot& s) {
  write_column(lines, s, Flag::kHasExpected, s.upper);
}

void write_sigmas(Lines& lines, const MonitorSnapshot& s) {
  write_column(lines, s, Flag::kHasExpected, s.sigmas);
}

void write_severity(Lines& lines, const MonitorSnapshot& s) {
  const std::size_t rows = std::min(rows_of(s), s.severity.size());
  for (std::size_t i = 0; i < rows; ++i) {
    if ((s.flags[i] & Flag::kScored) != 0 || s.severity[i] != 0) {
      lines.add(s.labels->row_text(i), {}, s.severity[i]);
    }
  }
}

void write_contribution(Lines& lines, const MonitorSnapshot& s) {
  const std::size_t rows = std::min(rows_of(s), s.contribution.size());
  for (std::size_t i = 0; i < rows; ++i) {
    if ((s.flags[i] & Flag::kScored) != 0 && s.contribution[i] >= 0) {
      lines.add(s.labels->row_text(i), {}, s.contribution[i]);
    }
  }
}

void write_missing(Lines& lines, const MonitorSnapshot& s) {
  for (std::size_t i = 0; i < rows_of(s); ++i) {
    const bool is_missing = (s.flags[i] & Flag::kMissing) != 0;
    lines.add(s.labels->row_text(i), {}, static_cast<std::uint8_t>(is_missing ? 1 : 0));
  }
}

/// One line per incident that stands for several series. Distinct incidents share distinct labels,
/// but names that are not legal here may become equal.
template <class Number>
void write_incidents(Lines& lines, const MonitorSnapshot& s, const Number& number) {
  if (!s.incidents) return;
  std::set<std::string> written;
  for (const auto& incident : s.incidents->open) {
    if (!incident.is_shown()) continue;
    std::string labels;
    append_label_text(labels, s.monitor, "", incident.shared);
    if (written.insert(labels).second) lines.add(labels, {}, number(incident));
  }
}

void write_incident_severity(Lines& lines, const MonitorSnapshot& s) {
  write_incidents(lines, s, [](const incidents::Incident& incident) {
    return static_cast<std::uint8_t>(incident.level());
  });
}

void write_incident_members(Lines& lines, const MonitorSnapshot& s) {
  write_incidents(lines, s, [](const incidents::Incident& incident) {
    return static_cast<float>(incident.open_members());
  });
}

struct ScoreFamily {
  std::string_view name;
  std::string_view help;
  void (*write)(Lines&, const MonitorSnapshot&);
};

constexpr std::array<ScoreFamily, std::size(kFamilies)> kTable = {{
    {"anomaly_score", "Anomaly score of the ensemble, 0 to 1; an alarm from the threshold on.",
     write_score},
    {"anomaly_entity_score", "Highest anomaly score among the metrics of an entity, 0 to 1.",
     write_entity_score},
    {"anomaly_detector_score", "Confidence of one detector that the value is anomalous, 0 to 1.",
     write_detector_score},
    {"anomaly_value", "Value that was judged, in the unit of the metric.", write_observed},
    {"anomaly_expected_value", "Value expected at this time, in the unit of the metric.",
     write_expected},
    {"anomaly_lower_bound", "Least value that is ordinary, in the unit of the metric.",
     write_lower},
    {"anomaly_upper_bound", "Largest value that is ordinary, in the unit of the metric.",
     write_upper},
    {"anomaly_deviation_sigmas", "Distance of the value from the expected one in sigmas.",
     write_sigmas},
    {"anomaly_severity", "Severity: 0 none, 1 info, 2 warning, 3 critical.", write_severity},
    {"anomaly_series_missing", "1 while a series that was there before has no sample, else 0.",
     write_missing},
    {"anomaly_incident_severity",
     "Highest severity among the series of an incident: 1 info, 2 warning, 3 critical.",
     write_incident_severity},
    {"anomaly_incident_members", "Series that are anomalous in an incident now.",
     write_incident_members},
    {"anomaly_contribution_ratio", "Share of the metric in the multivariate verdict, 0 to 1.",
     write_contribution},
}};

constexpr bool follows_list() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (kTable[i].name != kFamilies[i]) return false;
  }
  return true;
}
static_assert(follows_list(), "kTable lists the families of writer.h in their order");

bool is_chosen(std::span<const std::string> chosen, std::string_view name) {
  return std::find(chosen.begin(), chosen.end(), name) != chosen.end();
}

}  // namespace

void write_score_families(Page& page, Format format, std::span<const std::string> chosen,
                          const SnapshotStore::List& snapshots) {
  for (const ScoreFamily& family : kTable) {
    if (!is_chosen(chosen, family.name)) continue;
    write_family_header(page, format, family.name, family.help, "gauge");
    Lines lines(page, family.name);
    for (const auto& snapshot : snapshots) {
      if (snapshot->labels) family.write(lines, *snapshot);
    }
  }
}

std::size_t estimate_bytes(const ExpositionOptions& options, const SnapshotStore::List& snapshots) {
  constexpr std::size_t kNameAndNumber = 48;
  constexpr std::size_t kHeaders = 4096;
  std::size_t bytes = kHeaders;
  for (const auto& snapshot : snapshots) {
    if (!snapshot->labels) continue;
    const std::size_t per_column =
        snapshot->labels->text.size() + snapshot->labels->rows() * kNameAndNumber;
    std::size_t columns = options.families.size() + dialect_lines(options, 0).per_series;
    if (is_chosen(options.families, "anomaly_detector_score")) {
      columns += snapshot->detectors.size();
    }
    bytes += columns * per_column;
  }
  return bytes;
}

}  // namespace anomaly_exporter::exposition
