#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/detectors/options.h"
#include "anomaly_exporter/detectors/shape.h"

namespace anomaly_exporter::detectors {

class EntityForecast;
struct ForecastSpans;

/// What an entity's metrics do next, judged together.
///
/// Finds changes that the recent past of all metrics does not lead to: jumps, bursts, metrics that
/// stop following each other. Cannot see: what comes slowly (the averages follow), and a value that
/// stands still.
///
/// Model, everything learned online from rows of one entity, in spreads of each metric:
///   e0, e1 = distances from gated exponential averages of 6 rows and of about 20 minutes,
///   e2 = error of a ridge regression of the next change on the last two values and the hourly
///        average of all metrics (a vector autoregression; for one metric an autoregression),
///   e3 = part of the residuals from an average of 100 minutes that lies outside their principal
///        components (90 % of the variance),
/// each in sigmas of its own past. With X(e) = min(max(|e| - 1.5, 0), 40),
///   excess of a metric = 0.5 X(e0) + 0.5 X(e1) + X(e2) + 0.5 X(e3),
///   raw = mean over the metrics present.
/// share = excess of the metric / sum. expected = the regression's forecast, scale = its sigma.
///
/// Scales, regression and components are renewed from running sums each time the rows have doubled.
/// Restless times do not teach them: rows at which the excess, averaged over 200 rows, is among its
/// highest tenth so far. That is the detector's own rule; what the engine calls anomalous it may
/// learn, so that an alarm cannot hold itself. Above 48 metrics each metric has a regression of its
/// own and there are no components.
///
/// Warm-up: 32 rows. Raw: 0 to 100, 0 for an ordinary row. Gap: averages stand still; after more
/// than ten ticks they start again at the new value. Constant:
/// spread at least 2 % of the range seen. InputMissing when more than half of the metrics that the
/// entity has had are absent.
/// Cost: an entity of D metrics takes about 50 D^2 + 450 D bytes; about 0.2 us per row and tick for
/// seven metrics. Entities take memory when their first row comes.
class Forecaster final : public Detector {
 public:
  /// Errors: InvalidArgument from the options.
  static core::Result<std::unique_ptr<Detector>> create(const ForecasterOptions& options,
                                                        const Shape& shape);
  ~Forecaster() override;

  [[nodiscard]] std::string_view name() const override { return "forecaster"; }
  [[nodiscard]] Scope scope() const override { return Scope::Entity; }
  [[nodiscard]] double threshold() const override { return options_.threshold; }
  [[nodiscard]] std::size_t warmup_samples() const override;
  [[nodiscard]] std::size_t look_back() const override;
  [[nodiscard]] int expectation_rank() const override { return 50; }

  void resize(std::size_t blocks) override;
  void score(const Tick& tick, VerdictColumns& out) const override;
  void learn(const Tick& tick, const LearnMask& mask) override;
  void forget(std::size_t block, LaneMask lanes) override;
  void save(std::size_t block, core::StateWriter& out) const override;
  core::Status restore(std::size_t block, core::StateReader& in) override;
  [[nodiscard]] bool remembers() const override { return true; }
  void save_entity(series::Entity entity, core::StateWriter& out) const override;
  core::Status restore_entity(series::Entity entity, core::StateReader& in) override;
  [[nodiscard]] std::size_t memory_bytes() const override;

 private:
  /// Which call of `score` was the newest of a block, and whose buffers hold what it worked out.
  struct Judged {
    const void* by = nullptr;
    std::uint64_t call = 0;
  };

  Forecaster(const ForecasterOptions& options, const Shape& shape);
  void fetch_next(std::size_t block, LaneMask lanes) const;

  ForecasterOptions options_;
  Shape shape_;
  std::size_t metrics_;
  std::unique_ptr<ForecastSpans> spans_;
  std::vector<std::unique_ptr<EntityForecast>> entities_;  // null until the first row
  /// By block; `learn` uses those numbers where it follows on the same thread. No state.
  mutable std::vector<Judged> judged_;
};

}  // namespace anomaly_exporter::detectors
