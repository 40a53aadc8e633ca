#include "season_curve.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "anomaly_exporter/stats/period.h"

namespace anomaly_exporter::detectors {
namespace {

using series::Profiles;

constexpr std::size_t kDay = 48;
constexpr std::size_t kWeek = 7 * kDay;
constexpr std::size_t kSteps = Profiles::kSteps;
static_assert(kSteps == stats::kPeriodSamples);
constexpr std::int64_t kStepMs = Profiles::kStep.count();

/// Lengths that are decomposed, longest first: few, so that plans are shared.
constexpr std::array<std::size_t, 6> kLengths = {14 * kDay, 10 * kDay, 7 * kDay,
                                                 4 * kDay,  3 * kDay,  2 * kDay};
/// Every second half hour is there when the interval is an hour.
constexpr double kLeastPresent = 0.4;

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - ((a % b != 0 && a < 0) ? 1 : 0);
}

/// Linear between present neighbours, level beyond the first and the last.
void fill_gaps(std::span<float> values, std::span<const std::uint8_t> present) {
  std::size_t last = values.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (present[i] == 0) continue;
    const std::size_t gap = last == values.size() ? i : i - last - 1;
    for (std::size_t k = 1; k <= gap; ++k) {
      const double share = static_cast<double>(k) / static_cast<double>(gap + 1);
      const double before = last == values.size() ? values[i] : values[last];
      const double after = values[i];
      values[i - gap - 1 + k] = static_cast<float>(before + share * (after - before));
    }
    last = i;
  }
  if (last == values.size()) return;
  std::fill(values.begin() + static_cast<std::ptrdiff_t>(last), values.end(), values[last]);
}

}  // namespace

struct SeasonFinder::Scratch {
  std::array<float, kSteps> values;
  std::array<std::uint8_t, kSteps> present;
  std::array<float, kSteps> seasonal, trend, rest, sorted;
  std::array<float, 3 * (kSteps + 2 * kWeek) + kSteps + kDay> stl;
};

SeasonFinder::SeasonFinder(const SeasonalEsdOptions& options)
    : options_(options), given_(static_cast<std::size_t>(options.period.count() / kStepMs)) {
  const std::size_t period = given_ == 0 ? kDay : given_;
  for (const std::size_t length : kLengths) {
    if (length >= 2 * period) plans_.push_back(make_plan(length, period));
  }
}

SeasonFinder::Plan SeasonFinder::make_plan(std::size_t samples, std::size_t period) const {
  // Periods and lengths are within STL's bounds by construction.
  auto stl = stats::StlPlan::create(samples, {.period = period});
  const std::size_t most = std::min(options_.max_anomalies * (samples / period), samples / 10);
  return {std::move(stl).value(), stats::EsdTable(samples, most, options_.alpha)};
}

const SeasonFinder::Plan& SeasonFinder::plan_for(std::size_t samples, std::size_t period) const {
  const auto fits = [&](const Plan& plan) {
    return plan.stl.samples() == samples && plan.stl.options().period == period;
  };
  for (const Plan& plan : plans_) {
    if (fits(plan)) return plan;
  }
  thread_local std::optional<Plan> last;
  thread_local SeasonalEsdOptions made_with;
  const bool is_ours =
      made_with.max_anomalies == options_.max_anomalies && made_with.alpha == options_.alpha;
  if (!is_ours || !last || !fits(*last)) last = make_plan(samples, period);
  made_with = options_;
  return *last;
}

std::size_t SeasonFinder::least_steps() const { return given_ == 0 ? 2 * kDay : 2 * given_; }

bool SeasonFinder::may_find(const Profiles& profiles, series::Row row, core::Timestamp now) const {
  constexpr std::int64_t kProbes = 4;
  const std::int64_t oldest = floor_div(now.ms, kStepMs) - static_cast<std::int64_t>(least_steps());
  float mean = 0;
  for (std::int64_t step = oldest - kProbes; step <= oldest; ++step) {
    if (profiles.step(row, {step * kStepMs}, mean)) return true;
  }
  return false;
}

/// Two passes: what the test calls outliers is replaced by what was expected.
void SeasonFinder::decompose(Scratch& s, std::size_t samples, std::size_t period) const {
  const Plan& plan = plan_for(samples, period);
  const std::span<float> values(s.values.data() + kSteps - samples, samples);
  const std::span<float> seasonal(s.seasonal.data(), samples);
  const std::span<float> trend(s.trend.data(), samples);
  plan.stl.decompose(values, s.stl, seasonal, trend);
  for (std::size_t i = 0; i < samples; ++i) s.rest[i] = values[i] - seasonal[i] - trend[i];
  const std::span<float> sorted(s.sorted.data(), samples);
  std::copy_n(s.rest.begin(), samples, sorted.begin());
  std::ranges::sort(sorted);
  const auto found = stats::esd_outliers(sorted, plan.esd, stats::EsdForm::MedianMad);
  if (found.count == 0 || found.count == samples) return;
  const float least = sorted[found.first];
  const float most = sorted[found.last - 1];
  for (std::size_t i = 0; i < samples; ++i) {
    if (s.rest[i] < least || s.rest[i] > most) values[i] = seasonal[i] + trend[i];
  }
  plan.stl.decompose(values, s.stl, seasonal, trend);
}

