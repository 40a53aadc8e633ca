#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/detectors/model.h"
#include "anomaly_exporter/detectors/shape.h"

namespace anomaly_exporter::app {

/// Makes a detector of the kind that is examined, untrained.
using DetectorFactory = std::function<core::Result<std::unique_ptr<detectors::Detector>>()>;

struct ExamOptions {
  double held_back = 0.2;           ///< last share of every part, on which models are judged
  double false_alarm_share = 0.01;  ///< of the untouched vectors, at which recall is read off
  double tolerance = 0.05;          ///< recall that a challenger may lack against the champion
  std::size_t warm_up_ticks = 500;  ///< ticks before the held-back part, at most
  std::size_t judged_ticks = 2000;  ///< held-back ticks used, at most; the newest
  std::uint64_t seed = 1;
};

/// Kinds of faults that are injected.
enum ExamFault : std::size_t { kSpike, kLevelShift, kBrokenCorrelation };
inline constexpr std::size_t kExamFaults = 3;

/// How a model did.
struct ExamResult {
  double recall = 0;         ///< share of the injected faults that were found
  std::size_t faults = 0;    ///< injected; 0 = the data were too few to tell
  double raw_threshold = 0;  ///< raw score that the false alarm share of clean vectors exceeds
  double clean_share = 0;    ///< share of clean vectors at or above the detector's own threshold
  struct Count {
    std::size_t faults = 0, found = 0;
  };
  std::array<Count, kExamFaults> by_kind{};
};

/// Judges a model on held-back data and on injected faults.
///
/// Up to 32 parts run through a detector twice at once, tick by tick as in service: as they are,
/// and with faults. Faults lie 20 ticks or more apart and rotate through spikes (one tick, 8 robust
/// sigmas), level shifts (8 ticks, 5 sigmas) and, where there are several metrics, broken
/// correlations (8 ticks in which one metric shows its values from another time, 16 ticks or more
/// away). Where a value is absent there is no fault. The detector does not learn from faulted
/// ticks. The raw score that `false_alarm_share` of the clean vectors exceed is the threshold; a
/// fault is found when a score of its vector rises above it during the fault. So models are
/// compared at equal quiet, whatever their scale of scores.
///
/// Deterministic for equal arguments. `progress` is called after every tick.
/// Errors: the factory's; Unavailable when stopped.
core::Result<ExamResult> examine(const DetectorFactory& factory, const detectors::Shape& shape,
                                 std::shared_ptr<const detectors::Model> model,
                                 const detectors::TrainingSet& set, const ExamOptions& options,
                                 const detectors::TrainingProgress& progress);

/// Whether a new model takes the old one's place, and why in one sentence.
struct Verdict {
  bool is_accepted = false;
  std::string text;
};

/// A challenger is accepted when there is no champion (null), when there were no faults to tell by,
/// or when its recall is not worse by more than `tolerance`.
Verdict judge_challenge(const ExamResult* champion, const ExamResult& challenger,
                        const ExamOptions& options);

}  // namespace anomaly_exporter::app
