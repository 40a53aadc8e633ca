#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "anomaly_exporter/core/cpu.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/stats/stl.h"

namespace anomaly_exporter::stats {

/// STL as fixed linear filters: without robustness weights every step is linear, so the loess
/// weights depend on (samples, period, windows) only and are computed once for all series.
///
/// The inner loop then is four convolutions in float with weights of their own near the two ends.
/// Equal to stl_decompose within 1e-5 of the amplitude (1e-6 is typical). Compiled for plain x86-64
/// and x86-64-v3 with equal bits: every output is a sum in the same order, never a fused product.
///
/// Ownership: owns its weights. Threads: immutable, one plan serves all.
/// Cost: 68 kB for period 60, built in 0.1 ms; `decompose` of 1000 samples with 5 inner passes
/// 55 us (v3; base 75 us). No allocation but in `create`.
class StlPlan {
 public:
  /// Errors: InvalidArgument from the options.
  static core::Result<StlPlan> create(std::size_t samples, const StlOptions& options);

  [[nodiscard]] std::size_t samples() const { return samples_; }
  [[nodiscard]] const StlOptions& options() const { return options_; }
  /// Floats that `decompose` needs to work in.
  [[nodiscard]] std::size_t scratch_size() const;

  /// REQUIRES: values, seasonal and trend have samples() elements and are distinct, values are
  /// finite and their range fits a float, scratch has scratch_size().
  void decompose(std::span<const float> values, std::span<float> scratch, std::span<float> seasonal,
                 std::span<float> trend, core::CpuLevel level = core::detected_cpu_level()) const;

  [[nodiscard]] std::size_t memory_bytes() const;

  /// One loess smoother: `edge` outputs at both ends have weights of their own, those between
  /// share `inside`.
  struct Smoother {
    std::size_t samples = 0;
    std::size_t width = 0;      ///< samples that enter an output
    std::size_t edge = 0;       ///< outputs at either end; all of them at the front if width = n
    std::size_t stride = 0;     ///< of the edge weights: edge rounded up
    std::vector<float> inside;  ///< [width]
    std::vector<float> front;   ///< [width][stride]
    std::vector<float> back;    ///< [width][stride]
  };
  /// How the phases with `cycles` samples are smoothed: output row m of cycles + 2 takes `taps`
  /// rows from `left[m]` on.
  struct Phases {
    std::size_t first = 0;  ///< phase
    std::size_t count = 0;
    std::size_t taps = 0;
    std::vector<std::size_t> left;
    std::vector<float> weights;  ///< [cycles + 2][taps]
  };

 private:
  StlPlan() = default;

  std::size_t samples_ = 0;
  StlOptions options_;
  Smoother low_pass_;
  Smoother trend_;
  Phases long_phases_, short_phases_;
};

}  // namespace anomaly_exporter::stats
