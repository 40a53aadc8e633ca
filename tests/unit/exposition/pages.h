#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/exposition/label_text.h"
#include "anomaly_exporter/exposition/snapshot.h"
#include "anomaly_exporter/exposition/writer.h"

namespace anomaly_exporter::exposition {

/// Builds a snapshot row by row: `entity` starts an entity, `row` adds a metric of it.
class SnapshotBuilder {
 public:
  using Flag = MonitorSnapshot::Flag;

  explicit SnapshotBuilder(std::string monitor,
                           std::vector<std::string> detectors = {"zscore", "mad"}) {
    snapshot_.monitor = std::move(monitor);
    snapshot_.detectors = std::move(detectors);
    snapshot_.confidence.resize(snapshot_.detectors.size());
  }

  SnapshotBuilder& entity(std::vector<core::Label> labels, float score = -1) {
    entity_labels_ = core::Labels::create(std::move(labels)).value();
    append_label_text(entity_texts_.emplace_back(), snapshot_.monitor, "", entity_labels_);
    snapshot_.entity_score.push_back(score);
    return *this;
  }

  struct Row {
    unsigned flags = Flag::kScored | Flag::kHasValue | Flag::kHasExpected;
    float score = 0.25F;
    float value = 10;
    float expected = 9.5F;
    float lower = 8;
    float upper = 11;
    float sigmas = 1.5F;
    std::uint8_t severity = 0;
    float contribution = -1;
    std::vector<float> confidence = {};  ///< missing ones: no verdict
  };

  SnapshotBuilder& row(const std::string& metric, const Row& row) {
    append_label_text(row_texts_.emplace_back(), snapshot_.monitor, metric, entity_labels_);
    entity_of_row_.push_back(static_cast<std::uint32_t>(entity_texts_.size() - 1));
    snapshot_.flags.push_back(static_cast<std::uint8_t>(row.flags));
    snapshot_.score.push_back(row.score);
    snapshot_.value.push_back(row.value);
    snapshot_.expected.push_back(row.expected);
    snapshot_.lower.push_back(row.lower);
    snapshot_.upper.push_back(row.upper);
    snapshot_.sigmas.push_back(row.sigmas);
    snapshot_.severity.push_back(row.severity);
    snapshot_.contribution.push_back(row.contribution);
    for (std::size_t d = 0; d < snapshot_.confidence.size(); ++d) {
      snapshot_.confidence[d].push_back(d < row.confidence.size() ? row.confidence[d] : -1);
    }
    return *this;
  }

  [[nodiscard]] std::shared_ptr<MonitorSnapshot> build() const {
    auto labels = std::make_shared<OutputLabels>();
    for (const std::string& text : row_texts_) {
      labels->row_begin.push_back(static_cast<std::uint32_t>(labels->text.size()));
      labels->text += text;
      labels->row.push_back(static_cast<std::uint32_t>(labels->row.size()));
    }
    labels->row_begin.push_back(static_cast<std::uint32_t>(labels->text.size()));
    for (const std::string& text : entity_texts_) {
      labels->entity_begin.push_back(static_cast<std::uint32_t>(labels->text.size()));
      labels->text += text;
    }
    labels->entity_begin.push_back(static_cast<std::uint32_t>(labels->text.size()));
    labels->entity_of_row = entity_of_row_;
    auto out = std::make_shared<MonitorSnapshot>(snapshot_);
    out->labels = std::move(labels);
    return out;
  }

 private:
  MonitorSnapshot snapshot_;
  core::Labels entity_labels_;
  std::vector<std::string> entity_texts_;
  std::vector<std::string> row_texts_;
  std::vector<std::uint32_t> entity_of_row_;
};

inline std::string page_of(Format format, const SnapshotStore::List& snapshots,
                           const std::vector<prometheus::MetricFamily>& own = {},
                           const ExpositionOptions& options = {}) {
  std::string out;
  render(format, options, snapshots, own, out);
  return out;
}

}  // namespace anomaly_exporter::exposition
