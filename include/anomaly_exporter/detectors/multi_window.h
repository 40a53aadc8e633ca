#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/detectors/options.h"
#include "anomaly_exporter/detectors/row_scales.h"
#include "anomaly_exporter/detectors/shape.h"
#include "anomaly_exporter/series/column.h"

namespace anomaly_exporter::detectors {

/// Distance from a slow robust baseline, looked at through averages of several lengths, each
/// measured by how far such averages of this very series usually stray.
///
/// Finds what is too small for a single value to show: drifts of a fraction of a sigma an hour,
/// long episodes of modest size, which stay one episode because a long average does not flicker;
/// and spikes, by length 1. Cannot see: the unusual for a time of day (a season is part of the
/// usual spread of the long averages), noise that dies, drifts slower than the baseline's memory.
///
/// Model. With L_0 = 1 < L_1 < ... the lengths and a_k = 2 / (L_k + 1), at every present value x:
///   d = clip(x - c, 3 u),  m_k += a_k (d - m_k),  m_0 = d
/// u being the larger of s_0 and the row's spread (RowScales), at least the scale's floor. An
/// exponential average of weight 2 / (L + 1) has the variance of a plain mean of L in white noise
/// (Roberts, "Control chart tests based on geometric moving averages", Technometrics 1, 1959). An
/// absent value counts as d = 0. From learned values only, n of them so far:
///   v_k += (min(m_k^2, 9 s_k^2) - v_k) / min(n, 64 L),  c += d / min(n, 8 L),  L the longest
///   length, at least 64
/// started from RowScales with n = 16, v_0 = spread^2 and the other v_k at 0. What is known of a
/// length is blended with the next shorter one, worth two averages of its length: averages of a
/// stationary series never stray further than shorter ones, and nothing else is assumed of it.
///   s_0^2 = v_0,  s_k^2 = (n / L_k v_k + 2 s_(k-1)^2) / (n / L_k + 2)
///   raw = max(|x - c| / scale_0, max_k |m_k| / scale_k),  expected = c
/// with scale_k = max(s_k, tick.scale_floor, 1e-6 |c|, 1e-9); the exported scale is scale_0.
/// Length 1 scores only where `windows` names it.
///
/// Warm-up: 24 values. Raw: >= 0, unbounded, in sigmas of the length that strays most. Gap: as
/// absent values; averages stand still while the monitor does. Constant: 0; leaving it is measured
/// by the floor at every length. Step: an alarm until learning is allowed and the baseline has
/// come, a few times 8 L ticks. NaN never enters. Remembers: spreads of long averages take longer
/// to learn than a window holds.
/// Cost: 12 B + 4 B x (2 lengths + 2) per row, 60 B by default.
class MultiWindow final : public Detector {
 public:
  /// Errors: InvalidArgument from the options.
  static core::Result<std::unique_ptr<Detector>> create(const MultiWindowOptions& options,
                                                        const Shape& shape);

  [[nodiscard]] std::string_view name() const override { return "multi_window"; }
  [[nodiscard]] Scope scope() const override { return Scope::Series; }
  [[nodiscard]] double threshold() const override { return options_.threshold; }
  [[nodiscard]] std::size_t warmup_samples() const override;
  [[nodiscard]] std::size_t look_back() const override { return shape_.window; }
  [[nodiscard]] int expectation_rank() const override { return 45; }

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
  /// The numbers of one strip, arrays of 64 each.
  template <class T>
  struct Strip;
  struct Step;

  MultiWindow(const MultiWindowOptions& options, const Shape& shape);
  [[nodiscard]] std::size_t numbers() const { return 2 * averages_.size() + 4; }
  [[nodiscard]] std::size_t first_number(std::size_t block, std::size_t metric) const {
    return (block * shape_.metrics + metric) * numbers() * kLanes;
  }
  [[nodiscard]] Step step_of(const Tick& tick, std::size_t metric,
                             const Strip<const float>& strip) const;
  [[nodiscard]] bool is_sound(std::span<const float> row) const;
  void write_head(core::StateWriter& out) const;
  [[nodiscard]] core::Status read_head(core::StateReader& in) const;

  /// One length above 1.
  struct Average {
    double length;
    double weight;  // of a new value
  };

  MultiWindowOptions options_;
  Shape shape_;
  bool judges_values_;  // whether length 1 scores
  std::vector<Average> averages_;
  double spread_memory_, baseline_memory_;  // values
  RowScales scales_;
  series::Column<float> state_;  // [strip][number][lane]
};

}  // namespace anomaly_exporter::detectors
