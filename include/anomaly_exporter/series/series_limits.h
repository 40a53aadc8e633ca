#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::series {

struct SeriesLimitOptions {
  /// Series (entity x metric with a source series) in the whole process. Range 1 to 50,000,000.
  std::size_t series = 200'000;
  /// Series that one source may bring. Range 1 to 50,000,000.
  std::size_t series_per_source = 100'000;
  /// Labels of one source series, range 1 to 1,000; bytes of one label name or value, range 1 to 1
  /// MiB.
  std::size_t labels_per_series = 64;
  std::size_t label_value_bytes = 2048;

  [[nodiscard]] core::Status validate() const;
};

/// The shared count of admitted series, per source and in all. A SeriesTable takes a place before
/// it admits a series and gives it back when the series leaves.
///
/// Threads: safe for concurrent use (one mutex; taken only at admission and removal).
class SeriesBudget {
 public:
  explicit SeriesBudget(SeriesLimitOptions options) : options_(options) {}

  /// False when either limit is reached; nothing is taken then.
  bool take(const std::string& source);
  void give_back(const std::string& source);

  /// A reload may change the limits; what is admitted already stays.
  void set_options(SeriesLimitOptions options);
  [[nodiscard]] SeriesLimitOptions options() const;
  [[nodiscard]] std::size_t total() const;
  [[nodiscard]] std::size_t of_source(const std::string& source) const;

 private:
  mutable core::Mutex mutex_;
  SeriesLimitOptions options_ AE_GUARDED_BY(mutex_);
  std::size_t total_ AE_GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::string, std::size_t> per_source_ AE_GUARDED_BY(mutex_);
};

}  // namespace anomaly_exporter::series
