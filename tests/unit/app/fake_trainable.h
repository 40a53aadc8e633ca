#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "anomaly_exporter/app/monitor_state.h"
#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/detectors/row_scales.h"
#include "anomaly_exporter/detectors/shape.h"
#include "app_support.h"

namespace anomaly_exporter::app {

/// The model of FakeTrainable: centre and spread per metric, and a factor on the raw score.
class FakeModel final : public detectors::Model {
 public:
  std::vector<float> centre, spread;
  double factor = 1;

  void save(core::StateWriter& out) const override {
    out.f32s(centre);
    out.f32s(spread);
    out.f64(factor);
  }
  [[nodiscard]] std::size_t memory_bytes() const override { return centre.size() * 8; }
};

/// A trainable detector of the simplest kind: raw = sigmas from the centre of the data it was
/// fitted to, the largest of the entity's metrics. By the name "difference": what the first two
/// metrics lie apart.
class FakeTrainable final : public detectors::Detector {
 public:
  explicit FakeTrainable(std::size_t metrics, std::string_view name = "zscore")
      : metrics_(metrics), name_(name) {}

  /// Factor that every model fitted from now on gets, on all fakes; called at each progress call.
  static inline std::atomic<double> next_factor = 1;
  static inline std::function<void()> on_progress;

  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] detectors::Scope scope() const override { return detectors::Scope::Entity; }
  [[nodiscard]] double threshold() const override { return 3; }
  [[nodiscard]] std::size_t warmup_samples() const override { return 1; }
  [[nodiscard]] std::size_t look_back() const override { return 64; }
  [[nodiscard]] int expectation_rank() const override { return 90; }
  void resize(std::size_t) override {}
  void learn(const detectors::Tick&, const detectors::LearnMask&) override {}
  void forget(std::size_t, detectors::LaneMask) override {}
  void save(std::size_t, core::StateWriter&) const override {}
  core::Status restore(std::size_t, core::StateReader&) override { return {}; }
  [[nodiscard]] std::size_t memory_bytes() const override { return 0; }
  [[nodiscard]] bool is_trainable() const override { return true; }
  [[nodiscard]] std::shared_ptr<const detectors::Model> model() const override { return model_; }
  void adopt(std::shared_ptr<const detectors::Model> model) override {
    model_ = std::static_pointer_cast<const FakeModel>(std::move(model));
  }

  void score(const detectors::Tick& tick, detectors::VerdictColumns& out) const override {
    for (std::size_t lane = 0; lane < series::kLanes; ++lane) {
      if ((tick.active & series::bit(lane)) == 0) continue;
      double raw = 0;
      for (std::size_t m = 0; m < metrics_; ++m) {
        if (model_ == nullptr || (tick.present[m] & series::bit(lane)) == 0) continue;
        const auto off = static_cast<double>(tick.values[m * series::kLanes + lane]) -
                         static_cast<double>(model_->centre[m]);
        raw =
            std::max(raw, model_->factor * std::fabs(off) / static_cast<double>(model_->spread[m]));
      }
      if (name_ == "difference" && model_ != nullptr) {
        raw = std::fabs(static_cast<double>(tick.values[lane]) -
                        static_cast<double>(tick.values[series::kLanes + lane]));
      }
      for (std::size_t m = 0; m < metrics_; ++m) {
        const std::size_t i = m * series::kLanes + lane;
        const bool is_present = (tick.present[m] & series::bit(lane)) != 0;
        out.outcome[i] = !is_present         ? detectors::Outcome::NoData
                         : model_ == nullptr ? detectors::Outcome::Untrained
                                             : detectors::Outcome::Scored;
        out.raw[i] = raw;
        out.expected[i] = model_ == nullptr ? 0 : model_->centre[m];
        out.scale[i] = model_ == nullptr ? 1 : model_->spread[m];
        out.share[i] = 1.0F / static_cast<float>(metrics_);
      }
    }
  }

  core::Result<detectors::FittedModel> fit(
      const detectors::TrainingSet& set,
      const detectors::TrainingProgress& progress) const override {
    auto model = std::make_shared<FakeModel>();
    model->factor = next_factor;
    detectors::FittedModel fitted;
    for (std::size_t m = 0; m < set.metrics; ++m) {
      std::vector<float> column;
      for (const auto& part : set.parts) {
        for (std::size_t k = 0; k < part.ticks; ++k) {
          const float v = part.values[k * set.metrics + m];
          if (!std::isnan(v)) column.push_back(v);
        }
      }
      fitted.samples = std::max(fitted.samples, column.size());
      const auto scale = detectors::robust_scale(column);
      model->centre.push_back(scale.centre);
      model->spread.push_back(std::max(scale.spread, 1e-6F));
    }
    for (int i = 0; i <= 10; ++i) {
      if (on_progress) on_progress();
      if (progress && !progress(i / 10.0)) {
        return core::Error{core::ErrorCode::Unavailable, "stopped"};
      }
    }
    fitted.figures = {{"loss", 0.5}};
    fitted.model = std::move(model);
    return fitted;
  }

  core::Result<std::shared_ptr<const detectors::Model>> read_model(
      core::StateReader& in) const override {
    auto model = std::make_shared<FakeModel>();
    model->centre.resize(metrics_);
    model->spread.resize(metrics_);
    in.f32s(model->centre);
    in.f32s(model->spread);
    model->factor = in.f64();
    if (!in.ok()) return in.status().error();
    return std::shared_ptr<const detectors::Model>(std::move(model));
  }

  static core::Result<std::unique_ptr<detectors::Detector>> create(
      std::string_view name, const detectors::DetectorOptions&, const detectors::Shape& shape) {
    const bool is_other = name == "difference";
    return std::unique_ptr<detectors::Detector>(
        new FakeTrainable(shape.metrics, is_other ? "difference" : "zscore"));
  }

 private:
  std::size_t metrics_;
  std::string_view name_;
  std::shared_ptr<const FakeModel> model_;
};

/// A vote of two detectors, the first of which a fake can stand in for.
inline config::MonitorConfig trainable_config(std::vector<std::string> metrics) {
  config::MonitorConfig config = test_config(std::move(metrics));
  config.ensemble.method = ensemble::Method::Vote;
  config.ensemble.weights = {{"zscore", 0.6}, {"mad", 0.4}};
  return config;
}

/// Puts the fake in the place of a monitor's first detector (before its first tick).
inline void make_trainable(MonitorState& monitor) {
  monitor.detectors[0] = std::make_unique<FakeTrainable>(monitor.metrics());
  monitor.voters[0].detector = monitor.detectors[0].get();
}

/// `parts` entities of `ticks` ticks of noise of their own around 50 and 100, metrics in step.
inline detectors::TrainingSet noise_set(std::size_t parts, std::size_t ticks, std::size_t metrics,
                                        std::uint64_t seed = 1) {
  core::Rng rng(seed);
  detectors::TrainingSet set;
  set.metrics = metrics;
  set.interval = std::chrono::seconds(10);
  for (std::size_t p = 0; p < parts; ++p) {
    detectors::TrainingPart part;
    part.first = {1'700'000'000'000};
    part.ticks = ticks;
    for (std::size_t k = 0; k < ticks; ++k) {
      const double common = rng.normal();
      for (std::size_t m = 0; m < metrics; ++m) {
        part.values.push_back(static_cast<float>(50 + 10 * (common + 0.2 * rng.normal())));
      }
    }
    set.parts.push_back(std::move(part));
  }
  return set;
}

}  // namespace anomaly_exporter::app
