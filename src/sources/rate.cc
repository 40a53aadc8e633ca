#include "anomaly_exporter/sources/rate.h"

#include <algorithm>
#include <cstdint>

#include "anomaly_exporter/core/number_text.h"

namespace anomaly_exporter::sources {
namespace {

using core::Duration;
using core::Timestamp;
using series::Sample;

/// Seconds as Go's Duration.Seconds computes them: whole seconds and the rest added as doubles.
double go_seconds(Duration d) {
  const std::int64_t ms = d.count();
  return static_cast<double>(ms / 1000) + static_cast<double>((ms % 1000) * 1'000'000) / 1e9;
}

double seconds_between(Timestamp from, Timestamp to) {
  return static_cast<double>(to.ms - from.ms) / 1000;
}

/// The function's value over `samples`, which are those of a range. `resets` are the indices in
/// `series` of the samples of the range that are below their predecessor in the range.
std::optional<double> extrapolate(std::span<const Sample> samples, const Sample* series,
                                  std::span<const std::size_t> resets, As as, Duration width,
                                  Timestamp time) {
  if (samples.size() < 2) return std::nullopt;
  const Sample& first = samples.front();
  const Sample& last = samples.back();

  double result = last.value - first.value;
  if (as == As::Rate) {
    for (const std::size_t reset : resets) result += series[reset - 1].value;
  }

  double to_start = seconds_between(time - width, first.time);
  const double to_end = seconds_between(last.time, time);
  const double sampled = seconds_between(first.time, last.time);
  const double average = sampled / static_cast<double>(samples.size() - 1);
  if (as == As::Rate && result > 0 && first.value >= 0) {
    const double to_zero = sampled * (first.value / result);
    if (to_zero < to_start) to_start = to_zero;
  }
  const double threshold = average * 1.1;
  double covered = sampled;
  covered += to_start < threshold ? to_start : average / 2;
  covered += to_end < threshold ? to_end : average / 2;
  double factor = covered / sampled;
  if (as == As::Rate) factor /= go_seconds(width);
  return result * factor;
}

/// Index of the first sample later than `time`.
std::size_t past_time(std::span<const Sample> samples, Timestamp time) {
  return static_cast<std::size_t>(
      std::upper_bound(samples.begin(), samples.end(), time,
                       [](Timestamp t, const Sample& s) { return t < s.time; }) -
      samples.begin());
}

void gauge_on_grid(std::span<const Sample> samples, Duration lookback, Timestamp from, Timestamp to,
                   Duration step, std::vector<Sample>& out) {
  std::size_t past = past_time(samples, from);
  for (Timestamp t = from; t <= to; t = t + step) {
    while (past < samples.size() && samples[past].time <= t) ++past;
    if (past == 0) continue;
    const Sample& newest = samples[past - 1];
    if (newest.time < t - lookback || core::is_stale_marker(newest.value)) continue;
    out.push_back({t, newest.value});
  }
}

void range_on_grid(std::span<const Sample> samples, As as, Duration width, Timestamp from,
                   Timestamp to, Duration step, std::vector<Sample>& out) {
  std::vector<std::size_t> resets;
  if (as == As::Rate) {
    for (std::size_t i = 1; i < samples.size(); ++i) {
      if (samples[i].value < samples[i - 1].value) resets.push_back(i);
    }
  }
  std::size_t first = 0;        // of the range
  std::size_t past = 0;         // behind the range
  std::size_t first_reset = 0;  // first reset whose predecessor lies in the range
  std::size_t past_reset = 0;
  for (Timestamp t = from; t <= to; t = t + step) {
    while (past < samples.size() && samples[past].time <= t) ++past;
    while (first < past && samples[first].time < t - width) ++first;
    while (past_reset < resets.size() && resets[past_reset] < past) ++past_reset;
    while (first_reset < past_reset && resets[first_reset] <= first) ++first_reset;
    const auto value =
        extrapolate(samples.subspan(first, past - first), samples.data(),
                    std::span(resets).subspan(first_reset, past_reset - first_reset), as, width, t);
    if (value) out.push_back({t, *value});
  }
}

}  // namespace

void values_on_grid(std::vector<Sample>& samples, As as, Duration width, Timestamp from,
                    Timestamp to, Duration step, std::vector<Sample>& out) {
  if (as == As::Gauge) {
    gauge_on_grid(samples, width, from, to, step, out);
    return;
  }
  std::erase_if(samples, [](const Sample& s) { return core::is_stale_marker(s.value); });
  range_on_grid(samples, as, width, from, to, step, out);
}

std::optional<Timestamp> newest_sample_time(std::span<const Sample> samples, Timestamp time) {
  for (std::size_t i = past_time(samples, time); i-- > 0;) {
    if (!core::is_stale_marker(samples[i].value)) return samples[i].time;
  }
  return std::nullopt;
}

}  // namespace anomaly_exporter::sources
