#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/exposition/snapshot.h"

namespace anomaly_exporter::api {

/// One output row of one monitor. Borrows the snapshot.
struct Row {
  const exposition::MonitorSnapshot* snapshot;
  std::size_t index;

  [[nodiscard]] bool has(exposition::MonitorSnapshot::Flag flag) const {
    return (snapshot->flags[index] & flag) != 0;
  }
  [[nodiscard]] bool is_scored() const { return has(exposition::MonitorSnapshot::kScored); }
  [[nodiscard]] float score() const { return snapshot->score[index]; }
  [[nodiscard]] std::string_view metric() const;
  /// "none", "info", "warning" or "critical".
  [[nodiscard]] std::string_view severity() const;
  /// All labels but `monitor` and `metric`, in the order of the page.
  [[nodiscard]] std::vector<core::Label> labels() const;
  /// Why the row has no score, in plain words; empty when it has one.
  [[nodiscard]] std::string reason() const;
};

/// Which rows a caller wants. Empty conditions let everything through.
struct RowFilter {
  std::optional<std::string> monitor{};
  std::optional<std::string> metric{};
  std::optional<double> min_score{};  ///< leaves rows without a score out
  /// With `min_score`: keeps rows that alarm without a score (a crossed limit), before all others.
  bool keeps_alarms = false;
  std::size_t limit = 1000;
};

struct SelectedRows {
  std::vector<Row> rows;    ///< highest score first, then those without one; at most `limit`
  std::size_t matched = 0;  ///< before the limit
};

/// Cost: one pass over the rows and a partial sort of `limit` of them.
SelectedRows select_rows(const exposition::SnapshotStore::List& snapshots, const RowFilter& filter);

/// Number of output rows; 0 before the first tick.
std::size_t row_count(const exposition::MonitorSnapshot& snapshot);

/// What an outcome means to somebody who waits for a score.
std::string_view outcome_words(detectors::Outcome outcome);

/// Parses pre-rendered label text, `a="b",c="d\"e"`. Stops at the first place it cannot read.
std::vector<core::Label> parse_label_text(std::string_view text);

}  // namespace anomaly_exporter::api
