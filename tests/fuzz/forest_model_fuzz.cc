// Reads a model of the isolation forest or of the one-class machine from arbitrary bytes. The first
// byte chooses which; the rest is the model. What is accepted must save to the bytes it came from,
// and must judge without leaving the range of numbers.

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "anomaly_exporter/detectors/isolation_forest.h"
#include "anomaly_exporter/detectors/one_class_svm.h"
#include "contract/rig.h"

namespace {

using namespace anomaly_exporter;
using detectors::Detector;

constexpr std::size_t kMostBytes = 1 << 16;
constexpr std::size_t kMetrics = 2;
constexpr std::size_t kWindow = 30;
constexpr detectors::TickIndex kTicks = 30;

void require(bool holds) {
  if (!holds) std::abort();
}

std::unique_ptr<Detector> make(bool is_forest) {
  const detectors::Shape shape{.metrics = kMetrics, .window = kWindow};
  auto made = is_forest ? detectors::IsolationForest::create({.trees = 8, .sample = 16}, shape)
                        : detectors::OneClassSvm::create({.sample = 100}, shape);
  require(made.ok());
  return std::move(made).value();
}

/// Judges one lane with values that grow to the clip and beyond.
void judge_with(Detector& detector) {
  series::Windows windows(kMetrics, kWindow);
  windows.resize(1);
  detector.resize(1);
  detectors::VerdictColumns out;
  out.resize(kMetrics);
  for (detectors::TickIndex t = 0; t < kTicks; ++t) {
    contract::BlockInput input(kMetrics);
    windows.open(0, t, 1);
    for (std::size_t metric = 0; metric < kMetrics; ++metric) {
      const float value =
          t < 26 ? static_cast<float>(t % 5) : std::ldexp(1.0F, static_cast<int>(t));
      input.set(metric, 0, value);
      windows.write(0, metric, 0, t, value);
    }
    detectors::Tick tick;
    tick.time = {t * 10'000};
    tick.index = t;
    tick.metrics = kMetrics;
    tick.active = 1;
    tick.values = input.values;
    tick.present = input.present;
    tick.windows = &windows;
    detector.score(tick, out);
    detector.learn(tick, {input.learn});
    for (std::size_t metric = 0; metric < kMetrics; ++metric) {
      windows.mark_learned(0, metric, t, 1);
      const std::size_t at = metric * series::kLanes;
      if (out.outcome[at] != detectors::Outcome::Scored) continue;
      require(std::isfinite(out.raw[at]) && out.raw[at] >= 0);
      require(out.share[at] >= 0.0F && out.share[at] <= 1.0F);
    }
  }
  require(out.outcome[0] == detectors::Outcome::Scored);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > kMostBytes) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto detector = make(data[0] % 2 == 0);
  core::StateReader in(bytes);
  auto model = detector->read_model(in);
  if (!model.ok()) return 0;
  // What is read is saved in the newest format, from which on nothing changes any more.
  core::StateWriter out, again;
  (*model)->save(out);
  core::StateReader saved(out.bytes());
  auto second = detector->read_model(saved);
  require(second.ok() && saved.remaining() == 0);
  (*second)->save(again);
  require(again.bytes() == out.bytes());
  detector->adopt(*model);
  judge_with(*detector);
  return 0;
}
