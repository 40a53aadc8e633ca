#include "anomaly_exporter/series/series_limits.h"

#include <string_view>

namespace anomaly_exporter::series {
namespace {

core::Status check(std::string_view name, std::size_t value, std::size_t most) {
  if (value >= 1 && value <= most) return {};
  return core::Error{core::ErrorCode::InvalidArgument,
                     std::string(name) + ": " + std::to_string(value) + " is not between 1 and " +
                         std::to_string(most)};
}

}  // namespace

core::Status SeriesLimitOptions::validate() const {
  constexpr std::size_t kMostSeries = 50'000'000;
  constexpr std::size_t kMostLabels = 1'000;
  constexpr std::size_t kMostBytes = std::size_t{1} << 20U;
  if (auto s = check("series", series, kMostSeries); !s) return s;
  if (auto s = check("series_per_source", series_per_source, kMostSeries); !s) return s;
  if (auto s = check("labels_per_series", labels_per_series, kMostLabels); !s) return s;
  return check("label_value_bytes", label_value_bytes, kMostBytes);
}

bool SeriesBudget::take(const std::string& source) {
  const core::MutexLock lock(mutex_);
  if (total_ >= options_.series) return false;
  std::size_t& of_source = per_source_[source];
  if (of_source >= options_.series_per_source) return false;
  ++of_source;
  ++total_;
  return true;
}

void SeriesBudget::give_back(const std::string& source) {
  const core::MutexLock lock(mutex_);
  const auto it = per_source_.find(source);
  if (it == per_source_.end()) return;
  --total_;
  if (--it->second == 0) per_source_.erase(it);
}

void SeriesBudget::set_options(SeriesLimitOptions options) {
  const core::MutexLock lock(mutex_);
  options_ = options;
}

SeriesLimitOptions SeriesBudget::options() const {
  const core::MutexLock lock(mutex_);
  return options_;
}

std::size_t SeriesBudget::total() const {
  const core::MutexLock lock(mutex_);
  return total_;
}

std::size_t SeriesBudget::of_source(const std::string& source) const {
  const core::MutexLock lock(mutex_);
  const auto it = per_source_.find(source);
  return it == per_source_.end() ? 0 : it->second;
}

}  // namespace anomaly_exporter::series
