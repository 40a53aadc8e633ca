#include "anomaly_exporter/app/training_set.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "anomaly_exporter/detectors/row_scales.h"

namespace anomaly_exporter::app {

namespace {

constexpr std::size_t kPieceSamples = 2'000'000;
constexpr double kFarSigmas = 10;
constexpr double kMostFar = 0.05;
constexpr float kAbsent = std::numeric_limits<float>::quiet_NaN();

bool fits_float(double value) {
  return std::isfinite(value) &&
         std::fabs(value) <= static_cast<double>(std::numeric_limits<float>::max());
}

core::Labels key_of(const core::Labels& labels,
                    const std::optional<std::vector<std::string>>& group_by) {
  static const std::vector<std::string> kName{"__name__"};
  const core::Labels unnamed = labels.drop(kName);
  return group_by ? unnamed.keep(*group_by) : unnamed;
}

std::vector<series::Entity> live_entities(const MonitorState& monitor) {
  std::vector<series::Entity> live;
  for (series::Entity e = 0; e < monitor.table->capacity(); ++e) {
    if ((monitor.table->live(series::block_of(e)) & series::bit(series::lane_of(e))) != 0) {
      live.push_back(e);
    }
  }
  return live;
}

void make_parts(const TrainingPlan& plan, detectors::TrainingSet& set) {
  set.metrics = plan.requests.size();
  set.interval = plan.interval;
  set.seed = plan.seed;
  const std::size_t ticks = plan.ticks();
  set.parts.resize(plan.parts.size());
  for (auto& part : set.parts) {
    part.first = plan.first;
    part.ticks = ticks;
    part.values.assign(ticks * set.metrics, kAbsent);
  }
  for (const auto& [labels, part] : plan.parts) set.parts[part].entity = labels.hash();
}

void recount(TrainingData& data) {
  data.vectors = 0;
  data.values = 0;
  data.first = {};
  data.last = {};
  const std::size_t metrics = data.set.metrics;
  for (const auto& part : data.set.parts) {
    for (std::size_t k = 0; k < part.ticks; ++k) {
      std::size_t known = 0;
      for (std::size_t m = 0; m < metrics; ++m) {
        known += std::isnan(part.values[k * metrics + m]) ? 0 : 1;
      }
      if (known == 0) continue;
      ++data.vectors;
      data.values += known;
      const core::Timestamp time = part.first + data.set.interval * static_cast<std::int64_t>(k);
      if (data.first.ms == 0 || time < data.first) data.first = time;
      data.last = std::max(data.last, time);
    }
  }
}

/// Drops the ticks before the first value of any part: a source that holds less than was asked for.
void trim(TrainingData& data) {
  if (data.first.ms == 0) return;
  for (auto& part : data.set.parts) {
    const std::int64_t empty = (data.first - part.first) / data.set.interval;
    if (empty <= 0) continue;
    const auto values = empty * static_cast<std::int64_t>(data.set.metrics);
    part.values.erase(part.values.begin(), part.values.begin() + values);
    part.ticks -= static_cast<std::size_t>(empty);
    part.first = data.first;
  }
}

/// Values of one metric of a part that lie far off, where that makes an incident.
std::uint64_t cut_far_values(detectors::TrainingPart& part, std::size_t metric, std::size_t metrics,
                             core::Duration interval, core::Timestamp scored_since,
                             std::vector<float>& column) {
  column.clear();
  std::size_t moves = 0;
  for (std::size_t k = 0; k < part.ticks; ++k) {
    const float v = part.values[k * metrics + metric];
    if (std::isnan(v)) continue;
    if (!column.empty() && v != column.back()) ++moves;
    column.push_back(v);
  }
  const std::size_t known = column.size();
  if (known < 2 || 2 * moves < known - 1) return 0;
  const detectors::RobustScale scale = detectors::robust_scale(column);
  if (scale.spread <= 0) return 0;
  std::vector<std::size_t> far;
  for (std::size_t k = 0; k < part.ticks; ++k) {
    const float v = part.values[k * metrics + metric];
    const core::Timestamp time = part.first + interval * static_cast<std::int64_t>(k);
    const bool is_judged = scored_since.ms != 0 && time >= scored_since;
    if (std::isnan(v) || is_judged) continue;
    const double sigmas = std::fabs(static_cast<double>(v) - static_cast<double>(scale.centre)) /
                          static_cast<double>(scale.spread);
    if (sigmas > kFarSigmas) far.push_back(k);
  }
  if (static_cast<double>(far.size()) > kMostFar * static_cast<double>(known)) return 0;
  for (const std::size_t k : far) part.values[k * metrics + metric] = kAbsent;
  return far.size();
}

}  // namespace

std::optional<TrainingPlan> plan_training(const MonitorState& monitor, core::Timestamp now,
                                          const TrainingLimits& limits,
                                          const IncidentLog* incidents) {
  const std::vector<series::Entity> live = live_entities(monitor);
  if (live.empty()) return std::nullopt;
  const core::Duration interval = monitor.config.interval;
  const std::size_t metrics = monitor.metrics();
  std::size_t ticks = std::max<std::size_t>(1, static_cast<std::size_t>(limits.history / interval));
  const std::size_t series = std::max<std::size_t>(monitor.table->series(), 1);
  ticks = std::clamp<std::size_t>(limits.read_samples / series, 1, ticks);

  std::size_t entities = std::min(live.size(), std::max<std::size_t>(limits.entities, 1));
  const std::size_t affordable = limits.values / (metrics * ticks);
  const std::size_t least = std::min(entities, std::max<std::size_t>(limits.least_entities, 1));
  entities = std::clamp(affordable, least, entities);
  ticks = std::clamp<std::size_t>(limits.values / (metrics * entities), 1, ticks);

  TrainingPlan plan;
  plan.requests = monitor.requests;
  plan.interval = interval;
  plan.group_by = monitor.config.group_by;
  plan.last = {now.ms / interval.count() * interval.count()};
  plan.first = plan.last - interval * static_cast<std::int64_t>(ticks - 1);
  std::map<series::Entity, std::size_t> part_of;
  for (std::size_t i = 0; i < entities; ++i) {
    const series::Entity entity = live[i * live.size() / entities];
    part_of[entity] = i;
    plan.parts[monitor.table->key(entity)] = i;
  }
  if (incidents == nullptr) return plan;
  plan.scored_since = incidents->since();
  for (const auto& episode : incidents->episodes()) {
    const auto entity = static_cast<series::Entity>(
        episode.row / (metrics * series::kLanes) * series::kLanes + episode.row % series::kLanes);
    const auto part = part_of.find(entity);
    if (part == part_of.end()) continue;
    plan.incidents.push_back({.part = part->second,
                              .metric = episode.row / series::kLanes % metrics,
                              .first = episode.first,
                              .last = episode.last});
  }
  return plan;
}

core::Result<TrainingData> read_training_data(const TrainingPlan& plan,
                                              sources::MetricSource& source,
                                              std::size_t source_series, std::stop_token stop,
                                              const ReadProgress& progress) {
  TrainingData data;
  make_parts(plan, data.set);
  const std::size_t metrics = plan.requests.size();
  const std::size_t ticks = plan.ticks();
  const std::size_t piece =
      std::clamp<std::size_t>(kPieceSamples * metrics / std::max<std::size_t>(source_series, 1),
                              std::min<std::size_t>(ticks, 100), ticks);
  std::vector<bool> refused(metrics);
  for (std::size_t done = 0; done < ticks; done += piece) {
    const std::size_t count = std::min(piece, ticks - done);
    const core::Timestamp from = plan.first + plan.interval * static_cast<std::int64_t>(done);
    const core::Timestamp to = from + plan.interval * static_cast<std::int64_t>(count - 1);
    for (std::size_t m = 0; m < metrics; ++m) {
      if (refused[m]) continue;
      const auto take = [&](const core::LabelsPtr& labels,
                            std::span<const series::Sample> samples) -> core::Status {
        const auto found = plan.parts.find(key_of(*labels, plan.group_by));
        if (found == plan.parts.end()) return {};
        auto& values = data.set.parts[found->second].values;
        for (const auto& sample : samples) {
          if (!fits_float(sample.value) || sample.time < from || sample.time > to) continue;
          const auto k = static_cast<std::size_t>((sample.time - plan.first) / plan.interval);
          values[k * metrics + m] = static_cast<float>(sample.value);
        }
        return {};
      };
      const auto status = source.backfill(plan.requests[m], from, to, plan.interval, take, stop);
      if (stop.stop_requested()) return core::Error{core::ErrorCode::Unavailable, "stopped"};
      if (!status.ok()) {
        if (status.error().is_retryable()) return status.error();
        refused[m] = true;
        data.problems.push_back(status.error().message);
      }
      const double share = (static_cast<double>(done) +
                            static_cast<double>(count * (m + 1)) / static_cast<double>(metrics)) /
                           static_cast<double>(ticks);
      if (progress && !progress(std::min(1.0, share))) {
        return core::Error{core::ErrorCode::Unavailable, "stopped"};
      }
    }
  }
  cut_incidents(data, plan.incidents, plan.scored_since);
  trim(data);
  return data;
}

TrainingData table_training_data(const sources::CsvTable& table, std::size_t rows,
                                 std::span<const std::optional<std::size_t>> columns,
                                 core::Duration interval, const TrainingLimits& limits,
                                 std::uint64_t seed) {
  TrainingData data;
  data.set.metrics = columns.size();
  data.set.interval = interval;
  data.set.seed = seed;
  rows = std::min(rows, table.rows());
  if (rows == 0 || columns.empty() || interval.count() <= 0) return data;
  const core::Timestamp origin = table.times.front();
  const auto tick_of = [&](std::size_t row) {
    return std::llround(static_cast<double>((table.times[row] - origin).count()) /
                        static_cast<double>(interval.count()));
  };
  const std::int64_t newest = tick_of(rows - 1);
  const auto most = static_cast<std::int64_t>(
      std::max<std::size_t>(1, std::min(limits.values / columns.size(),
                                        static_cast<std::size_t>(limits.history / interval))));
  const std::int64_t first = std::max<std::int64_t>(0, newest - most + 1);
  detectors::TrainingPart part;
  part.first = origin + interval * first;
  part.ticks = static_cast<std::size_t>(newest - first + 1);
  part.values.assign(part.ticks * columns.size(), kAbsent);
  std::int64_t last = -1;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::int64_t tick = tick_of(row);
    if (tick < first || tick <= last) continue;
    last = tick;
    for (std::size_t m = 0; m < columns.size(); ++m) {
      if (!columns[m]) continue;
      const double v = table.values[row * table.metrics.size() + *columns[m]];
      if (!fits_float(v)) continue;
      part.values[static_cast<std::size_t>(tick - first) * columns.size() + m] =
          static_cast<float>(v);
    }
  }
  data.set.parts.push_back(std::move(part));
  recount(data);
  return data;
}