void SeasonFinder::find(const Profiles& profiles, series::Row row, core::Timestamp now,
                        const Offset& offset, SeasonCurve& out) const {
  thread_local Scratch s;
  out.kind = SeasonCurve::Kind::TooYoung;
  const auto local_step = [&](core::Timestamp t) { return floor_div((t + offset(t)).ms, kStepMs); };

  // The newest whole half hour is the last element; an hour that the clock repeats counts once.
  const std::int64_t newest = floor_div(now.ms, kStepMs) - 1;
  const std::int64_t first = local_step({newest * kStepMs}) - static_cast<std::int64_t>(kSteps) + 1;
  s.present.fill(0);
  std::size_t oldest = kSteps;
  std::size_t count = 0;
  for (std::int64_t step = newest - static_cast<std::int64_t>(kSteps) + 1; step <= newest; ++step) {
    const core::Timestamp start{step * kStepMs};
    float mean = 0;
    if (!profiles.step(row, start, mean)) continue;
    const std::int64_t at = local_step(start) - first;
    if (at < 0 || at >= static_cast<std::int64_t>(kSteps)) continue;
    const auto i = static_cast<std::size_t>(at);
    count += s.present[i] == 0 ? 1U : 0U;
    s.values[i] = mean;
    s.present[i] = 1;
    oldest = std::min(oldest, i);
  }
  const std::size_t span = kSteps - oldest;
  if (span < least_steps() ||
      static_cast<double>(count) < kLeastPresent * static_cast<double>(span)) {
    return;
  }

  // About one of its values and by the largest distance from it: a constant is exactly 0, and the
  // unit does not matter.
  const auto base = static_cast<double>(s.values[oldest]);
  double largest = 0;
  for (std::size_t i = oldest; i < kSteps; ++i) {
    if (s.present[i] == 0) continue;
    largest = std::max(largest, std::abs(static_cast<double>(s.values[i]) - base));
  }
  out.kind = SeasonCurve::Kind::None;
  if (!(largest > 0)) return;
  for (std::size_t i = oldest; i < kSteps; ++i) {
    if (s.present[i] != 0) {
      s.values[i] = static_cast<float>((static_cast<double>(s.values[i]) - base) / largest);
    }
  }

  std::size_t period = given_;
  if (period == 0) {
    const auto found = stats::find_period(std::span(s.values).subspan(oldest),
                                          std::span(s.present).subspan(oldest), kDay);
    if (!found) return;
    period = *found;
  }
  if (period == kWeek) {
    out.kind = SeasonCurve::Kind::Week;
    return;
  }
  std::size_t samples = 2 * period;
  for (const std::size_t length : kLengths) {
    if (length <= span && length >= samples) {
      samples = length;
      break;
    }
  }
  fill_gaps(std::span(s.values).subspan(oldest), std::span(s.present).subspan(oldest));
  decompose(s, samples, period);

  // The last cycle by phase, then at the middle of each part of the period.
  std::array<double, kWeek> cycle;
  for (std::size_t i = samples - period; i < samples; ++i) {
    const std::int64_t number = first + static_cast<std::int64_t>(kSteps - samples + i);
    const auto length = static_cast<std::int64_t>(period);
    cycle[static_cast<std::size_t>((number % length + length) % length)] =
        largest * static_cast<double>(s.seasonal[i]);
  }
  out.kind = SeasonCurve::Kind::Curve;
  out.period = period;
  const std::size_t points = std::min(period, SeasonCurve::kPoints);
  for (std::size_t k = 0; k < points; ++k) {
    const double place =
        (static_cast<double>(k) + 0.5) * static_cast<double>(period) / static_cast<double>(points) -
        0.5;
    const auto before = static_cast<std::size_t>(place);
    const double share = place - static_cast<double>(before);
    out.points[k] = (1 - share) * cycle[before] + share * cycle[(before + 1) % period];
  }
}

std::size_t SeasonFinder::memory_bytes() const {
  std::size_t bytes = plans_.capacity() * sizeof(Plan);
  for (const Plan& plan : plans_) {
    bytes += plan.stl.memory_bytes() + plan.esd.critical().size() * sizeof(double);
  }
  return bytes;
}

}  // namespace anomaly_exporter::detectors
