#include "anomaly_exporter/app/challenge.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/detectors/row_scales.h"
#include "anomaly_exporter/detectors/tick.h"
#include "anomaly_exporter/detectors/verdict.h"

namespace anomaly_exporter::app {

using detectors::TrainingPart;
using series::kLanes;
using series::LaneMask;

namespace {

constexpr std::size_t kMostParts = kLanes / 2;
constexpr std::size_t kFaultTicks = 8;
constexpr std::size_t kLeastDistance = 20;
constexpr double kSpikeSigmas = 8;
constexpr double kShiftSigmas = 5;
constexpr float kLargest = 3e38F;

struct Fault {
  std::size_t kind = 0;   ///< an ExamFault
  std::size_t lane = 0;   ///< of the faulted copy
  std::size_t first = 0;  ///< tick of the exam
  std::size_t ticks = 0;
  double peak = 0;  ///< largest raw score of its vector
  bool was_judged = false;
};

/// The data of one exam: ticks [0, warm_up) to settle, then the judged ones.
struct Papers {
  std::size_t metrics = 0, parts = 0, warm_up = 0, ticks = 0;
  core::Timestamp first;
  core::Duration interval{0};
  std::vector<float> values;  ///< [tick][metric][part]; NaN = absent
  std::vector<float> faulted;

  [[nodiscard]] std::size_t at(std::size_t tick, std::size_t metric, std::size_t part) const {
    return (tick * metrics + metric) * parts + part;
  }
};

/// Parts aligned at their ends.
Papers prepare(const detectors::TrainingSet& set, const ExamOptions& options) {
  Papers p;
  p.metrics = set.metrics;
  p.interval = set.interval;
  p.parts = std::min(set.parts.size(), kMostParts);
  std::size_t longest = 0;
  for (std::size_t i = 0; i < p.parts; ++i) longest = std::max(longest, set.parts[i].ticks);
  const auto held = static_cast<std::size_t>(options.held_back * static_cast<double>(longest));
  const std::size_t judged = std::min(held, options.judged_ticks);
  p.warm_up = std::min(longest - judged, options.warm_up_ticks);
  p.ticks = p.warm_up + judged;
  p.values.assign(p.ticks * p.metrics * p.parts, std::nanf(""));
  for (std::size_t i = 0; i < p.parts; ++i) {
    const TrainingPart& part = set.parts[i];
    for (std::size_t k = 0; k < p.ticks; ++k) {
      const std::size_t from_end = p.ticks - k;
      if (from_end > part.ticks) continue;
      const std::size_t tick = part.ticks - from_end;
      for (std::size_t m = 0; m < p.metrics; ++m) {
        p.values[p.at(k, m, i)] = part.values[tick * set.metrics + m];
      }
    }
    const core::Timestamp end = part.first + set.interval * static_cast<std::int64_t>(part.ticks);
    p.first = std::max(p.first, end - set.interval * static_cast<std::int64_t>(p.ticks));
  }
  p.faulted = p.values;
  return p;
}

double spread_of(const Papers& p, std::size_t metric, std::size_t part) {
  std::vector<float> column;
  for (std::size_t k = 0; k < p.ticks; ++k) column.push_back(p.values[p.at(k, metric, part)]);
  return static_cast<double>(detectors::robust_scale(column).spread);
}

/// Puts faults into the faulted copies.
std::vector<Fault> inject(Papers& p, const ExamOptions& options) {
  std::vector<Fault> faults;
  core::Rng rng(options.seed);
  std::vector<double> spread(p.metrics * p.parts);
  for (std::size_t i = 0; i < p.parts; ++i) {
    for (std::size_t m = 0; m < p.metrics; ++m) spread[m * p.parts + i] = spread_of(p, m, i);
  }
  const std::size_t kinds = p.metrics > 1 ? kExamFaults : kExamFaults - 1;
  std::size_t next_kind = 0;
  for (std::size_t i = 0; i < p.parts; ++i) {
    std::size_t k = p.warm_up + rng.below(kLeastDistance);
    for (; k + kFaultTicks < p.ticks; k += kFaultTicks + kLeastDistance + rng.below(10)) {
      const std::size_t kind = next_kind++ % kinds;
      const std::size_t metric = rng.below(p.metrics);
      const double sign = rng.uniform() < 0.5 ? -1 : 1;
      const double sigma = spread[metric * p.parts + i];
      const std::size_t ticks = kind == kSpike ? 1 : kFaultTicks;
      const std::size_t from = rng.below(p.ticks - kFaultTicks);
      const std::size_t apart = std::max(from, k) - std::min(from, k);
      bool is_there = sigma > 0 && (kind != kBrokenCorrelation || apart >= 2 * kFaultTicks);
      for (std::size_t j = 0; j < ticks; ++j) {
        is_there = is_there && !std::isnan(p.values[p.at(k + j, metric, i)]) &&
                   (kind != kBrokenCorrelation || !std::isnan(p.values[p.at(from + j, metric, i)]));
      }
      if (!is_there) continue;
      for (std::size_t j = 0; j < ticks; ++j) {
        float& v = p.faulted[p.at(k + j, metric, i)];
        if (kind == kBrokenCorrelation) {
          v = p.values[p.at(from + j, metric, i)];
          continue;
        }
        const double by = sign * sigma * (kind == kSpike ? kSpikeSigmas : kShiftSigmas);
        const double shifted = static_cast<double>(v) + by;
        v = std::clamp(static_cast<float>(shifted), -kLargest, kLargest);
      }
      faults.push_back({.kind = kind, .lane = kMostParts + i, .first = k, .ticks = ticks});
    }
  }
  return faults;
}

/// One block of a monitor, driven by hand.
class Bench {
 public:
  Bench(detectors::Detector& detector, const Papers& papers, std::size_t window)
      : detector_(&detector),
        papers_(&papers),
        windows_(papers.metrics, std::max<std::size_t>(window, 2)),
        values_(papers.metrics * kLanes),
        floor_(papers.metrics * kLanes),
        present_(papers.metrics),
        learnable_(papers.metrics) {
    for (std::size_t i = 0; i < papers.parts; ++i) {
      active_ |= series::bit(i) | series::bit(kMostParts + i);
    }
    windows_.resize(kLanes);
    profiles_.resize(papers.metrics * kLanes);
    detector_->resize(1);
    verdicts_.resize(papers.metrics);
  }

