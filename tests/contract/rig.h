#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/registry.h"
#include "anomaly_exporter/detectors/tick.h"
#include "anomaly_exporter/detectors/verdict.h"
#include "anomaly_exporter/series/windows.h"

namespace anomaly_exporter::contract {

using detectors::LaneMask;
using detectors::Outcome;
using detectors::VerdictColumns;

inline constexpr std::size_t kLanes = series::kLanes;
inline constexpr LaneMask kAllLanes = ~LaneMask{0};
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// What arrives for one block at one tick. Made with every value absent; absent values stay NaN, so
/// that a detector which reads them gives itself away.
struct BlockInput {
  std::vector<float> values;
  std::vector<LaneMask> present;
  std::vector<LaneMask> learn;

  explicit BlockInput(std::size_t metrics)
      : values(metrics * kLanes, kNan), present(metrics), learn(metrics) {}

  void set(std::size_t metric, std::size_t lane, float value, bool learned = true) {
    values[metric * kLanes + lane] = value;
    present[metric] |= series::bit(lane);
    if (learned) learn[metric] |= series::bit(lane);
  }
  /// The same value, learned, in every lane of every metric.
  void set_all(float value) {
    for (std::size_t metric = 0; metric < present.size(); ++metric) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) set(metric, lane, value);
    }
  }
  void restrict_to(LaneMask lanes) {
    for (std::size_t metric = 0; metric < present.size(); ++metric) {
      present[metric] &= lanes;
      learn[metric] &= lanes;
    }
  }
};

/// Windows small enough that everything leaves them within a test.
inline detectors::DetectorOptions small_options() {
  detectors::DetectorOptions options;
  options.zscore.window = 30;
  options.mad.window = 30;
  options.iqr.window = 30;
  options.moving_average = {.window = 10, .spread_window = 25, .threshold = 3.5};
  options.regression.window = 30;
  options.lstm_autoencoder.hidden = 16;
  options.lstm_autoencoder.epochs = 2;
  return options;
}
inline constexpr std::size_t kSmallWindow = 40;

inline std::unique_ptr<detectors::Detector> make_detector(std::string_view name,
                                                          const detectors::DetectorOptions& options,
                                                          const detectors::Shape& shape) {
  auto made = detectors::create_detector(name, options, shape);
  return made ? std::move(made).value() : nullptr;
}

/// Time of tick 0, a whole half hour; the profiles know the days before it, as zeros.
inline constexpr core::Timestamp kStart{1'700'006'400'000};
inline constexpr int kDaysKnown = 2;

/// A model fitted to a little of everything, made once for each detector and number of metrics.
inline std::shared_ptr<const detectors::Model> small_model(std::string_view name,
                                                           const detectors::Detector& detector,
                                                           std::size_t metrics) {
  static std::map<std::pair<std::string, std::size_t>, std::shared_ptr<const detectors::Model>>
      known;
  auto& model = known[{std::string(name), metrics}];
  if (model) return model;
  detectors::TrainingSet set{
      .metrics = metrics, .interval = std::chrono::seconds(10), .parts = {}, .seed = 1};
  core::Rng rng(99);
  for (std::size_t part = 0; part < 4; ++part) {
    detectors::TrainingPart history{.first = kStart, .ticks = 200, .values = {}};
    for (std::size_t i = 0; i < history.ticks * metrics; ++i) {
      history.values.push_back(static_cast<float>(100.0 + rng.normal()));
    }
    set.parts.push_back(std::move(history));
  }
  auto fitted = detector.fit(set, [](double) { return true; });
  if (fitted.ok()) model = fitted->model;
  return model;
}

/// A detector with the windows it reads (all lanes of `blocks`, or only `entities`), driven tick by
/// tick in the order in which the engine does it: open, write, score, learn, mark.
class Rig {
 public:
  explicit Rig(std::string_view name, std::size_t metrics = 1, std::size_t blocks = 1,
               const detectors::DetectorOptions& options = small_options(),
               std::size_t window = kSmallWindow, std::size_t entities = 0)
      : metrics_(metrics),
        detector_(make_detector(name, options, {.metrics = metrics, .window = window})),
        windows_(metrics, window),
        floor_(metrics * kLanes) {
    detector_->resize(blocks);
    windows_.resize(entities == 0 ? blocks * kLanes : entities);
    out_.resize(metrics);
    profiles_.resize(blocks * metrics * kLanes);
    for (series::Row row = 0; row < blocks * metrics * kLanes; ++row) {
      for (int step = 1; step <= kDaysKnown * 48; ++step) {
        profiles_.fill(row, kStart - series::Profiles::kStep * step, 0.0F);
      }
    }
    if (detector_->is_trainable()) detector_->adopt(small_model(name, *detector_, metrics));
  }

  detectors::Detector& detector() { return *detector_; }
  VerdictColumns& out() { return out_; }
  /// Least scale of every row from now on.
  void set_floor(float floor) { floor_.assign(floor_.size(), floor); }

  /// What stands in the place of absent values from now on; NaN at first.
  void set_poison(float poison) { poison_ = poison; }

  /// Called between score and learn with the tick, for a second detector on the same windows.
  using Witness = std::function<void(const detectors::Tick&, const detectors::LearnMask&)>;

  /// Moves the lanes in `active` of a block to tick `index`; verdicts are in out() and returned.
  const VerdictColumns& tick(detectors::TickIndex index, BlockInput input, std::size_t block = 0,
                             LaneMask active = kAllLanes, const Witness& witness = {}) {
    input.restrict_to(active);
    windows_.open(block, index, active);
    for (std::size_t metric = 0; metric < metrics_; ++metric) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        float& value = input.values[metric * kLanes + lane];
        if ((input.present[metric] & series::bit(lane)) == 0) {
          value = poison_;
        } else {
          windows_.write(block, metric, lane, index, value);
        }
      }
    }
    detectors::Tick tick;
    tick.time = kStart + std::chrono::seconds(10) * index;
    tick.index = index;
    tick.block = block;
    tick.metrics = metrics_;
    tick.first_row = static_cast<series::Row>(block * metrics_ * kLanes);
    tick.active = active;
    tick.values = input.values;
    tick.present = input.present;
    tick.scale_floor = floor_;
    tick.windows = &windows_;
    tick.profiles = &profiles_;
    const detectors::LearnMask mask{input.learn};
    detector_->score(tick, out_);
    if (witness) witness(tick, mask);
    detector_->learn(tick, mask);
    for (std::size_t metric = 0; metric < metrics_; ++metric) {
      windows_.mark_learned(block, metric, index, input.learn[metric]);
    }
    return out_;
  }

  /// Removes entities as the engine does.
  void forget(std::size_t block, LaneMask lanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      if ((lanes & series::bit(lane)) != 0) {
        windows_.forget(static_cast<series::Entity>(block * kLanes + lane));
      }
    }
    detector_->forget(block, lanes);
  }

  [[nodiscard]] std::string saved(std::size_t block = 0) const {
    core::StateWriter writer;
    detector_->save(block, writer);
    return writer.take();
  }

 private:
  std::size_t metrics_;
  std::unique_ptr<detectors::Detector> detector_;
  series::Windows windows_;
  series::Profiles profiles_;
  std::vector<float> floor_;
  float poison_ = kNan;
  VerdictColumns out_;
};

}  // namespace anomaly_exporter::contract
