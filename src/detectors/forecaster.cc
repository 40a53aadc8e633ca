#include "anomaly_exporter/detectors/forecaster.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/detectors/state_head.h"
#include "entity_forecast.h"

namespace anomaly_exporter::detectors {
namespace {

/// Ticks that a time takes at an interval, within bounds.
std::size_t ticks_of(std::chrono::seconds time, std::size_t least, std::size_t most,
                     const Shape& shape) {
  const double ticks = static_cast<double>(time.count()) / core::to_seconds(shape.interval);
  return static_cast<std::size_t>(
      std::llround(std::clamp(ticks, static_cast<double>(least), static_cast<double>(most))));
}

/// Buffers of one thread for the entities of one block.
struct Buffers {
  explicit Buffers(std::size_t metrics)
      : work(kLanes, EntityForecast::Work(metrics)),
        values(metrics),
        present(metrics),
        expected(metrics),
        sigma(metrics) {}

  std::vector<EntityForecast::Work> work;  // by lane
  LaneMask judged = 0;                     // lanes whose work `call` has left
  std::uint64_t call = 0;                  // of `score`, numbered within the thread; 0 = none
  core::Timestamp time;                    // of that call
  std::vector<float> values;
  std::vector<std::uint8_t> present;
  std::vector<double> expected, sigma;

