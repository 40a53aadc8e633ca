// usage: detector_raw DETECTOR STEP_SECONDS START_SECONDS FILE.csv[.gz] [COLUMN...]
//
// Raw scores of one detector over one table, as the engine would have it judge: row by row, on a
// regular grid from START, everything learned. One line per row: the raw score of each column's
// metric, with a comma between; empty where there is no verdict. Without COLUMN (numbers from 0):
// all.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/detectors/registry.h"
#include "anomaly_exporter/series/windows.h"
#include "anomaly_exporter/sources/csv_source.h"

namespace {

using namespace anomaly_exporter;

int run(const std::vector<std::string>& args) {
  const auto step = std::chrono::seconds(std::atol(args[1].c_str()));
  const core::Timestamp start{1000 * std::atol(args[2].c_str())};
  const auto table = sources::read_csv(args[3]);
  if (!table.ok()) {
    std::fprintf(stderr, "%s\n", table.error().message.c_str());
    return 1;
  }
  std::vector<std::size_t> columns;
  for (std::size_t i = 4; i < args.size(); ++i) {
    columns.push_back(static_cast<std::size_t>(std::atol(args[i].c_str())));
  }
  if (args.size() == 4) {
    for (std::size_t c = 0; c < table->metrics.size(); ++c) columns.push_back(c);
  }
  const std::size_t metrics = columns.size();
  constexpr std::size_t kWindow = 400;
  auto detector = detectors::create_detector(
      args[0], {}, {.metrics = metrics, .window = kWindow, .interval = step});
  if (!detector.ok()) {
    std::fprintf(stderr, "%s\n", detector.error().message.c_str());
    return 1;
  }
  (*detector)->resize(1);
  series::Windows windows(metrics, kWindow);
  windows.resize(1);
  std::vector<float> values(metrics * series::kLanes), floor(metrics * series::kLanes);
  std::vector<series::LaneMask> present(metrics);
  detectors::VerdictColumns out;
  out.resize(metrics);
  for (std::size_t row = 0; row < table->rows(); ++row) {
    const auto index = static_cast<series::TickIndex>(row);
    windows.open(0, index, 1);
    for (std::size_t m = 0; m < metrics; ++m) {
      const double value = table->values[row * table->metrics.size() + columns[m]];
      values[m * series::kLanes] = static_cast<float>(value);
      present[m] = value == value ? 1 : 0;
      if (present[m] != 0) windows.write(0, m, 0, index, values[m * series::kLanes]);
    }
    detectors::Tick tick;
    tick.time = start + core::Duration(step) * index;
    tick.index = index;
    tick.metrics = metrics;
    tick.active = 1;
    tick.values = values;
    tick.present = present;
    tick.scale_floor = floor;
    tick.windows = &windows;
    (*detector)->score(tick, out);
    (*detector)->learn(tick, {present});
    std::string line;
    for (std::size_t m = 0; m < metrics; ++m) {
      windows.mark_learned(0, m, index, present[m]);
      if (m > 0) line += ',';
      const std::size_t i = m * series::kLanes;
      if (out.outcome[i] == detectors::Outcome::Scored) line += core::number_text(out.raw[i]);
    }
    std::puts(line.c_str());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: detector_raw DETECTOR STEP START FILE [COLUMN...]\n");
    return 2;
  }
  return run({argv + 1, argv + argc});
}
