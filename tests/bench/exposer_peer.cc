// The page of metrics_page_100k on prometheus-cpp: its Exposer serves the same lines, prepared as
// families that it only has to copy and to write, and the same client reads them.
// usage: exposer_peer SEED -> milliseconds of one scrape, scaled to 100,000 lines
#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/exposition/writer.h"
#include "bench_rig.h"
#include "loopback_client.h"

namespace anomaly_exporter::tools {
namespace {

constexpr std::size_t kEntities = 100'000 / 71;
constexpr std::size_t kWarmTicks = 40;
constexpr int kScrapes = 3;

class FixedFamilies final : public prometheus::Collectable {
 public:
  explicit FixedFamilies(std::vector<prometheus::MetricFamily> families)
      : families_(std::move(families)) {}
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override { return families_; }

 private:
  std::vector<prometheus::MetricFamily> families_;
};

/// Takes the part of `text` before `end` away, and `end` with it.
std::string_view take_until(std::string_view& text, std::string_view end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + end.size(), text.size()));
  return part;
}

/// The families of a page of gauges that we rendered; its label values need no escapes.
std::vector<prometheus::MetricFamily> families_of(std::string_view page) {
  std::vector<prometheus::MetricFamily> families;
  while (!page.empty()) {
    std::string_view line = take_until(page, "\n");
    if (line.starts_with("# HELP ")) {
      line.remove_prefix(7);
      const std::string name(take_until(line, " "));
      families.push_back({.name = name,
                          .help = std::string(line),
                          .type = prometheus::MetricType::Gauge,
                          .metric = {}});
    }
    if (line.starts_with('#') || families.empty() || !line.starts_with(families.back().name)) {
      continue;
    }
    prometheus::ClientMetric metric;
    take_until(line, "{");
    std::string_view labels = take_until(line, "} ");
    while (!labels.empty()) {
      const std::string_view name = take_until(labels, "=\"");
      const std::string_view value = take_until(labels, "\"");
      take_until(labels, ",");
      metric.label.push_back({std::string(name), std::string(value)});
    }
    metric.gauge.value = core::parse_number(line).value_or(0);
    families.back().metric.push_back(std::move(metric));
  }
  return families;
}

core::Result<double> measure(std::uint64_t seed) {
  const core::Clock& clock = core::system_clock();
  auto rig = MonitorRig::create(kEntities, seed, clock);
  if (!rig.ok()) return rig.error();
  if (auto status = (*rig)->warm_up(kWarmTicks); !status.ok()) return status.error();
  (*rig)->draw_values();
  const exposition::SnapshotStore::List snapshots{(*rig)->tick()};
  std::string page;
  exposition::render(exposition::Format::Text, {}, snapshots, {}, page);

  const auto families = std::make_shared<FixedFamilies>(families_of(page));
  prometheus::Exposer exposer("127.0.0.1:0");
  exposer.RegisterCollectable(families);
  const std::string address = "127.0.0.1:" + std::to_string(exposer.GetListeningPorts()[0]);
  std::size_t lines = 0;
  std::vector<double> each;
  for (int i = 0; i < kScrapes; ++i) {
    // An Exposer closes the connection behind each answer; opening the next one is not counted.
    auto client = LoopbackClient::connect(address);
    if (!client.ok()) return client.error();
    const auto begin = clock.monotonic();
    const auto counted = client->count_lines("/metrics");
    each.push_back(std::chrono::duration<double, std::milli>(clock.monotonic() - begin).count());
    if (!counted.ok()) return counted.error();
    lines = *counted;
  }
  std::sort(each.begin(), each.end());
  return each[kScrapes / 2] * 100'000 / static_cast<double>(lines);
}

}  // namespace
}  // namespace anomaly_exporter::tools

int main(int argc, char** argv) {
  const auto figure =
      anomaly_exporter::tools::measure(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1);
  if (!figure.ok()) {
    std::fprintf(stderr, "exposer_peer: %s\n", figure.error().message.c_str());
    return 1;
  }
  std::printf("%.6g\n", *figure);
  return 0;
}