  /// Scores a tick, then learns what `spoilt` leaves.
  const detectors::VerdictColumns& step(std::size_t k, LaneMask spoilt) {
    const auto index = static_cast<series::TickIndex>(k + 1);
    const core::Timestamp time = papers_->first + papers_->interval * static_cast<std::int64_t>(k);
    windows_.open(0, index, active_);
    for (std::size_t m = 0; m < papers_->metrics; ++m) {
      present_[m] = 0;
      for (std::size_t i = 0; i < papers_->parts; ++i) {
        take(m, i, index, papers_->values[papers_->at(k, m, i)]);
        take(m, kMostParts + i, index, papers_->faulted[papers_->at(k, m, i)]);
      }
      learnable_[m] = present_[m] & ~spoilt;
    }
    const detectors::Tick tick{.time = time,
                               .index = index,
                               .block = 0,
                               .metrics = papers_->metrics,
                               .first_row = 0,
                               .active = active_,
                               .values = values_,
                               .present = present_,
                               .scale_floor = floor_,
                               .windows = &windows_,
                               .profiles = &profiles_};
    detector_->score(tick, verdicts_);
    for (std::size_t m = 0; m < papers_->metrics; ++m) {
      for (LaneMask lanes = learnable_[m]; lanes != 0; lanes &= lanes - 1) {
        const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
        profiles_.observe(tick.row(m, lane), time, values_[m * kLanes + lane]);
      }
    }
    detector_->learn(tick, detectors::LearnMask{.lanes = learnable_});
    for (std::size_t m = 0; m < papers_->metrics; ++m) {
      windows_.mark_learned(0, m, index, learnable_[m]);
    }
    return verdicts_;
  }

  /// Largest raw score of a vector at the tick just made; negative when it was not judged.
  [[nodiscard]] double raw(std::size_t lane) const {
    double largest = -1;
    for (std::size_t m = 0; m < papers_->metrics; ++m) {
      const std::size_t i = m * kLanes + lane;
      if ((present_[m] & series::bit(lane)) == 0) continue;
      if (verdicts_.outcome[i] == detectors::Outcome::Scored) {
        largest = std::max(largest, verdicts_.raw[i]);
      }
    }
    return largest;
  }

