#include "anomaly_exporter/tools/fault_injection.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace anomaly_exporter::tools {

namespace {

constexpr std::size_t kPast = 240;      // rows from which sigma is taken
constexpr std::size_t kHalfMedian = 5;  // rows on each side in the centred median
constexpr std::size_t kLeastDistance = 120;
constexpr std::size_t kMargin = 60;  // at either end of the history
constexpr double kLeastDrop = 3;     // sigmas
constexpr int kTries = 400;

struct Trait {
  FaultKind kind;
  std::string_view name;
  std::size_t shortest, longest;  // rows
};
constexpr Trait kTraits[] = {
    {FaultKind::Spike, "spike", 1, 3},
    {FaultKind::Drop, "drop", 10, 10},
    {FaultKind::LevelShift, "level_shift", 60, 60},
    {FaultKind::Ramp, "ramp", 60, 60},
    {FaultKind::Silence, "silence", 60, 60},
    {FaultKind::NoiseBurst, "noise_burst", 30, 30},
    {FaultKind::BrokenCorrelation, "broken_correlation", 60, 60},
};

const Trait& trait(FaultKind kind) { return kTraits[static_cast<std::size_t>(kind)]; }

/// The middle value; reorders. REQUIRES: not empty.
double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::string known_kinds() {
  std::string names = "all";
  for (const Trait& t : kTraits) names.append(", ").append(t.name);
  return names;
}

}  // namespace

std::string_view to_string(FaultKind kind) { return trait(kind).name; }

core::Result<std::vector<FaultKind>> parse_fault_kinds(std::string_view text) {
  std::array<bool, kFaultKinds.size()> wanted{};
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    bool is_known = word == "all";
    if (is_known) wanted.fill(true);
    for (const Trait& t : kTraits) {
      if (t.name != word) continue;
      wanted[static_cast<std::size_t>(t.kind)] = true;
      is_known = true;
    }
    if (!is_known) {
      return core::Error{
          core::ErrorCode::InvalidArgument,
          "\"" + std::string(word) + "\" is not a kind of fault; use " + known_kinds()};
    }
    begin = end + 1;
  }
  std::vector<FaultKind> kinds;
  for (const FaultKind kind : kFaultKinds) {
    if (wanted[static_cast<std::size_t>(kind)]) kinds.push_back(kind);
  }
  return kinds;
}

FaultInjector::FaultInjector(std::span<const double> values, std::size_t metrics,
                             InjectionOptions options)
    : values_(values),
      metrics_(metrics),
      rows_(values.size() / metrics),
      options_(options),
      lowest_(metrics, std::numeric_limits<double>::infinity()) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i])) lowest_[i % metrics] = std::min(lowest_[i % metrics], values[i]);
  }
  restart();
}

double FaultInjector::sigma(std::size_t metric, std::size_t row) const {
  std::vector<double> residuals;
  std::vector<double> around;
  const std::size_t from = row > kPast ? row - kPast : 0;
  double squares = 0;
  double newest = 0;
  for (std::size_t r = from; r < row; ++r) {
    if (std::isnan(at(r, metric))) continue;
    newest = at(r, metric);
    around.clear();
    const std::size_t begin = std::max(from + kHalfMedian, r) - kHalfMedian;
    for (std::size_t k = begin; k < std::min(row, r + kHalfMedian + 1); ++k) {
      if (!std::isnan(at(k, metric))) around.push_back(at(k, metric));
    }
    residuals.push_back(std::fabs(newest - median(around)));
    squares += residuals.back() * residuals.back();
  }
  if (!residuals.empty()) {
    const double mean_square = squares / static_cast<double>(residuals.size());
    const double robust = 1.4826 * median(residuals);
    if (robust > 0) return robust;
    if (mean_square > 0) return std::sqrt(mean_square);
  }
  return newest != 0 ? 0.01 * std::fabs(newest) : 1.0;
}

double FaultInjector::level(std::size_t metric, std::size_t row) const {
  std::vector<double> past;
  for (std::size_t r = row > 2 * kHalfMedian ? row - 2 * kHalfMedian : 0; r < row; ++r) {
    if (!std::isnan(at(r, metric))) past.push_back(at(r, metric));
  }
  return past.empty() ? 0 : median(past);
}

bool FaultInjector::mostly_stands(std::size_t metric, std::size_t row) const {
  std::size_t steps = 0;
  std::size_t moved = 0;
  for (std::size_t r = std::max(row, kPast) - kPast + 1; r < row; ++r) {
    if (std::isnan(at(r, metric)) || std::isnan(at(r - 1, metric))) continue;
    ++steps;
    if (at(r, metric) != at(r - 1, metric)) ++moved;
  }
  return 2 * moved < steps || steps == 0;
}

bool FaultInjector::is_usable(const Fault& fault) const {
  if (fault.first < 2 * kHalfMedian || fault.last >= rows_) return false;
  const std::size_t before = fault.first - 1;
  const auto steps = static_cast<std::int64_t>(fault.last - before);
  if (!options_.ticks.empty() &&
      10 * (options_.ticks[fault.last] - options_.ticks[before]) > 11 * steps) {
    return false;
  }
  std::size_t present = 0;
  for (std::size_t r = before; r <= fault.last; ++r) {
    if (!std::isnan(at(r, fault.metric))) ++present;
  }
  const std::size_t length = fault.last - before + 1;
  return present * 10 >= length * 9 && !std::isnan(at(fault.first, fault.metric)) &&
         !std::isnan(at(before, fault.metric));
}

