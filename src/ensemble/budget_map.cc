#include "anomaly_exporter/ensemble/budget_map.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "tail.h"

namespace anomaly_exporter::ensemble {
namespace {

constexpr std::size_t kBins = ScoreHistogram::kBins;
constexpr std::uint8_t kStateVersion = 1;
constexpr double kTailRises = 64;
/// Alarms within the budget after which what was seen counts half.
constexpr double kPriorAlarms = 10;
/// A budget that asks for more rises than half of those past the busiest level cannot be spent: it
/// would put the alarm where the score always is.
constexpr double kBusiestShare = 0.5;
/// Alarms within the budget after which older ticks count half.
constexpr double kHalfLifeAlarms = 64;

}  // namespace

void RiseHistogram::add(double before, double now) {
  ++ticks_;
  if (!(now > before)) return;
  const std::size_t from = ScoreHistogram::bin_of(before);
  const std::size_t to = ScoreHistogram::bin_of(now);
  ++changes_[from + 1];
  --changes_[to + 1];
}

void RiseHistogram::add(const RiseHistogram& other) {
  ticks_ += other.ticks_;
  for (std::size_t i = 0; i < changes_.size(); ++i) changes_[i] += other.changes_[i];
}

void RiseHistogram::clear() {
  ticks_ = 0;
  changes_.fill(0);
}

std::array<std::uint64_t, kBins> RiseHistogram::rises() const {
  std::array<std::uint64_t, kBins> out{};
  std::int64_t sum = 0;
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    sum += changes_[bin];
    out[bin] = static_cast<std::uint64_t>(sum);
  }
  return out;
}

BudgetMap::BudgetMap(double anchor, double log_p0) : anchor_(anchor), log_p0_(log_p0) {}

double BudgetMap::exponent(double score) const {
  const double assumed = std::log2(1.0 + score / anchor_);
  if (learned_share_ == 0) return assumed;
  const std::size_t bin = ScoreHistogram::bin_of(score);
  const double low = bin_edges()[bin];
  const double part = std::min((score - low) / (bin_edges()[bin + 1] - low), 1.0);
  const double seen = seen_[bin] + part * (seen_[bin + 1] - seen_[bin]);
  return (1 - learned_share_) * assumed + learned_share_ * seen / -std::min(log_p0_, attainable_);
}

double BudgetMap::confidence(double score) const { return confidence_of(-exponent(score), -1.0); }

void BudgetMap::learn(const RiseHistogram& seen) {
  if (seen.ticks() == 0) return;
  const auto added = static_cast<double>(seen.ticks());
  const double keep = std::exp2(-added * std::exp(log_p0_) / kHalfLifeAlarms);
  const auto rises = seen.rises();
  ticks_ = ticks_ * keep + added;
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    rises_[bin] = rises_[bin] * keep + static_cast<double>(rises[bin]);
  }
}

void BudgetMap::refit(std::size_t entities) {
  const double allowed = ticks_ * std::exp(log_p0_) *
                         (1.0 - 1.0 / static_cast<double>(std::max<std::size_t>(entities, 1)));
  learned_share_ = allowed * allowed / (allowed * allowed + kPriorAlarms * kPriorAlarms);
  if (!(learned_share_ > 0)) return;
  BinTable above{};  // descends: a level is passed at least as often as any above it
  for (std::size_t bin = kBins; bin-- > 0;) above[bin] = std::max(above[bin + 1], rises_[bin]);
  above[0] = std::max(above[0], ticks_);
  const double busiest = *std::max_element(rises_.begin(), rises_.end());
  attainable_ = std::log(std::max(kBusiestShare * busiest, 1.0) / (ticks_ + 1.0));
  const Tail tail = fit_tail(above, kTailRises);
  seen_[0] = 0;
  for (std::size_t bin = 1; bin <= kBins; ++bin) {
    const double count =
        bin <= tail.bin ? above[bin]
                        : above[tail.bin] * tail.survival(bin_edges()[bin] - bin_edges()[tail.bin]);
    // One rise of a heavy tail more than was seen: without any the table would be infinite.
    const double assumed = 1.0 / (1.0 + bin_edges()[bin] / anchor_);
    seen_[bin] = std::max(seen_[bin - 1], -std::log((count + assumed) / (ticks_ + 1.0)));
  }
}

void BudgetMap::save(core::StateWriter& out) const {
  out.u8(kStateVersion);
  out.f64(ticks_);
  out.f64s(rises_);
}

core::Status BudgetMap::restore(core::StateReader& in) {
  const std::uint8_t version = in.u8();
  if (in.ok() && version > kStateVersion) {
    return core::Error{core::ErrorCode::Unsupported,
                       "budget map: state version " + std::to_string(version) + " is newer than " +
                           std::to_string(kStateVersion)};
  }
  if (in.ok() && version != kStateVersion) in.fail("budget map: unknown version");
  const double ticks = in.f64();
  std::array<double, kBins> rises{};
  in.f64s(rises);
  const auto is_possible = [](double v) { return v >= 0 && v <= 1e18; };
  if (in.ok() && !(is_possible(ticks) && std::ranges::all_of(rises, is_possible))) {
    in.fail("budget map: impossible count");
  }
  if (!in.ok()) return in.status();
  ticks_ = ticks;
  rises_ = rises;
  return {};
}

}  // namespace anomaly_exporter::ensemble
