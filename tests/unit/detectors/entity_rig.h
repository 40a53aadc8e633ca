#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/series/windows.h"
#include "contract/rig.h"

namespace anomaly_exporter::detectors {

/// A detector of whole entities in one block, with its windows, driven as the engine does it.
class EntityRig {
 public:
  EntityRig(std::unique_ptr<Detector> detector, std::size_t metrics, std::size_t entities,
            std::size_t window)
      : metrics_(metrics),
        entities_(entities),
        detector_(std::move(detector)),
        windows_(metrics, window),
        floor_(metrics * kLanes) {
    detector_->resize(1);
    windows_.resize(entities);
    out_.resize(metrics);
  }

  /// Time of the first tick and between ticks; 10 s unless told.
  void set_times(core::Timestamp start, core::Duration step) {
    start_ = start;
    step_ = step;
  }

  /// From now on detectors learn ticks that they were not asked to judge.
  void stop_scoring() { scores_ = false; }

  [[nodiscard]] Detector& detector() { return *detector_; }
  [[nodiscard]] const VerdictColumns& out() const { return out_; }

  const VerdictColumns& tick(const contract::BlockInput& input) {
    const LaneMask active = entities_ == kLanes ? ~LaneMask{0} : series::bit(entities_) - 1;
    windows_.open(0, index_, active);
    for (std::size_t metric = 0; metric < metrics_; ++metric) {
      for (std::size_t lane = 0; lane < entities_; ++lane) {
        if ((input.present[metric] & series::bit(lane)) == 0) continue;
        windows_.write(0, metric, lane, index_, input.values[metric * kLanes + lane]);
      }
    }
    Tick tick;
    tick.time = start_ + step_ * index_;
    tick.index = index_;
    tick.metrics = metrics_;
    tick.active = active;
    tick.values = input.values;
    tick.present = input.present;
    tick.scale_floor = floor_;
    tick.windows = &windows_;
    if (scores_) detector_->score(tick, out_);
    detector_->learn(tick, {input.learn});
    for (std::size_t metric = 0; metric < metrics_; ++metric) {
      windows_.mark_learned(0, metric, index_, input.learn[metric]);
    }
    ++index_;
    return out_;
  }

 private:
  std::size_t metrics_, entities_;
  bool scores_ = true;
  std::unique_ptr<Detector> detector_;
  series::Windows windows_;
  std::vector<float> floor_;
  core::Timestamp start_{1'700'000'000'000};
  core::Duration step_ = std::chrono::seconds(10);
  TickIndex index_ = 0;
  VerdictColumns out_;
};

/// Value of a metric of a healthy entity: metrics follow a common load, each at its own level.
inline float healthy(std::size_t metric, double load, core::Rng& rng) {
  const auto level = static_cast<double>(metric + 1);
  return static_cast<float>(100.0 * level + 5.0 * level * (load + 0.5 * rng.normal()));
}

/// One tick of `entities` healthy entities.
inline contract::BlockInput healthy_input(std::size_t metrics, std::size_t entities,
                                          core::Rng& rng) {
  contract::BlockInput input(metrics);
  for (std::size_t lane = 0; lane < entities; ++lane) {
    const double load = rng.normal();
    for (std::size_t metric = 0; metric < metrics; ++metric) {
      input.set(metric, lane, healthy(metric, load, rng));
    }
  }
  return input;
}

/// Histories of healthy entities.
inline TrainingSet healthy_set(std::size_t metrics, std::size_t parts, std::size_t ticks,
                               std::uint64_t seed) {
  core::Rng rng(seed);
  TrainingSet set{
      .metrics = metrics, .interval = std::chrono::seconds(10), .parts = {}, .seed = seed};
  for (std::size_t p = 0; p < parts; ++p) {
    TrainingPart part{.first = {1'600'000'000'000}, .ticks = ticks, .values = {}};
    for (std::size_t t = 0; t < ticks; ++t) {
      const double load = rng.normal();
      for (std::size_t m = 0; m < metrics; ++m) part.values.push_back(healthy(m, load, rng));
    }
    set.parts.push_back(std::move(part));
  }
  return set;
}

inline bool go_on(double) { return true; }

inline std::string bytes_of(const Model& model) {
  core::StateWriter writer;
  model.save(writer);
  return writer.take();
}

}  // namespace anomaly_exporter::detectors
