#include "anomaly_exporter/app/model_watch.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "anomaly_exporter/ensemble/calibration.h"
#include "anomaly_exporter/exposition/snapshot.h"

namespace anomaly_exporter::app {

namespace {
/// Verdicts after which older ones count half: what an old model did long ago says little.
constexpr double kMostVerdicts = 1e7;
constexpr double kLeastVerdicts = 1000;
}  // namespace

void ModelWatch::observe(const MonitorState& monitor, core::Timestamp now) {
  const auto& results = monitor.results;
  const auto& confidence = results.confidence[detector_];
  const auto threshold = static_cast<float>(monitor.config.ensemble.threshold);
  above_.resize(monitor.blocks());
  for (std::size_t b = 0; b < monitor.blocks(); ++b) {
    series::LaneMask judged = 0;
    series::LaneMask above = 0;
    for (std::size_t m = 0; m < monitor.metrics(); ++m) {
      const std::size_t first = (b * monitor.metrics() + m) * series::kLanes;
      for (series::LaneMask lanes = monitor.table->known(b, m); lanes != 0; lanes &= lanes - 1) {
        const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
        const std::size_t row = first + lane;
        if ((results.flags[row] & exposition::MonitorSnapshot::kHasValue) == 0) continue;
        if (confidence[row] < 0) continue;
        judged |= series::bit(lane);
        if (confidence[row] >= threshold) above |= series::bit(lane);
      }
    }
    verdicts_ += std::popcount(judged);
    onsets_ += std::popcount(above & ~above_[b]);
    above_[b] = above;
  }
  if (is_watching_) {
    if (now - started_ >= length_ || now < started_) is_watching_ = false;
  } else if (verdicts_ > kMostVerdicts) {
    verdicts_ /= 2;
    onsets_ /= 2;
  }
}

void ModelWatch::start(core::Timestamp now, core::Duration length) {
  share_before_ = verdicts_ >= kLeastVerdicts ? share() : 0;
  verdicts_ = 0;
  onsets_ = 0;
  started_ = now;
  length_ = length;
  is_watching_ = true;
}

void ModelWatch::forget() {
  verdicts_ = 0;
  onsets_ = 0;
  is_watching_ = false;
}

double ModelWatch::share() const { return verdicts_ > 0 ? onsets_ / verdicts_ : 0; }

bool ModelWatch::is_bad(const MonitorState& monitor, core::Timestamp now) const {
  if (!is_watching_ || onsets_ < static_cast<double>(kLeastOnsets)) return false;
  const double exponent = ensemble::exponent_of(monitor.config.ensemble.threshold);
  const double expected = std::exp(monitor.log_p0 * exponent);
  const double elapsed = std::max(1.0, static_cast<double>((now - started_).count()));
  const double whole = verdicts_ * std::max(1.0, static_cast<double>(length_.count()) / elapsed);
  return onsets_ > kFactor * std::max(expected, share_before_) * whole;
}

}  // namespace anomaly_exporter::app
