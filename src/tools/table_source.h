#pragma once

#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/sources/csv_source.h"
#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::tools {

/// The labels of table `k` of `count` in a replay: none for a single one, else `series="<k>"`.
inline core::LabelsPtr table_labels(std::size_t k, std::size_t count) {
  if (count == 1) return std::make_shared<const core::Labels>();
  auto labels = core::Labels::create({{"series", std::to_string(k)}});
  return std::make_shared<const core::Labels>(std::move(labels).value());
}

/// A source that gives one row of its tables at a time, whatever time is asked for. Each table is
/// one entity, labelled by table_labels. Borrows them.
class TableSource final : public sources::MetricSource {
 public:
  explicit TableSource(std::span<const sources::CsvTable> tables) : tables_(tables) {
    for (std::size_t k = 0; k < tables.size(); ++k) {
      labels_.push_back(table_labels(k, tables.size()));
    }
  }

  void point_at(std::size_t row) { row_ = row; }
  void point_at_nothing() { row_.reset(); }

  std::vector<core::Result<sources::InstantAnswer>> latest(
      std::span<const sources::MetricRequest> requests, core::Timestamp time,
      std::stop_token) override {
    std::vector<core::Result<sources::InstantAnswer>> answers;
    for (std::size_t m = 0; m < requests.size(); ++m) {
      sources::InstantAnswer answer;
      for (std::size_t k = 0; row_ && k < tables_.size(); ++k) {
        const double value = tables_[k].values[*row_ * tables_[k].metrics.size() + m];
        if (!std::isnan(value)) answer.samples.push_back({labels_[k], {time, value}});
      }
      answers.emplace_back(std::move(answer));
    }
    return answers;
  }

  core::Status backfill(const sources::MetricRequest&, core::Timestamp, core::Timestamp,
                        core::Duration, const sources::RangeSink&, std::stop_token) override {
    return {};
  }
  core::Result<std::optional<core::Duration>> scrape_interval(const std::string&, core::Timestamp,
                                                              std::stop_token) override {
    return std::optional<core::Duration>{};
  }
  core::Result<std::vector<std::string>> job_names(std::stop_token) override {
    return std::vector<std::string>{};
  }
  [[nodiscard]] sources::SourceStats stats() const override { return {}; }

 private:
  std::span<const sources::CsvTable> tables_;
  std::vector<core::LabelsPtr> labels_;  ///< by table
  std::optional<std::size_t> row_;
};

}  // namespace anomaly_exporter::tools
