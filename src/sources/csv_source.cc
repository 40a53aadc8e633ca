#include "anomaly_exporter/sources/csv_source.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>
#include <utility>

#include "anomaly_exporter/core/mutex.h"

namespace anomaly_exporter::sources {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;
using core::Status;

/// One file: an entity.
struct CsvEntity {
  core::LabelsPtr labels;
  CsvTable table;
  std::optional<core::Duration> step;

  [[nodiscard]] std::optional<std::size_t> column(const std::string& metric) const {
    const auto found = std::find(table.metrics.begin(), table.metrics.end(), metric);
    if (found == table.metrics.end()) return std::nullopt;
    return static_cast<std::size_t>(found - table.metrics.begin());
  }

  /// The newest row at `time` or before, not older than one and a half steps and, where the file
  /// tells no step, not older at all; with a value in `column`.
  [[nodiscard]] std::optional<series::Sample> at(core::Timestamp time, std::size_t column) const {
    const auto after = std::upper_bound(table.times.begin(), table.times.end(), time);
    if (after == table.times.begin()) return std::nullopt;
    const auto row = static_cast<std::size_t>(after - table.times.begin()) - 1;
    const core::Duration age = time - table.times[row];
    if (age * 2 > step.value_or(core::Duration(0)) * 3) return std::nullopt;
    const double value = table.values[row * table.metrics.size() + column];
    if (std::isnan(value)) return std::nullopt;
    return series::Sample{table.times[row], value};
  }
};

Error wrong_kind() {
  return {ErrorCode::Unsupported, "a csv source takes columns, not queries or selectors"};
}

class CsvSource final : public MetricSource {
 public:
  explicit CsvSource(std::vector<CsvEntity> entities) : entities_(std::move(entities)) {}

  std::vector<Result<InstantAnswer>> latest(std::span<const MetricRequest> requests,
                                            core::Timestamp time, std::stop_token) override {
    std::vector<Result<InstantAnswer>> answers;
    answers.reserve(requests.size());
    for (const MetricRequest& request : requests) {
      InstantAnswer answer;
      const Status status =
          for_each(request, [&](const CsvEntity& entity, std::size_t column) -> Status {
            if (const auto sample = entity.at(time, column)) {
              answer.samples.push_back({entity.labels, *sample});
            }
            return {};
          });
      count(answer.samples.size(), status);
      if (status) {
        answers.emplace_back(std::move(answer));
      } else {
        answers.emplace_back(status.error());
      }
    }
    return answers;
  }

  Status backfill(const MetricRequest& request, core::Timestamp from, core::Timestamp to,
                  core::Duration step, const RangeSink& sink, std::stop_token stop) override {
    std::size_t total = 0;
    const Status status =
        for_each(request, [&](const CsvEntity& entity, std::size_t column) -> Status {
          if (stop.stop_requested()) return Error{ErrorCode::Unavailable, "stopped"};
          std::vector<series::Sample> samples;
          for (core::Timestamp time = from; time <= to; time = time + step) {
            if (const auto sample = entity.at(time, column))
              samples.push_back({time, sample->value});
          }
          total += samples.size();
          return samples.empty() ? Status() : sink(entity.labels, samples);
        });
    count(total, status);
    return status;
  }

  Result<std::optional<core::Duration>> scrape_interval(const std::string&, core::Timestamp,
                                                        std::stop_token) override {
    std::optional<core::Duration> shortest;
    for (const CsvEntity& entity : entities_) {
      if (entity.step && (!shortest || *entity.step < *shortest)) shortest = entity.step;
    }
    return shortest;
  }

  Result<std::vector<std::string>> job_names(std::stop_token) override {
    return std::vector<std::string>();
  }

  [[nodiscard]] SourceStats stats() const override {
    const core::MutexLock lock(mutex_);
    return stats_;
  }

 private:
  /// Calls `visit` for every file that has the column.
  template <class Visit>
  Status for_each(const MetricRequest& request, Visit&& visit) const {
    if (request.kind != MetricRequest::Kind::Column) return wrong_kind();
    bool found = false;
    for (const CsvEntity& entity : entities_) {
      const auto column = entity.column(request.text);
      if (!column) continue;
      found = true;
      if (auto status = visit(entity, *column); !status) return status;
    }
    if (found) return {};
    return Error{ErrorCode::NotFound, "no file has a column \"" + request.text + "\""};
  }

  void count(std::size_t samples, const Status& status) {
    const core::MutexLock lock(mutex_);
    stats_.samples += samples;
    if (status) return;
    ++stats_.failures;
    ++stats_.failures_by_reason[std::string(core::to_string(status.error().code))];
  }

  const std::vector<CsvEntity> entities_;  // ascending by label
  mutable core::Mutex mutex_;
  SourceStats stats_ AE_GUARDED_BY(mutex_);
};

/// The file's name without `.csv` or `.csv.gz`; nothing for other files.
std::optional<std::string> stem_of(const std::string& file_name) {
  for (const std::string_view suffix : {".csv.gz", ".csv"}) {
    if (file_name.size() > suffix.size() && file_name.ends_with(suffix)) {
      return file_name.substr(0, file_name.size() - suffix.size());
    }
  }
  return std::nullopt;
}

/// Stem and path of the files a source reads, ascending by stem.
Result<std::vector<std::pair<std::string, std::string>>> list_files(const std::string& path) {
  namespace fs = std::filesystem;
  std::vector<std::pair<std::string, std::string>> files;
  std::error_code code;
  if (!fs::is_directory(path, code)) {
    const std::string name = fs::path(path).filename().string();
    files.emplace_back(stem_of(name).value_or(name), path);
    return files;
  }
  fs::directory_iterator entry(path, code);
  for (; !code && entry != fs::directory_iterator(); entry.increment(code)) {
    if (auto stem = stem_of(entry->path().filename().string())) {
      files.emplace_back(std::move(*stem), entry->path().string());
    }
  }
  if (code) return Error{ErrorCode::Unavailable, path + ": " + code.message()};
  if (files.empty()) return Error{ErrorCode::NotFound, path + ": no *.csv or *.csv.gz file"};
  std::sort(files.begin(), files.end());
  for (std::size_t i = 1; i < files.size(); ++i) {
    if (files[i].first == files[i - 1].first) {
      return Error{ErrorCode::InvalidArgument,
                   files[i - 1].second + " and " + files[i].second + " would be one series"};
    }
  }
  return files;
}

}  // namespace

Result<std::unique_ptr<MetricSource>> make_csv_source(CsvSourceOptions options) {
  const auto files = list_files(options.path);
  if (!files) return files.error();
  std::vector<CsvEntity> entities;
  for (const auto& [stem, path] : *files) {
    auto table = read_csv(path);
    if (!table) return table.error();
    auto labels = core::Labels::create({{"series", stem}});
    if (!labels) return labels.error().within(path);
    const auto step = table->median_step();
    entities.push_back(
        {std::make_shared<const core::Labels>(std::move(*labels)), std::move(*table), step});
  }
  return std::unique_ptr<MetricSource>(std::make_unique<CsvSource>(std::move(entities)));
}

}  // namespace anomaly_exporter::sources
