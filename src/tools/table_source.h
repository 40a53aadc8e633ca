#pragma once

#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "anomaly_exporter/sources/csv_source.h"
#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::tools {

/// A source that gives one row of a table at a time, whatever time is asked for. Borrows the table.
class TableSource final : public sources::MetricSource {
 public:
  explicit TableSource(const sources::CsvTable& table)
      : table_(&table), labels_(std::make_shared<const core::Labels>()) {}

  void point_at(std::size_t row) { row_ = row; }
  void point_at_nothing() { row_.reset(); }

  std::vector<core::Result<sources::InstantAnswer>> latest(
      std::span<const sources::MetricRequest> requests, core::Timestamp time,
      std::stop_token) override {
    std::vector<core::Result<sources::InstantAnswer>> answers;
    for (std::size_t m = 0; m < requests.size(); ++m) {
      sources::InstantAnswer answer;
      if (row_) {
        const double value = table_->values[*row_ * table_->metrics.size() + m];
        if (!std::isnan(value)) answer.samples.push_back({labels_, {time, value}});
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
  const sources::CsvTable* table_;
  core::LabelsPtr labels_;
  std::optional<std::size_t> row_;
};

}  // namespace anomaly_exporter::tools