 private:
  void take(std::size_t metric, std::size_t lane, series::TickIndex index, float value) {
    if (!std::isfinite(value)) return;
    values_[metric * kLanes + lane] = value;
    present_[metric] |= series::bit(lane);
    windows_.write(0, metric, lane, index, value);
  }

  detectors::Detector* detector_;
  const Papers* papers_;
  series::Windows windows_;
  series::Profiles profiles_;
  std::vector<float> values_, floor_;
  std::vector<LaneMask> present_, learnable_;
  LaneMask active_ = 0;
  detectors::VerdictColumns verdicts_;
};

std::string percent(double share) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %%", 100 * share);
  return text.data();
}

}  // namespace

core::Result<ExamResult> examine(const DetectorFactory& factory, const detectors::Shape& shape,
                                 std::shared_ptr<const detectors::Model> model,
                                 const detectors::TrainingSet& set, const ExamOptions& options,
                                 const detectors::TrainingProgress& progress) {
  auto detector = factory();
  if (!detector.ok()) return detector.error();
  Papers papers = prepare(set, options);
  if (papers.ticks == 0 || papers.parts == 0) return ExamResult{};
  std::vector<Fault> faults;
  if (papers.ticks > papers.warm_up + kFaultTicks) faults = inject(papers, options);

  Bench bench(**detector, papers, shape.window);
  for (std::size_t i = 0; i < papers.parts; ++i) {
    (*detector)->name_entity(static_cast<series::Entity>(i), set.parts[i].entity);
    (*detector)->name_entity(static_cast<series::Entity>(kMostParts + i), set.parts[i].entity);
  }
  (*detector)->adopt(std::move(model));
  std::vector<double> clean;
  for (std::size_t k = 0; k < papers.ticks; ++k) {
    LaneMask spoilt = 0;
    for (const Fault& f : faults) {
      if (k >= f.first && k < f.first + f.ticks) spoilt |= series::bit(f.lane);
    }
    (void)bench.step(k, spoilt);
    if (progress && !progress(static_cast<double>(k + 1) / static_cast<double>(papers.ticks))) {
      return core::Error{core::ErrorCode::Unavailable, "stopped"};
    }
    if (k < papers.warm_up) continue;
    for (std::size_t i = 0; i < papers.parts; ++i) {
      if (const double raw = bench.raw(i); raw >= 0) clean.push_back(raw);
    }
    for (Fault& f : faults) {
      if (k < f.first || k >= f.first + f.ticks) continue;
      const double raw = bench.raw(f.lane);
      f.was_judged = f.was_judged || raw >= 0;
      f.peak = std::max(f.peak, raw);
    }
  }

  ExamResult result;
  if (clean.empty()) return result;
  std::sort(clean.begin(), clean.end());
  const auto above =
      static_cast<std::size_t>(options.false_alarm_share * static_cast<double>(clean.size()));
  result.raw_threshold = clean[clean.size() - 1 - std::min(above, clean.size() - 1)];
  const auto own = std::lower_bound(clean.begin(), clean.end(), (*detector)->threshold());
  result.clean_share = static_cast<double>(clean.end() - own) / static_cast<double>(clean.size());
  std::size_t found = 0;
  for (const Fault& f : faults) {
    if (!f.was_judged) continue;
    ++result.faults;
    ++result.by_kind[f.kind].faults;
    if (f.peak <= result.raw_threshold) continue;
    ++found;
    ++result.by_kind[f.kind].found;
  }
  if (result.faults > 0) {
    result.recall = static_cast<double>(found) / static_cast<double>(result.faults);
  }
  return result;
}

Verdict judge_challenge(const ExamResult* champion, const ExamResult& challenger,
                        const ExamOptions& options) {
  if (champion == nullptr) return {true, "accepted: the first model"};
  if (champion->faults == 0 || challenger.faults == 0) {
    return {true, "accepted: too few data to compare it with the model in use"};
  }
  const std::string figures = "finds " + percent(challenger.recall) +
                              " of the injected faults, the model in use " +
                              percent(champion->recall);
  if (challenger.recall + options.tolerance < champion->recall) {
    return {false, "rejected: " + figures};
  }
  return {true, "accepted: " + figures};
}

}  // namespace anomaly_exporter::app
