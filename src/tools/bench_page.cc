#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "anomaly_exporter/api/server.h"
#include "anomaly_exporter/core/logger.h"
#include "anomaly_exporter/core/thread_priority.h"
#include "bench_measures.h"
#include "bench_rig.h"
#include "loopback_client.h"

namespace anomaly_exporter::tools {

namespace {

constexpr std::size_t kLines = 100'000;
/// 7 metrics with 10 lines each, and the line of the entity.
constexpr std::size_t kLinesPerEntity = 71;
/// Enough for every detector to have its verdict.
constexpr std::size_t kWarmTicks = 40;

/// A monitor and the real server that serves it.
class ServedMonitor {
 public:
  static core::Result<std::unique_ptr<ServedMonitor>> start(std::size_t entities,
                                                            const BenchContext& context) {
    std::unique_ptr<ServedMonitor> served(new ServedMonitor(*context.clock));
    auto rig = MonitorRig::create(entities, context.seed, *context.clock);
    if (!rig.ok()) return rig.error();
    served->rig_ = std::move(rig).value();
    if (auto status = served->rig_->warm_up(kWarmTicks); !status.ok()) return status.error();
    served->publish_tick();
    api::ServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    auto server = api::Server::start(options, {}, served->snapshots_, *served->log_);
    if (!server.ok()) return server.error();
    served->server_ = std::move(server).value();
    return served;
  }

  void publish_tick() {
    rig_->draw_values();
    snapshots_.publish(rig_->tick());
  }

  core::Result<LoopbackClient> connect() const {
    return LoopbackClient::connect(server_->addresses().front());
  }

 private:
  explicit ServedMonitor(const core::Clock& clock)
      : log_(core::make_stderr_logger(core::LogLevel::Error, core::LogFormat::Logfmt, clock)) {}

  std::unique_ptr<core::Logger> log_;
  exposition::SnapshotStore snapshots_;
  std::unique_ptr<MonitorRig> rig_;
  std::unique_ptr<api::Server> server_;  // last: reads the snapshots
};

double milliseconds(std::chrono::nanoseconds t) {
  return std::chrono::duration<double, std::milli>(t).count();
}

/// Scrapes `count` times and adds how long each took.
core::Status scrape(LoopbackClient& client, const core::Clock& clock, std::size_t count,
                    std::vector<double>& milliseconds_each) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto begin = clock.monotonic();
    if (auto bytes = client.fetch("/metrics"); !bytes.ok()) return bytes.error();
    milliseconds_each.push_back(milliseconds(clock.monotonic() - begin));
  }
  return {};
}

double quantile(std::vector<double> values, double q) {
  const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

}  // namespace

core::Result<double> measure_metrics_page(const BenchContext& context) {
  constexpr std::size_t kScrapes = 9;
  auto served = ServedMonitor::start(kLines / kLinesPerEntity, context);
  if (!served.ok()) return served.error();
  auto client = (*served)->connect();
  if (!client.ok()) return client.error();
  const auto lines = client->count_lines("/metrics");
  if (!lines.ok()) return lines.error();
  std::vector<double> each;
  for (std::size_t i = 0; i < kScrapes; ++i) {
    (*served)->publish_tick();
    if (auto status = scrape(*client, *context.clock, 1, each); !status.ok()) {
      return status.error();
    }
  }
  // The page has 100,000 lines but for a few; the figure is for exactly as many.
  return quantile(each, 0.5) * static_cast<double>(kLines) / static_cast<double>(*lines);
}

core::Result<double> measure_scrape_during_tick(const BenchContext& context) {
  constexpr std::size_t kEntities = 64;  // 4,096 lines
  constexpr std::size_t kRounds = 20;  // idle and busy in turn, so that both meet the same machine
  constexpr std::size_t kScrapes = 100;
  auto served = ServedMonitor::start(kEntities, context);
  if (!served.ok()) return served.error();
  auto client = (*served)->connect();
  if (!client.ok()) return client.error();
  std::vector<double> idle, busy;
  std::vector<double> warm;
  if (auto status = scrape(*client, *context.clock, kScrapes, warm); !status.ok()) {
    return status.error();
  }
  for (std::size_t round = 0; round < kRounds; ++round) {
    if (auto status = scrape(*client, *context.clock, kScrapes, idle); !status.ok()) {
      return status.error();
    }
    std::atomic<bool> ticking = false;
    const std::jthread ticker([&](const std::stop_token& stop) {
      core::lower_thread_priority();  // as a monitor's thread does
      while (!stop.stop_requested()) {
        (*served)->publish_tick();
        ticking = true;
        ticking.notify_one();
      }
    });
    ticking.wait(false);
    if (auto status = scrape(*client, *context.clock, kScrapes, busy); !status.ok()) {
      return status.error();
    }
  }
  return quantile(busy, 0.99) / quantile(idle, 0.99);
}

}  // namespace anomaly_exporter::tools
