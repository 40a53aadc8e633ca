#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/rng.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/detectors/seasonal_esd.h"
#include "anomaly_exporter/series/profiles.h"
#include "anomaly_exporter/series/windows.h"
#include "anomaly_exporter/stats/esd.h"
#include "anomaly_exporter/stats/stl_plan.h"
#include "bench_data.h"
#include "bench_measures.h"

namespace anomaly_exporter::tools {

namespace {

using series::kLanes;
using series::LaneMask;

constexpr std::size_t kWindow = 1000;
constexpr LaneMask kAllLanes = ~LaneMask{0};

double wave(double cycles) { return std::sin(2 * std::numbers::pi * cycles); }

/// Many series of one metric with a daily season, each with two weeks of profile. A few blocks live
/// through enough ticks to have decomposed profiles and full samples; their state is restored into
/// the others.
class SeasonalField {
 public:
  static constexpr std::size_t kBlocks = 782;  // 50,048 series
  static constexpr std::size_t kTemplates = 8;
  static constexpr core::Timestamp kStart{1'767'571'200'000};

  static core::Result<SeasonalField> create(std::uint64_t seed) {
    auto detector = detectors::SeasonalEsd::create({}, {.metrics = 1, .window = kWindow});
    if (!detector.ok()) return detector.error();
    return SeasonalField(std::move(detector).value(), seed);
  }

  core::Status warm_up() {
    for (std::size_t row = 0; row < kBlocks * kLanes; ++row) {
      const double amplitude = 5 + rng_.uniform();
      for (std::size_t step = 0; step < series::Profiles::kSteps; ++step) {
        const auto value = static_cast<float>(static_cast<double>(row % kLanes) +
                                              amplitude * wave(static_cast<double>(step) / 48) +
                                              0.1 * rng_.normal());
        profiles_.fill(static_cast<series::Row>(row),
                       kStart - series::Profiles::kStep *
                                    static_cast<std::int64_t>(series::Profiles::kSteps - step),
                       value);
      }
    }
    for (std::size_t tick = 0; tick < 2 * detectors::SeasonalEsd::kSample; ++tick) {
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

  void open_tick(std::size_t blocks) {
    ++index_;
    const double season = wave(static_cast<double>(index_) / 8640);
    for (std::size_t b = 0; b < blocks; ++b) {
      windows_.open(b, index_, kAllLanes);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const auto value =
            static_cast<float>(static_cast<double>(lane) + 5.5 * season + rng_.normal());
        values_[b * kLanes + lane] = value;
        windows_.write(b, 0, lane, index_, value);
      }
      windows_.mark_learned(b, 0, index_, kAllLanes);
    }
  }

  void move(std::size_t blocks) {
    for (std::size_t b = 0; b < blocks; ++b) {
      const detectors::Tick tick{
          .time = kStart + std::chrono::seconds(10) * index_,
          .index = index_,
          .block = b,
          .metrics = 1,
          .first_row = static_cast<series::Row>(b * kLanes),
          .active = kAllLanes,
          .values = std::span<const float>(values_).subspan(b * kLanes, kLanes),
          .present = {&kAllLanes, 1},
          .scale_floor = floor_,
          .windows = &windows_,
          .profiles = &profiles_};
      detector_->score(tick, verdicts_);
      detector_->learn(tick, {.lanes = {&kAllLanes, 1}});
    }
  }

 private:
  SeasonalField(std::unique_ptr<detectors::Detector> detector, std::uint64_t seed)
      : detector_(std::move(detector)),
        windows_(1, kWindow),
        rng_(seed),
        values_(kBlocks * kLanes),
        floor_(kLanes) {
    windows_.resize(kBlocks * kLanes);
    profiles_.resize(kBlocks * kLanes);
    detector_->resize(kBlocks);
    verdicts_.resize(1);
  }

  std::unique_ptr<detectors::Detector> detector_;
  series::Windows windows_;
  series::Profiles profiles_;
  core::Rng rng_;
  series::TickIndex index_ = 0;
  std::vector<float> values_;
  std::vector<float> floor_;
  detectors::VerdictColumns verdicts_;
};

}  // namespace

core::Result<double> measure_stl(const BenchContext& context) {
  constexpr std::size_t kSamples = 1000;
  constexpr std::size_t kPeriod = 60;
  constexpr std::size_t kSeries = 500;
  auto plan = stats::StlPlan::create(kSamples, {.period = kPeriod, .inner = 5});
  if (!plan.ok()) return plan.error();
  core::Rng rng(context.seed);
  std::vector<float> values(kSeries * kSamples);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(
        50 + 10 * wave(static_cast<double>(i) / static_cast<double>(kPeriod)) + rng.normal());
  }
  std::vector<float> scratch(plan->scratch_size());
  std::vector<float> seasonal(kSamples), trend(kSamples);
  const core::CpuLevel level = core::detected_cpu_level();
  const double begin = thread_cpu_ns();
  for (std::size_t s = 0; s < kSeries; ++s) {
    plan->decompose(std::span(values).subspan(s * kSamples, kSamples), scratch, seasonal, trend,
                    level);
  }
  return (thread_cpu_ns() - begin) / static_cast<double>(kSeries) / 1000.0;
}

core::Result<double> measure_esd(const BenchContext& context) {
  constexpr std::size_t kSamples = 1000;
  constexpr std::size_t kSeries = 2000;
  const stats::EsdTable table(kSamples, 10, 0.05);
  core::Rng rng(context.seed);
  std::vector<float> values(kSeries * kSamples);
  for (float& v : values) v = static_cast<float>(rng.normal());
  for (std::size_t s = 0; s < kSeries; ++s) {
    const auto row = std::span(values).subspan(s * kSamples, kSamples);
    for (std::size_t i = 0; i < rng.below(10); ++i) row[i] *= 10;
    std::ranges::sort(row);
  }
  std::size_t found = 0;
  const double begin = thread_cpu_ns();
  for (std::size_t s = 0; s < kSeries; ++s) {
    found += stats::esd_outliers(std::span(values).subspan(s * kSamples, kSamples), table,
                                 stats::EsdForm::MedianMad)
                 .count;
  }
  const double taken = thread_cpu_ns() - begin;
  if (found == 0) {
    return core::Error{core::ErrorCode::Internal, "the test found none of the outliers"};
  }
  return taken / static_cast<double>(kSeries) / 1000.0;
}

core::Result<double> measure_seasonal_cold(const BenchContext& context) {
  auto field = SeasonalField::create(context.seed);
  if (!field.ok()) return field.error();
  if (auto status = field->warm_up(); !status.ok()) return status.error();
  field->open_tick(SeasonalField::kBlocks);
  flush_caches();
  const double begin = thread_cpu_ns();
  field->move(SeasonalField::kBlocks);
  return (thread_cpu_ns() - begin) / static_cast<double>(SeasonalField::kBlocks * kLanes);
}

}  // namespace anomaly_exporter::tools
