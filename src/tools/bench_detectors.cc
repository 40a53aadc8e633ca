#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/registry.h"
#include "anomaly_exporter/series/windows.h"
#include "bench_data.h"
#include "bench_measures.h"

namespace anomaly_exporter::tools {

namespace {

using series::kLanes;
using series::LaneMask;

constexpr std::size_t kWindow = 1000;
constexpr std::size_t kBlocks = 1563;  // 100,032 series
constexpr std::size_t kTemplates = 16;
constexpr LaneMask kAllLanes = ~LaneMask{0};

/// One detector over many series of one metric, with full windows.
///
/// Full windows take a thousand ticks, so a few blocks are moved through them and their state is
/// restored into the others; the tick that is measured brings fresh values to every series.
class Field {
 public:
  static core::Result<Field> create(std::string_view name,
                                    const detectors::DetectorOptions& options, std::uint64_t seed) {
    auto detector = detectors::create_detector(name, options, {.metrics = 1, .window = kWindow});
    if (!detector.ok()) return detector.error();
    return Field(std::move(detector).value(), seed);
  }

  /// Fills every window.
  core::Status warm_up() {
    for (std::size_t tick = 0; tick <= kWindow; ++tick) {
      open_tick(kTemplates);
      move(kTemplates);
    }
    for (std::size_t b = kTemplates; b < kBlocks; ++b) {
      core::StateWriter windows, detector;
      windows_.save(b % kTemplates, windows);
      detector_->save(b % kTemplates, detector);
      core::StateReader windows_in(windows.bytes()), detector_in(detector.bytes());
      if (auto status = windows_.restore(b, windows_in); !status.ok()) return status;
      if (auto status = detector_->restore(b, detector_in); !status.ok()) return status;
    }
    return {};
  }

  /// New values enter the windows of all blocks.
  void open_tick(std::size_t blocks) {
    ++index_;
    for (std::size_t b = 0; b < blocks; ++b) {
      windows_.open(b, index_, kAllLanes);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const auto value = static_cast<float>(static_cast<double>(lane) + rng_.normal());
        values_[b * kLanes + lane] = value;
        windows_.write(b, 0, lane, index_, value);
      }
      windows_.mark_learned(b, 0, index_, kAllLanes);
    }
  }

  /// The detector's work of one tick: verdicts, then learning.
  void move(std::size_t blocks) {
    for (std::size_t b = 0; b < blocks; ++b) {
      const detectors::Tick tick{
          .time = {index_ * 10'000},
          .index = index_,
          .block = b,
          .metrics = 1,
          .first_row = static_cast<series::Row>(b * kLanes),
          .active = kAllLanes,
          .values = std::span<const float>(values_).subspan(b * kLanes, kLanes),
          .present = {&kAllLanes, 1},
          .scale_floor = floor_,
          .windows = &windows_};
      detector_->score(tick, verdicts_);
      detector_->learn(tick, {.lanes = {&kAllLanes, 1}});
    }
  }

 private:
  Field(std::unique_ptr<detectors::Detector> detector, std::uint64_t seed)
      : detector_(std::move(detector)),
        windows_(1, kWindow),
        rng_(seed),
        values_(kBlocks * kLanes),
        floor_(kLanes) {
    windows_.resize(kBlocks * kLanes);
    detector_->resize(kBlocks);
    verdicts_.resize(1);
  }

  std::unique_ptr<detectors::Detector> detector_;
  series::Windows windows_;
  core::Rng rng_;
  series::TickIndex index_ = 0;
  std::vector<float> values_;
  std::vector<float> floor_;
  detectors::VerdictColumns verdicts_;
};

core::Result<double> measure_cold(std::string_view name, const detectors::DetectorOptions& options,
                                  std::uint64_t seed) {
  auto field = Field::create(name, options, seed);
  if (!field.ok()) return field.error();
  if (auto status = field->warm_up(); !status.ok()) return status.error();
  field->open_tick(kBlocks);
  flush_caches();
  const double begin = thread_cpu_ns();
  field->move(kBlocks);
  return (thread_cpu_ns() - begin) / static_cast<double>(kBlocks * kLanes);
}

}  // namespace

core::Result<double> measure_zscore_cold(const BenchContext& context) {
  return measure_cold("zscore", {}, context.seed);
}

core::Result<double> measure_mad_cold(const BenchContext& context) {
  detectors::DetectorOptions options;
  options.mad.window = kWindow;
  return measure_cold("mad", options, context.seed);
}

}  // namespace anomaly_exporter::tools