  [[nodiscard]] EntityForecast::Row row(core::Timestamp at) const { return {at, values, present}; }
  /// Returns the number of metrics present.
  std::size_t gather(const Tick& tick, std::size_t lane) {
    std::size_t count = 0;
    for (std::size_t m = 0; m < values.size(); ++m) {
      present[m] = (tick.present[m] & series::bit(lane)) != 0 ? 1 : 0;
      values[m] = present[m] != 0 ? tick.values[m * kLanes + lane] : 0.0F;
      count += present[m];
    }
    return count;
  }
};

Buffers& buffers_for(std::size_t metrics) {
  static thread_local std::unique_ptr<Buffers> buffers;
  if (!buffers || buffers->values.size() != metrics) buffers = std::make_unique<Buffers>(metrics);
  return *buffers;
}

std::uint64_t next_call() {
  static thread_local std::uint64_t calls = 0;
  return ++calls;
}

void set_outcomes(const Tick& tick, std::size_t lane, Outcome outcome, VerdictColumns& out) {
  for (std::size_t m = 0; m < tick.metrics; ++m) {
    const bool is_there = (tick.present[m] & series::bit(lane)) != 0;
    out.outcome[m * kLanes + lane] = is_there ? outcome : Outcome::NoData;
  }
}

}  // namespace

core::Status ForecasterOptions::validate() const {
  if (threshold >= 0.1 && threshold <= 100) return {};
  return core::Error{core::ErrorCode::InvalidArgument,
                     "threshold: " + core::number_text(threshold) + " is not within 0.1 to 100"};
}

core::Result<std::unique_ptr<Detector>> Forecaster::create(const ForecasterOptions& options,
                                                           const Shape& shape) {
  if (auto valid = options.validate(); !valid) return valid.error();
  return std::unique_ptr<Detector>(new Forecaster(options, shape));
}

Forecaster::Forecaster(const ForecasterOptions& options, const Shape& shape)
    : options_(options), shape_(shape), metrics_(shape.metrics) {
  using std::chrono::seconds;
  spans_ = std::make_unique<ForecastSpans>(ForecastSpans{
      .brief = 6,
      .gap_ms = 10 * core::to_seconds(shape.interval) * 1000,
      .most_rows = std::min(
          static_cast<float>(std::max(60 * 86'400 / core::to_seconds(shape.interval), 200.0)),
          stats::Digest::kMostWeight),
      .short_term = static_cast<double>(ticks_of(seconds(1200), 3, 30, shape)),
      .long_term = static_cast<double>(ticks_of(seconds(6000), 10, 100, shape)),
      .regressor = static_cast<double>(ticks_of(seconds(3600), 6, 60, shape))});
}

Forecaster::~Forecaster() = default;

std::size_t Forecaster::warmup_samples() const { return EntityForecast::kWarmup; }
std::size_t Forecaster::look_back() const { return 1U << 30; }  // nothing ever leaves the sums

void Forecaster::resize(std::size_t blocks) {
  entities_.resize(blocks * kLanes);
  judged_.resize(blocks);
}

/// Asks memory for the entity of the lowest lane of `lanes`.
void Forecaster::fetch_next(std::size_t block, LaneMask lanes) const {
  if (lanes == 0) return;
  const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
  const EntityForecast* next = entities_[block * kLanes + lane].get();
  if (next != nullptr) next->fetch();
}

void Forecaster::score(const Tick& tick, VerdictColumns& out) const {
  Buffers& b = buffers_for(metrics_);
  b.judged = 0;
  b.call = next_call();
  b.time = tick.time;
  judged_[tick.block] = {&b, b.call};
  for (LaneMask lanes = tick.active; lanes != 0; lanes &= lanes - 1) {
    const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
    const EntityForecast* entity = entities_[tick.block * kLanes + lane].get();
    fetch_next(tick.block, lanes & (lanes - 1));
    const std::size_t present = b.gather(tick, lane);
    if (entity == nullptr || !entity->is_ready()) {
      set_outcomes(tick, lane, Outcome::WarmingUp, out);
      continue;
    }
    if (present * 2 < entity->known_metrics()) {
      set_outcomes(tick, lane, Outcome::InputMissing, out);
      continue;
    }
    EntityForecast::Work& work = b.work[lane];
    entity->judge(b.row(tick.time), work, {b.expected, b.sigma});
    b.judged |= series::bit(lane);
    double sum = 0;
    for (std::size_t m = 0; m < metrics_; ++m) sum += work.excess[m];
    const double raw = sum / static_cast<double>(std::max<std::size_t>(present, 1));
    for (std::size_t m = 0; m < metrics_; ++m) {
      const std::size_t i = m * kLanes + lane;
      out.outcome[i] = Outcome::NoData;
      if (b.present[m] == 0) continue;
      const auto expected = static_cast<float>(b.expected[m]);
      const float scale = std::max({static_cast<float>(b.sigma[m]), tick.scale_floor[i],
                                    1e-6F * std::fabs(expected), 1e-9F});
      const bool is_finite = std::isfinite(expected) && std::isfinite(scale) && std::isfinite(raw);
      out.outcome[i] = is_finite ? Outcome::Scored : Outcome::Failed;
      if (!is_finite) continue;
      out.raw[i] = raw;
      out.expected[i] = expected;
      out.scale[i] = scale;
      out.share[i] =
          static_cast<float>(sum > 0 ? work.excess[m] / sum : 1.0 / static_cast<double>(present));
    }
  }
}

void Forecaster::learn(const Tick& tick, const LearnMask&) {
  Buffers& b = buffers_for(metrics_);
  const Judged& newest = judged_[tick.block];
  const bool is_judged = newest.by == &b && newest.call == b.call && b.time == tick.time;
  const LaneMask judged = is_judged ? b.judged : 0;
  b.call = 0;
  for (LaneMask lanes = tick.active & ~tick.repeated; lanes != 0; lanes &= lanes - 1) {
    const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
    fetch_next(tick.block, lanes & (lanes - 1));
    if (b.gather(tick, lane) == 0) continue;
    auto& entity = entities_[tick.block * kLanes + lane];
    if (!entity) entity = std::make_unique<EntityForecast>(metrics_, *spans_);
    entity->learn(b.row(tick.time), b.work[lane], (judged & series::bit(lane)) != 0);
  }
}

void Forecaster::forget(std::size_t block, LaneMask lanes) {
  for (; lanes != 0; lanes &= lanes - 1) {
    entities_[block * kLanes + static_cast<std::size_t>(std::countr_zero(lanes))].reset();
  }
}

void Forecaster::save(std::size_t block, core::StateWriter& out) const {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    save_entity(static_cast<series::Entity>(block * kLanes + lane), out);
  }
}

core::Status Forecaster::restore(std::size_t block, core::StateReader& in) {
  Forecaster trial(options_, shape_);  // so that bad bytes change nothing
  trial.resize(1);
  core::StateReader ahead = in;
  for (series::Entity lane = 0; lane < kLanes; ++lane) {
    if (auto status = trial.restore_entity(lane, ahead); !status) return status;
  }
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const auto entity = static_cast<series::Entity>(block * kLanes + lane);
    if (auto status = restore_entity(entity, in); !status) return status;
  }
  return {};
}

void Forecaster::save_entity(series::Entity number, core::StateWriter& out) const {
  write_state_head(out, {metrics_, static_cast<std::size_t>(spans_->regressor)});
  const EntityForecast* entity = entities_[number].get();
  out.u8(entity != nullptr ? 1 : 0);
  if (entity != nullptr) entity->save(out);
}

core::Status Forecaster::restore_entity(series::Entity number, core::StateReader& in) {
  if (auto head = read_state_head(in, {metrics_, static_cast<std::size_t>(spans_->regressor)});
      !head)
    return head;
  const std::uint8_t is_there = in.u8();
  if (is_there > 1) in.fail("entity is neither there nor absent");
  std::unique_ptr<EntityForecast> read;
  if (is_there == 1) {
    read = std::make_unique<EntityForecast>(metrics_, *spans_);
    if (auto status = read->restore(in); !status) return status;
  }
  if (in.ok()) entities_[number] = std::move(read);
  return in.status();
}

std::size_t Forecaster::memory_bytes() const {
  std::size_t bytes =
      entities_.capacity() * sizeof(entities_[0]) + judged_.capacity() * sizeof(Judged);
  for (const auto& entity : entities_) {
    if (entity) bytes += entity->memory_bytes();
  }
  return bytes;
}

}  // namespace anomaly_exporter::detectors