std::optional<Fault> FaultInjector::inject(FaultKind kind, core::Rng& rng, std::span<double> copy) {
  if (kind == FaultKind::BrokenCorrelation && metrics_ < 2) return std::nullopt;
  const Trait& t = trait(kind);
  const std::size_t length = t.shortest + rng.below(t.longest - t.shortest + 1);
  const bool is_first = last_length_ == 0;
  const std::size_t distance =
      is_first ? kMargin : std::max({kLeastDistance, 4 * length, 4 * last_length_});
  std::size_t first = free_from_ + distance + rng.below(distance / 4);
  for (int i = 0; i < kTries && first + length + kMargin <= rows_; ++i) {
    const Fault fault{kind, rng.below(metrics_), first, first + length - 1};
    if (is_usable(fault) && write(fault, rng, copy)) {
      free_from_ = fault.last + 1;
      last_length_ = length;
      return fault;
    }
    first += std::max<std::size_t>(length / 4, 1 + rng.below(30));
  }
  return std::nullopt;
}

bool FaultInjector::write(const Fault& fault, core::Rng& rng, std::span<double> copy) const {
  switch (fault.kind) {
    case FaultKind::Spike:
      return write_offsets(fault, 8, rng, copy);
    case FaultKind::LevelShift:
      return write_offsets(fault, 5, rng, copy);
    case FaultKind::Ramp:
      return write_offsets(fault, 6, rng, copy);
    case FaultKind::NoiseBurst:
      return write_offsets(fault, 0, rng, copy);
    case FaultKind::Drop:
      return write_drop(fault, copy);
    case FaultKind::Silence:
      return write_silence(fault, copy);
    case FaultKind::BrokenCorrelation:
      return write_other_time(fault, rng, copy);
  }
  return false;
}

/// Adds to every value: the whole size, a part growing to it (Ramp), or noise (NoiseBurst).
bool FaultInjector::write_offsets(const Fault& fault, double sigmas, core::Rng& rng,
                                  std::span<double> copy) const {
  const double scale = sigma(fault.metric, fault.first);
  const bool stays_positive = lowest_[fault.metric] >= 0;
  double sign = rng.below(2) == 0 ? -1 : 1;
  for (std::size_t r = fault.first; r <= fault.last && stays_positive; ++r) {
    if (at(r, fault.metric) < sigmas * scale) sign = 1;
  }
  const double length = static_cast<double>(fault.last - fault.first + 1);
  for (std::size_t r = fault.first; r <= fault.last; ++r) {
    double offset = sign * sigmas * scale;
    if (fault.kind == FaultKind::Ramp) {
      offset *= static_cast<double>(r - fault.first + 1) / length;
    } else if (fault.kind == FaultKind::NoiseBurst) {
      offset = std::sqrt(5.0 * 5.0 - 1.0) * scale * rng.normal();  // with its own noise: 5 sigmas
    }
    double& value = copy[r * metrics_ + fault.metric];
    if (stays_positive && value + offset < 0) offset = -offset;
    value += offset;
  }
  return true;
}

bool FaultInjector::write_drop(const Fault& fault, std::span<double> copy) const {
  const double scale = sigma(fault.metric, fault.first);
  const double before = level(fault.metric, fault.first);
  double bottom = std::min(lowest_[fault.metric], before - 6 * scale);
  if (lowest_[fault.metric] >= 0) bottom = std::max(bottom, 0.0);
  if (before - bottom < kLeastDrop * scale) return false;
  for (std::size_t r = fault.first; r <= fault.last; ++r) {
    double& value = copy[r * metrics_ + fault.metric];
    if (!std::isnan(value)) value = bottom;
  }
  return true;
}

bool FaultInjector::write_silence(const Fault& fault, std::span<double> copy) const {
  if (mostly_stands(fault.metric, fault.first)) return false;
  for (std::size_t r = fault.first; r <= fault.last; ++r) {
    double& value = copy[r * metrics_ + fault.metric];
    if (!std::isnan(value)) value = at(fault.first - 1, fault.metric);
  }
  return true;
}

/// Values of a quarter to three quarters of a day earlier (of whatever past there is, if shorter).
bool FaultInjector::write_other_time(const Fault& fault, core::Rng& rng,
                                     std::span<double> copy) const {
  const std::size_t length = fault.last - fault.first + 1;
  const std::size_t past = fault.first;
  std::size_t shortest = options_.ticks_per_day / 4;
  std::size_t longest = 3 * (options_.ticks_per_day / 4);
  if (shortest < 2 * length || longest > past) {
    shortest = 2 * length;
    longest = past;
  }
  if (longest <= shortest) return false;
  const std::size_t shift = shortest + rng.below(longest - shortest + 1);
  if (mostly_stands(fault.metric, fault.first)) return false;
  for (std::size_t r = fault.first; r <= fault.last; ++r) {
    double& value = copy[r * metrics_ + fault.metric];
    const double other = at(r - shift, fault.metric);
    if (!std::isnan(value) && !std::isnan(other)) value = other;
  }
  return true;
}

}  // namespace anomaly_exporter::tools
