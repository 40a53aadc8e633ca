#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/model.h"
#include "anomaly_exporter/detectors/row_scales.h"
#include "anomaly_exporter/detectors/tick.h"
#include "anomaly_exporter/detectors/verdict.h"

namespace anomaly_exporter::detectors {

/// How large a model's errors usually are, in scaled units.
///
/// sigma_m = max(q90(|error of m|) / 1.645, 0.05) over the training set: one standard deviation of
/// a normal distribution, and hardly moved by a few percent of faults. With e = error / sigma and r
/// = sqrt(mean of min(|e|, 40)^2) over the metrics present, `unit` is q95(r) / 1.96, so that r /
/// unit counts sigmas: of ordinary vectors one in twenty lies beyond 1.96, whatever their number of
/// metrics is.
struct ErrorScales {
  std::vector<float> sigma;  ///< per metric; 0: never seen, and left out
  double unit = 1;

  /// From errors [vector][metric], NaN where there is none. Reorders nothing, allocates.
  static ErrorScales of(std::span<const float> errors, std::size_t metrics);

  void save(core::StateWriter& out) const;
  /// Fails the reader where numbers make no sense. REQUIRES: sigma sized.
  void read(core::StateReader& in);
};

/// Errors beyond this many sigmas count as this many.
inline constexpr double kMostSigmas = 40.0;

/// What a model expects of the 64 entities of a block. Block columns.
struct Reconstruction {
  std::span<const double> expected;  ///< in the metric's unit
  std::span<const double> sigma;     ///< usual error, in the metric's unit
  std::span<const LaneMask> ready;   ///< per metric: both are known
};

/// What scoring needs of memory; one for each thread, sized at its first block.
struct ReconstructionScratch {
  std::vector<float> inputs, network;  ///< what a model's kernels want
  std::vector<float> newest;           ///< block column: reconstruction in scaled units
  std::vector<double> expected, sigma;
  std::vector<LaneMask> ready;

  void resize(std::size_t metrics, std::size_t input_floats, std::size_t network_floats);
  [[nodiscard]] Reconstruction view() const {
    return {.expected = expected, .sigma = sigma, .ready = ready};
  }
};

/// From `newest` to expected, sigma and ready, by the rows' scales; ready in `lanes` at most.
void unscale(const Tick& tick, const RowScales& scales, const ErrorScales& errors, LaneMask lanes,
             ReconstructionScratch& scratch);

/// Turns a reconstruction into verdicts. Per row: scale = max(sigma, tick.scale_floor, 1e-6
/// |expected|, 1e-9), e = (value - expected) / scale; raw = r / unit over the entity's rows as
/// above, share = e^2 / sum of e^2 (equal shares where all are 0).
///
/// Outcomes: NoData where absent; Untrained for a metric the model never saw; InputMissing where
/// more than half of the metrics the model knows are absent; WarmingUp where not ready, or where
/// half of the entity's metrics are not; Failed beyond the range of float; else Scored. Lanes
/// outside tick.active are not touched. Cost: a division and a few comparisons per row.
void judge_reconstruction(const Tick& tick, const Reconstruction& reconstruction,
                          const ErrorScales& errors, VerdictColumns& out);

/// The same verdict for every row of tick.active that has a value; NoData for the others.
void judge_all(const Tick& tick, Outcome outcome, VerdictColumns& out);

/// Where the inputs of a network are to be put: row r (metric r, or presence of metric r - metrics)
/// at tick k of the window begins at data + r * row_stride + k * tick_stride and has 64 lanes.
struct NetworkInputs {
  float* data = nullptr;
  std::size_t ticks = 0;
  std::size_t row_stride = 0;
  std::size_t tick_stride = 0;
};

/// Writes the scaled values of the last `ticks` ticks, this one included, and their presence; 0
/// where absent, in lanes outside tick.active, where a row has no scale yet and where sigma is 0.
/// Returns the lanes in which at least half of the ticks before have a value of any metric.
/// REQUIRES: ticks at most the monitor's window.
LaneMask fill_inputs(const Tick& tick, const RowScales& scales, std::span<const float> sigma,
                     const NetworkInputs& inputs);

/// Format of saved models: version, kind of model and sizes.
void write_model_head(core::StateWriter& out, std::string_view kind,
                      std::span<const std::size_t> sizes);
/// Errors: Unsupported for a newer version; Corrupt when truncated, of another kind or shape.
core::Status read_model_head(core::StateReader& in, std::string_view kind,
                             std::span<const std::size_t> sizes);

/// Reads an array of finite numbers of magnitude at most 1e6, written by StateWriter::f32s. Empty
/// with the reader failed where there are not that many bytes left (checked before allocating) or a
/// number is out of range.
std::vector<float> read_numbers(core::StateReader& in, std::size_t count);

}  // namespace anomaly_exporter::detectors
