#include "anomaly_exporter/api/rows.h"

#include <algorithm>
#include <array>

namespace anomaly_exporter::api {
namespace {

using exposition::MonitorSnapshot;

/// Names of the values of `anomaly_severity`, 0 to 3.
constexpr std::array<std::string_view, 4> kSeverities{"none", "info", "warning", "critical"};

/// Reads a double-quoted text with the escapes of the exposition format from the front of `text`.
/// Returns false when there is none.
bool take_quoted(std::string_view& text, std::string& out) {
  if (!text.starts_with('"')) return false;
  out.clear();
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return false;
    out += text[i] == 'n' ? '\n' : text[i];
  }
  return false;
}

bool take_name(std::string_view& text, std::string& out) {
  if (text.starts_with('"')) return take_quoted(text, out);
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos) return false;
  out = text.substr(0, equals);
  text.remove_prefix(equals);
  return true;
}

/// A row that passed the filter, and how many did before it.
struct Candidate {
  Row row;
  float rank;
  std::size_t position;

  /// By falling rank; equal ones in the order of the page.
  bool operator<(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : position < other.position;
  }
};

bool alarms_unscored(const Row& row) {
  return !row.is_scored() && row.snapshot->severity[row.index] > 0;
}

}  // namespace

std::vector<core::Label> parse_label_text(std::string_view text) {
  std::vector<core::Label> labels;
  while (!text.empty()) {
    core::Label label;
    if (!take_name(text, label.name) || !text.starts_with('=')) break;
    text.remove_prefix(1);
    if (!take_quoted(text, label.value)) break;
    labels.push_back(std::move(label));
    if (!text.starts_with(',')) break;
    text.remove_prefix(1);
  }
  return labels;
}

std::string_view outcome_words(detectors::Outcome outcome) {
  switch (outcome) {
    case detectors::Outcome::NoData:
      return "no sample at the last evaluation";
    case detectors::Outcome::WarmingUp:
      return "warming up: fewer samples so far than the detectors need";
    case detectors::Outcome::InputMissing:
      return "too many metrics of the entity are absent for a verdict";
    case detectors::Outcome::Untrained:
      return "waiting for a trained model";
    case detectors::Outcome::Sparse:
      return "too few samples in its window (min_rate)";
    case detectors::Outcome::Failed:
      return "the numbers are too large or too small to judge";
    case detectors::Outcome::Scored:
      return "scored";
  }
  return "unknown";
}

std::string_view Row::metric() const {
  const std::size_t number = snapshot->labels->metric_of_row[index];
  return number < snapshot->metrics.size() ? std::string_view(snapshot->metrics[number].name) : "";
}

std::string_view Row::severity() const {
  const std::size_t level = snapshot->severity[index];
  return kSeverities[std::min(level, kSeverities.size() - 1)];
}

std::vector<core::Label> Row::labels() const {
  std::vector<core::Label> labels = parse_label_text(snapshot->labels->row_text(index));
  std::erase_if(labels, [](const core::Label& label) {
    return label.name == "monitor" || label.name == "metric";
  });
  return labels;
}

std::string Row::reason() const {
  if (is_scored()) return "";
  std::string reason;
  if (has(MonitorSnapshot::kMissing)) {
    reason = "the series had samples before and has none now";
  } else {
    reason = outcome_words(snapshot->outcome[index]);
  }
  if (!snapshot->source_up) reason += "; its source is down";
  return reason;
}

std::size_t row_count(const MonitorSnapshot& snapshot) {
  return snapshot.labels ? std::min(snapshot.labels->rows(), snapshot.flags.size()) : 0;
}

SelectedRows select_rows(const exposition::SnapshotStore::List& snapshots,
                         const RowFilter& filter) {
  std::vector<Candidate> candidates;
  for (const auto& snapshot : snapshots) {
    if (filter.monitor && *filter.monitor != snapshot->monitor) continue;
    for (std::size_t i = 0; i < row_count(*snapshot); ++i) {
      const Row row{snapshot.get(), i};
      if (filter.metric && *filter.metric != row.metric()) continue;
      constexpr float kBeforeAll = 2, kBehindAll = -1;
      const bool is_kept = filter.keeps_alarms && alarms_unscored(row);
      if (filter.min_score && !is_kept &&
          (!row.is_scored() || static_cast<double>(row.score()) < *filter.min_score)) {
        continue;
      }
      const float rank = is_kept ? kBeforeAll : row.is_scored() ? row.score() : kBehindAll;
      candidates.push_back({row, rank, candidates.size()});
    }
  }
  SelectedRows selected;
  selected.matched = candidates.size();
  const auto end =
      candidates.begin() + static_cast<std::ptrdiff_t>(std::min(filter.limit, candidates.size()));
  std::partial_sort(candidates.begin(), end, candidates.end());
  for (auto it = candidates.begin(); it != end; ++it) selected.rows.push_back(it->row);
  return selected;
}

}  // namespace anomaly_exporter::api
