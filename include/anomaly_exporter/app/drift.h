#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/detectors/model.h"
#include "anomaly_exporter/series/windows.h"

namespace anomaly_exporter::app {

/// How inputs of a model were distributed, per metric, after the scaling by robust scales that
/// detectors use: counts in fixed bins from -10 to 10 sigmas.
class InputProfile {
 public:
  /// Bins: the open ends and steps of half a sigma in the middle, wider outside.
  static constexpr std::array<float, 17> kEdges{-8.0F, -4.0F, -2.5F, -2.0F, -1.5F, -1.0F,
                                                -0.6F, -0.2F, 0.2F,  0.6F,  1.0F,  1.5F,
                                                2.0F,  2.5F,  4.0F,  6.0F,  8.0F};
  static constexpr std::size_t kBins = kEdges.size() + 1;

  explicit InputProfile(std::size_t metrics) : counts_(metrics) {}

  /// Adds the values of one metric of one entity over one window, scaled by their own robust scale.
  /// Reorders `window`; NaN = absent. Fewer than 16 values are passed over.
  void add(std::size_t metric, std::vector<float>& window);
  /// Adds every window of `ticks` ticks of a training set.
  void add(const detectors::TrainingSet& set, std::size_t ticks);
  /// Lets what was added so far count less.
  void fade(double factor);

  [[nodiscard]] std::size_t metrics() const { return counts_.size(); }
  /// Weight of the metric that was seen least, among those seen at all.
  [[nodiscard]] double least_weight() const;

  void save(core::StateWriter& out) const;
  /// Errors: Corrupt (also: of another number of metrics).
  core::Status restore(core::StateReader& in);

  using Counts = std::array<double, kBins>;
  [[nodiscard]] const Counts& counts(std::size_t metric) const { return counts_[metric]; }

 private:
  std::vector<Counts> counts_;
};

/// Population stability index: sum over bins of (p - q) ln(p / q), each bin with half a count more
/// (Siddiqi, "Credit Risk Scorecards", 2006, chapter 10; as a symmetrised Kullback-Leibler
/// divergence: Yurdakul, "Statistical properties of the population stability index", 2018). The
/// largest over the metrics that both profiles have seen. Below 0.1 nothing changed, from 0.25 on
/// the change is large (Siddiqi's rule of thumb).
double stability_index(const InputProfile& reference, const InputProfile& recent);

/// The rule of thumb from which a model is fitted anew.
inline constexpr double kLargeDrift = 0.25;

}  // namespace anomaly_exporter::app
