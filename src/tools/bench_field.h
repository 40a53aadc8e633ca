#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/detectors/detector.h"
#include "anomaly_exporter/series/profiles.h"
#include "anomaly_exporter/series/windows.h"

namespace anomaly_exporter::tools {

/// Many series of one metric, and how they come to full windows.
struct FieldPlan {
  static constexpr std::size_t kWindow = 1000;

  std::size_t blocks = 1563;  ///< of 64 series; 100,032
  std::size_t templates = 16;
  std::size_t warm_up_ticks = kWindow + 1;
  /// A value of a series of a block, which may take noise from the generator.
  std::function<float(std::size_t lane, series::TickIndex index, core::Rng& rng)> value;
};

/// One detector over many series of one metric.
///
/// Full windows take a thousand ticks, so a few blocks, the templates, are moved through them and
/// their state is restored into the others; the tick that is measured brings fresh values to every
/// series.
class DetectorField {
 public:
  static constexpr core::Timestamp kStart{1'767'571'200'000};
  static constexpr core::Duration kStep = std::chrono::seconds(10);

  DetectorField(std::unique_ptr<detectors::Detector> detector, FieldPlan plan, std::uint64_t seed);

  core::Rng& rng() { return rng_; }
  series::Profiles& profiles() { return profiles_; }

  core::Status warm_up();
  /// Processor time of verdict and learning of one tick, caches overwritten before. Unit: ns per
  /// series.
  double measure();

 private:
  void open_tick(std::size_t blocks);
  void move(std::size_t blocks);

  FieldPlan plan_;
  std::unique_ptr<detectors::Detector> detector_;
  series::Windows windows_;
  series::Profiles profiles_;
  core::Rng rng_;
  series::TickIndex index_ = 0;
  std::vector<float> values_;
  std::vector<float> floor_;
  detectors::VerdictColumns verdicts_;
};

}  // namespace anomaly_exporter::tools
