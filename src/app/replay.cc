#include "anomaly_exporter/app/replay.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <optional>
#include <thread>
#include <utility>

namespace anomaly_exporter::app {

using series::kLanes;
using series::LaneMask;

namespace {

constexpr std::size_t kPartBytes = 16U << 20;
constexpr unsigned kRequestsInFlight = 4;

/// One part of the range in the columnar shape: [tick][row] and [tick][block * metrics + metric].
class Part {
 public:
  Part(std::size_t ticks, std::size_t rows, std::size_t words)
      : rows_(rows), words_(words), values_(ticks * rows), present_(ticks * words) {}

  /// Distinct metrics may be written by distinct threads: they share neither rows nor words.
  void put(std::size_t tick, series::Row row, float value) {
    values_[tick * rows_ + row] = value;
    present_[tick * words_ + row / kLanes] |= series::bit(row % kLanes);
  }

  void load(std::size_t tick, series::TickValues& out) const {
    const auto value = values_.begin() + static_cast<std::ptrdiff_t>(tick * rows_);
    std::copy(value, value + static_cast<std::ptrdiff_t>(rows_), out.values.begin());
    const auto word = present_.begin() + static_cast<std::ptrdiff_t>(tick * words_);
    std::copy(word, word + static_cast<std::ptrdiff_t>(words_), out.present.begin());
  }

 private:
  std::size_t rows_, words_;
  std::vector<float> values_;
  std::vector<LaneMask> present_;
};

bool fits_float(double value) {
  return std::isfinite(value) &&
         std::fabs(value) <= static_cast<double>(std::numeric_limits<float>::max());
}

core::Status read_metric(const MonitorState& monitor, sources::MetricSource& source, std::size_t m,
                         core::Timestamp from, core::Timestamp to, Part& part,
                         std::uint64_t& samples, std::stop_token stop) {
  const core::Duration step = monitor.config.interval;
  return source.backfill(
      monitor.requests[m], from, to, step,
      [&](const core::LabelsPtr& labels, std::span<const series::Sample> values) -> core::Status {
        const auto row = monitor.table->find(m, labels);
        if (!row) return {};
        for (const auto& sample : values) {
          if (!fits_float(sample.value) || sample.time < from || sample.time > to) continue;
          part.put(static_cast<std::size_t>((sample.time - from) / step), *row,
                   static_cast<float>(sample.value));
          ++samples;
        }
        return {};
      },
      std::move(stop));
}

/// Reads all metrics of one part, a few requests at once. Status per metric.
std::vector<core::Status> read_part(const MonitorState& monitor, sources::MetricSource& source,
                                    core::Timestamp from, core::Timestamp to, Part& part,
                                    std::uint64_t& samples, const std::stop_token& stop) {
  std::vector<core::Status> status(monitor.metrics());
  std::vector<std::uint64_t> counts(monitor.metrics());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t m = next++; m < monitor.metrics(); m = next++) {
      status[m] = read_metric(monitor, source, m, from, to, part, counts[m], stop);
    }
  };
  {
    std::vector<std::jthread> threads;
    const auto helpers = std::min<std::size_t>(kRequestsInFlight, monitor.metrics()) - 1;
    for (std::size_t i = 0; i < helpers; ++i) threads.emplace_back(work);
    work();
  }
  for (const auto count : counts) samples += count;
  return status;
}

}  // namespace

core::Result<ReplayReport> replay(Engine& engine, MonitorState& monitor,
                                  sources::MetricSource& source, core::Timestamp from,
                                  core::Timestamp to, series::TickIndex first_index,
                                  const LaneSet& lanes, std::stop_token stop,
                                  const ReplayHooks& hooks) {
  ReplayReport report;
  if (from > to) return report;
  const core::Duration step = monitor.config.interval;
  const auto ticks = static_cast<std::size_t>((to - from) / step) + 1;
  const std::size_t rows = monitor.values.values.size();
  const std::size_t words = monitor.values.present.size();
  if (rows == 0) return report;
  const std::size_t part_ticks = std::clamp<std::size_t>(kPartBytes / (rows * 4), 1, ticks);
  std::fill(monitor.answered.begin(), monitor.answered.end(), true);

  for (std::size_t done = 0; done < ticks; done += part_ticks) {
    const std::size_t count = std::min(part_ticks, ticks - done);
    const core::Timestamp part_from = from + step * static_cast<std::int64_t>(done);
    const core::Timestamp part_to = part_from + step * static_cast<std::int64_t>(count - 1);
    Part part(count, rows, words);
    const auto status = read_part(monitor, source, part_from, part_to, part, report.samples, stop);
    for (std::size_t m = 0; m < status.size(); ++m) {
      if (status[m].ok()) continue;
      if (status[m].error().is_retryable() || stop.stop_requested()) return status[m].error();
      if (done == 0) report.errors.push_back(status[m].error().message);
    }
    for (std::size_t k = 0; k < count; ++k) {
      if (stop.stop_requested()) return core::Error{core::ErrorCode::Unavailable, "stopped"};
      part.load(k, monitor.values);
      const core::Timestamp time = part_from + step * static_cast<std::int64_t>(k);
      // Somebody may read the last tick before the next one, and those that a hook looks at.
      const bool is_last = done + k + 1 == ticks;
      const bool is_lean = !monitor.counts_episodes && !hooks.after_tick && !is_last;
      engine.evaluate(monitor, first_index + static_cast<series::TickIndex>(done + k), time, lanes,
                      is_lean ? ensemble::Detail::Lean : ensemble::Detail::Full);
      if (hooks.after_tick) hooks.after_tick(time);
    }
    report.ticks += count;
    if (hooks.progress)
      hooks.progress(static_cast<double>(done + count) / static_cast<double>(ticks));
  }
  return report;
}

std::size_t history_ticks(const MonitorState& monitor, std::size_t max_samples) {
  const auto wanted =
      static_cast<std::size_t>(monitor.config.calibration / monitor.config.interval);
  const std::size_t affordable = max_samples / std::max<std::size_t>(monitor.table->series(), 1);
  return std::max(monitor.config.window, std::min(wanted, affordable));
}

}  // namespace anomaly_exporter::app