void cut_incidents(TrainingData& data, std::span<const Incident> incidents,
                   core::Timestamp scored_since) {
  const std::size_t metrics = data.set.metrics;
  const std::int64_t step = data.set.interval.count();
  for (const auto& incident : incidents) {
    if (incident.part >= data.set.parts.size()) continue;
    auto& part = data.set.parts[incident.part];
    const std::int64_t from =
        std::max<std::int64_t>(0, ((incident.first - part.first).count() + step - 1) / step);
    const std::int64_t to = std::min<std::int64_t>(static_cast<std::int64_t>(part.ticks) - 1,
                                                   (incident.last - part.first).count() / step);
    if (incident.last < part.first) continue;
    for (std::int64_t k = from; k <= to; ++k) {
      for (std::size_t m = 0; m < metrics; ++m) {
        if (incident.metric && *incident.metric != m) continue;
        float& v = part.values[static_cast<std::size_t>(k) * metrics + m];
        if (std::isnan(v)) continue;
        v = kAbsent;
        ++data.cut;
      }
    }
  }
  std::vector<float> column;
  for (auto& part : data.set.parts) {
    for (std::size_t m = 0; m < metrics; ++m) {
      data.cut += cut_far_values(part, m, metrics, data.set.interval, scored_since, column);
    }
  }
  recount(data);
}

detectors::TrainingSet head_of(const detectors::TrainingSet& set, double share) {
  detectors::TrainingSet head{
      .metrics = set.metrics, .interval = set.interval, .parts = {}, .seed = set.seed};
  for (const auto& part : set.parts) {
    const auto ticks = static_cast<std::size_t>(share * static_cast<double>(part.ticks));
    const auto end = part.values.begin() + static_cast<std::ptrdiff_t>(ticks * set.metrics);
    head.parts.push_back({.first = part.first,
                          .ticks = ticks,
                          .values = std::vector<float>(part.values.begin(), end),
                          .entity = part.entity});
  }
  return head;
}

}  // namespace anomaly_exporter::app
