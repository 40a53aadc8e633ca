#include "anomaly_exporter/app/cpu_budget.h"

#include <algorithm>
#include <utility>

namespace anomaly_exporter::app {

namespace {
constexpr core::Duration kLeastSleep = std::chrono::milliseconds(10);
/// Longest sleep in one go: a machine that stood still for a day must not stop us for a week.
constexpr core::Duration kLongestSleep = std::chrono::minutes(1);
}  // namespace

CpuBudget::CpuBudget(double share, const core::Clock& clock, std::stop_token stop)
    : share_(share), clock_(&clock), stop_(std::move(stop)), last_(clock.monotonic()) {}

bool CpuBudget::spend() {
  if (stop_.stop_requested()) return false;
  const auto now = clock_->monotonic();
  const auto worked = std::max(now - last_, std::chrono::nanoseconds(0));
  last_ = now;
  busy_ += worked;
  owed_ += std::chrono::nanoseconds(
      static_cast<std::int64_t>(static_cast<double>(worked.count()) * (1 - share_) / share_));
  if (owed_ < kLeastSleep) return true;
  const core::Duration sleep = std::min(std::chrono::ceil<core::Duration>(owed_), kLongestSleep);
  const bool goes_on = clock_->wait_for(sleep, stop_);
  last_ = clock_->monotonic();
  const auto slept = last_ - now;
  slept_ += slept;
  // Oversleeping is credited, but not for long: work must not burst afterwards.
  owed_ = std::clamp<std::chrono::nanoseconds>(owed_ - slept, -kLeastSleep, kLongestSleep);
  return goes_on;
}

}  // namespace anomaly_exporter::app
