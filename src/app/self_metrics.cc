#include "anomaly_exporter/app/self_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "anomaly_exporter/app/process_metrics.h"
#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/core/version.h"

namespace anomaly_exporter::app {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using MetricLabels = std::map<std::string, std::string>;

namespace {

/// 10 ms to 60 s, as detection latencies of a pull system lie.
const Histogram::BucketBoundaries kLatencyBuckets{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                                  2.5,  5,     10,   15,  30,   60};
const Histogram::BucketBoundaries kEvaluationBuckets{0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05,
                                                     0.1,    0.5,    1,     5,     10,   30};
const Histogram::BucketBoundaries kRequestBuckets{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5};

constexpr const char* kLevelNames[] = {"none", "info", "warning", "critical"};

}  // namespace

struct SelfMetrics::Impl {
  prometheus::Registry registry;
  core::Mutex mutex;
  std::map<std::string, const series::DropCounters*> drops AE_GUARDED_BY(mutex);
  /// Metrics by the monitor they belong to, so that they can be removed with it.
  template <class T>
  struct Owned {
    Family<T>* family;
    std::multimap<std::string, T*> by_owner;
  };
  std::map<std::string, Owned<Counter>> counters AE_GUARDED_BY(mutex);
  /// Totals kept elsewhere, as far as counters have them.
  std::map<const Counter*, double> told AE_GUARDED_BY(mutex);
  std::map<std::string, Owned<Gauge>> gauges AE_GUARDED_BY(mutex);
  std::map<std::string, Owned<Histogram>> histograms AE_GUARDED_BY(mutex);

  void declare_counter(const char* name, const char* help) AE_REQUIRES(mutex) {
    counters[name] = {&prometheus::BuildCounter().Name(name).Help(help).Register(registry), {}};
  }
  void declare_gauge(const char* name, const char* help) AE_REQUIRES(mutex) {
    gauges[name] = {&prometheus::BuildGauge().Name(name).Help(help).Register(registry), {}};
  }
  void declare_histogram(const char* name, const char* help) AE_REQUIRES(mutex) {
    histograms[name] = {&prometheus::BuildHistogram().Name(name).Help(help).Register(registry), {}};
  }

  template <class T, class... Args>
  T& add(Owned<T>& owned, const std::string& owner, const MetricLabels& labels, Args&&... args) {
    T& metric = owned.family->Add(labels, std::forward<Args>(args)...);
    for (auto [it, end] = owned.by_owner.equal_range(owner); it != end; ++it) {
      if (it->second == &metric) return metric;
    }
    owned.by_owner.emplace(owner, &metric);
    return metric;
  }
  Counter& counter(const char* name, const std::string& owner, const MetricLabels& labels)
      AE_REQUIRES(mutex) {
    return add(counters.at(name), owner, labels);
  }
  Gauge& gauge(const char* name, const std::string& owner, const MetricLabels& labels)
      AE_REQUIRES(mutex) {
    return add(gauges.at(name), owner, labels);
  }
  Histogram& histogram(const char* name, const std::string& owner, const MetricLabels& labels,
                       const Histogram::BucketBoundaries& buckets) AE_REQUIRES(mutex) {
    return add(histograms.at(name), owner, labels, buckets);
  }

  /// Brings a counter on by as much as a total kept elsewhere has grown. REQUIRES: it never falls,
  /// but begins anew after remove_monitor.
  void raise(Counter& counter, double total) AE_REQUIRES(mutex) {
    double& known = told[&counter];
    counter.Increment(total - known);
    known = total;
  }
  void raise_drops(const std::string& monitor, const series::DropCounters& of) AE_REQUIRES(mutex);

  template <class T>
  static void remove_owner(std::map<std::string, Owned<T>>& all, const std::string& owner) {
    for (auto& [name, owned] : all) {
      for (auto [it, end] = owned.by_owner.equal_range(owner); it != end;) {
        owned.family->Remove(it->second);
        it = owned.by_owner.erase(it);
      }
    }
  }
};

namespace {
std::string monitor_key(const std::string& name) { return "monitor:" + name; }
const std::string kProgram = "program";
}  // namespace

SelfMetrics::SelfMetrics() : impl_(std::make_unique<Impl>()) {
  auto& i = *impl_;
  core::MutexLock lock(i.mutex);
#define AE_NAME(name) "anomaly_exporter_" name
  i.declare_gauge(AE_NAME("build_info"), "Constant 1, labelled with what this build is.");
  i.declare_gauge(AE_NAME("config_last_reload_successful"),
                  "1 when the last attempt to load the configuration succeeded.");
  i.declare_gauge(AE_NAME("config_last_reload_success_timestamp_seconds"),
                  "When the configuration in force was loaded.");
  i.declare_histogram(AE_NAME("evaluation_duration_seconds"),
                      "Time to score a tick, without the time spent in the source.");
  i.declare_gauge(AE_NAME("last_evaluation_timestamp_seconds"),
                  "Data time of the last tick that was evaluated.");
  i.declare_counter(AE_NAME("missed_ticks_total"),
                    "Ticks not evaluated in time though the source answered; they are read later.");
  i.declare_counter(AE_NAME("clock_steps_total"), "Times the wall clock was set back.");
  i.declare_gauge(AE_NAME("monitor_interval_seconds"),
                  "Interval of the monitor, labelled with the source it reads.");
  i.declare_counter(AE_NAME("incidents_refused_total"),
                    "Anomalies that joined no incident because too many were open.");
  i.declare_histogram(
      AE_NAME("detection_latency_seconds"),
      "From a sample (origin sample) or a tick's data time (origin tick) to the end "
      "of a stage.");
  i.declare_counter(AE_NAME("anomalies_total"),
                    "Anomalies that opened at a severity or rose to it, by detector above the "
                    "threshold since the onset; the detector ensemble counts all.");
  i.declare_counter(AE_NAME("anomalies_suppressed_total"),
                    "Anomalies that were not announced, by reason: mute, cooldown, for.");
  i.declare_gauge(AE_NAME("muted_series"), "Series that a rule mutes.");
  i.declare_histogram(AE_NAME("detector_duration_seconds"), "Time of one detector for one tick.");
  i.declare_gauge(AE_NAME("detector_ready"),
                  "1 when the detector gave a verdict on at least one series in the last tick.");
  i.declare_counter(AE_NAME("samples_processed_total"), "Values judged.");
  i.declare_counter(AE_NAME("samples_dropped_total"), "Samples and series not used, by reason.");
  i.declare_gauge(AE_NAME("monitor_entities"), "Entities the monitor watches.");
  i.declare_gauge(AE_NAME("monitor_metric_series"), "Series found for a metric.");
  i.declare_gauge(AE_NAME("series_outcome"), "Series by outcome of the last tick.");
  i.declare_gauge(AE_NAME("warmup_ratio"), "Share of series that have a score.");
  i.declare_gauge(AE_NAME("backfill_ratio"), "Share of the history that has been read.");
  i.declare_gauge(AE_NAME("monitor_oversampled"),
                  "1 when the monitor's interval is shorter than the scrape interval found.");
  i.declare_gauge(AE_NAME("series"), "Series admitted.");
  i.declare_gauge(AE_NAME("series_limit"), "Most series that are admitted (limits.series).");
  i.declare_gauge(AE_NAME("series_bytes"), "Memory of a monitor's series.");
  i.declare_counter(AE_NAME("expected_alarms_total"),
                    "Alarms that the alarm budget allows so far.");
  i.declare_counter(AE_NAME("seen_alarms_total"), "Series that became anomalous so far.");
  i.declare_counter(AE_NAME("state_writes_total"), "State files written.");
  i.declare_counter(AE_NAME("state_write_failures_total"),
                    "State files that could not be written.");
  i.declare_counter(AE_NAME("state_writes_skipped_total"),
                    "State files not written because the writer was still busy.");
  i.declare_gauge(AE_NAME("state_last_write_timestamp_seconds"), "When state was last written.");
  i.declare_counter(AE_NAME("http_requests_total"), "HTTP requests served.");
  i.declare_histogram(AE_NAME("http_request_duration_seconds"), "Time to serve an HTTP request.");

  i.gauge(AE_NAME("build_info"), kProgram,
          {{"version", core::kVersion},
           {"revision", core::kRevision},
           {"branch", core::kBranch},
           {"compiler", core::kCompiler}})
      .Set(1);
  i.gauge(AE_NAME("config_last_reload_successful"), kProgram, {}).Set(0);
  i.gauge(AE_NAME("config_last_reload_success_timestamp_seconds"), kProgram, {}).Set(0);
  i.gauge(AE_NAME("series"), kProgram, {}).Set(0);
  i.gauge(AE_NAME("series_limit"), kProgram, {}).Set(0);
  i.counter(AE_NAME("state_writes_total"), kProgram, {});
  i.counter(AE_NAME("state_write_failures_total"), kProgram, {});
  i.counter(AE_NAME("state_writes_skipped_total"), kProgram, {});
  i.gauge(AE_NAME("state_last_write_timestamp_seconds"), kProgram, {});
  for (const char* stage : {"source", "queue", "score", "publish", "notification"}) {
    for (const char* origin : {"sample", "tick"}) {
      i.histogram(AE_NAME("detection_latency_seconds"), kProgram,
                  {{"stage", stage}, {"origin", origin}}, kLatencyBuckets);
    }
  }
}

SelfMetrics::~SelfMetrics() = default;

void SelfMetrics::Impl::raise_drops(const std::string& monitor, const series::DropCounters& of) {
  for (std::size_t r = 0; r < series::kDropReasons; ++r) {
    const auto reason = static_cast<series::DropReason>(r);
    raise(counter(AE_NAME("samples_dropped_total"), monitor_key(monitor),
                  {{"monitor", monitor}, {"reason", std::string(to_string(reason))}}),
          static_cast<double>(of.value(reason)));
  }
}

std::vector<prometheus::MetricFamily> SelfMetrics::collect() {
  std::vector<prometheus::MetricFamily> families;
  {
    core::MutexLock lock(impl_->mutex);
    for (const auto& [name, drops] : impl_->drops) impl_->raise_drops(name, *drops);
    families = impl_->registry.Collect();
  }
  for (auto more : {sources_.collect(), models_.collect()}) {
    std::move(more.begin(), more.end(), std::back_inserter(families));
  }
  append_process_metrics(families);
  return families;
}

void SelfMetrics::add_monitor(const MonitorState& monitor, const series::DropCounters& drops) {
  const std::string& name = monitor.config.name;
  const std::string key = monitor_key(name);
  auto& i = *impl_;
  core::MutexLock lock(i.mutex);
  i.drops[name] = &drops;
  i.gauge(AE_NAME("monitor_interval_seconds"), key,
          {{"monitor", name}, {"source", monitor.config.source}})
      .Set(core::to_seconds(monitor.config.interval));
  i.histogram(AE_NAME("evaluation_duration_seconds"), key, {{"monitor", name}}, kEvaluationBuckets);
  for (const char* counter :
       {AE_NAME("missed_ticks_total"), AE_NAME("clock_steps_total"),
        AE_NAME("incidents_refused_total"), AE_NAME("samples_processed_total"),
        AE_NAME("expected_alarms_total"), AE_NAME("seen_alarms_total")}) {
    i.counter(counter, key, {{"monitor", name}});
  }
  i.gauge(AE_NAME("muted_series"), key, {{"monitor", name}});
  for (std::size_t r = 0; r < severity::kSuppressions; ++r) {
    const std::string reason(to_string(static_cast<severity::Suppression>(r)));
    i.counter(AE_NAME("anomalies_suppressed_total"), key, {{"monitor", name}, {"reason", reason}});
  }
  for (const auto& metric : monitor.config.metrics) {
    for (const char* level : {"info", "warning", "critical"}) {
      for (const auto& weight : monitor.config.ensemble.weights) {
        i.counter(AE_NAME("anomalies_total"), key,
                  {{"monitor", name},
                   {"metric", metric.request.metric},
                   {"severity", level},
                   {"detector", weight.detector}});
      }
      i.counter(AE_NAME("anomalies_total"), key,
                {{"monitor", name},
                 {"metric", metric.request.metric},
                 {"severity", level},
                 {"detector", "ensemble"}});
    }
  }
  for (const auto& weight : monitor.config.ensemble.weights) {
    i.gauge(AE_NAME("detector_ready"), key, {{"monitor", name}, {"detector", weight.detector}});
  }
}

void SelfMetrics::remove_monitor(const std::string& name) {
  auto& i = *impl_;
  const std::string key = monitor_key(name);
  core::MutexLock lock(i.mutex);
  if (const auto drops = i.drops.find(name); drops != i.drops.end()) {
    i.raise_drops(name, *drops->second);
    i.drops.erase(drops);
  }
  Impl::remove_owner(i.gauges, key);
  Impl::remove_owner(i.histograms, key);
  sources_.remove_monitor(name);
  for (auto& [family, owned] : i.counters) {
    for (auto [it, end] = owned.by_owner.equal_range(key); it != end; ++it)
      i.told.erase(it->second);
  }
}

void SelfMetrics::retain_monitors(const std::vector<std::string>& names) {
  auto& i = *impl_;
  std::set<std::string> kept{kProgram};
  for (const std::string& name : names) kept.insert(monitor_key(name));
  core::MutexLock lock(i.mutex);
  std::set<std::string> gone;
  for (const auto& [family, owned] : i.counters) {
    for (const auto& [owner, counter] : owned.by_owner) {
      if (!kept.contains(owner)) gone.insert(owner);
    }
  }
  for (const std::string& owner : gone) Impl::remove_owner(i.counters, owner);
}

void SelfMetrics::observe_tick(const MonitorState& monitor, const TickReport& report,
                               const RunnerStatus& status, std::size_t memory_bytes) {
  const auto& config = monitor.config;
  const std::string& name = config.name;
  const std::string key = monitor_key(name);
  const MetricLabels by_monitor{{"monitor", name}};
  auto& i = *impl_;
  core::MutexLock lock(i.mutex);
  i.gauge(AE_NAME("backfill_ratio"), key, by_monitor).Set(status.backfill_ratio);
  i.gauge(AE_NAME("monitor_oversampled"), key, by_monitor).Set(status.is_oversampled ? 1 : 0);
  i.gauge(AE_NAME("series_bytes"), key, by_monitor).Set(static_cast<double>(memory_bytes));
  i.gauge(AE_NAME("monitor_entities"), key, by_monitor)
      .Set(static_cast<double>(monitor.table->entities()));
  for (std::size_t m = 0; m < config.metrics.size(); ++m) {
    i.gauge(AE_NAME("monitor_metric_series"), key,
            {{"monitor", name}, {"metric", config.metrics[m].request.metric}})
        .Set(static_cast<double>(monitor.table->series_per_metric()[m]));
  }
  if (!report.source_up) return;

  i.histogram(AE_NAME("evaluation_duration_seconds"), key, by_monitor, kEvaluationBuckets)
      .Observe(std::chrono::duration<double>(report.scored).count());
  i.gauge(AE_NAME("last_evaluation_timestamp_seconds"), key, by_monitor)
      .Set(monitor.time.seconds());
  std::uint64_t rows = 0;
  for (std::size_t o = 0; o < detectors::kOutcomes; ++o) {
    rows += report.counts.outcome[o];
    i.gauge(AE_NAME("series_outcome"), key,
            {{"monitor", name},
             {"outcome", std::string(to_string(static_cast<detectors::Outcome>(o)))}})
        .Set(static_cast<double>(report.counts.outcome[o]));
  }
  const auto scored = static_cast<double>(
      report.counts.outcome[static_cast<std::size_t>(detectors::Outcome::Scored)]);
  i.gauge(AE_NAME("warmup_ratio"), key, by_monitor)
      .Set(rows == 0 ? 0 : scored / static_cast<double>(rows));

  const EvaluationCounts& totals = monitor.totals;
  i.raise(i.counter(AE_NAME("samples_processed_total"), key, by_monitor),
          static_cast<double>(totals.samples));
  i.raise(i.counter(AE_NAME("expected_alarms_total"), key, by_monitor), totals.expected_alarms);
  i.raise(i.counter(AE_NAME("seen_alarms_total"), key, by_monitor),
          static_cast<double>(totals.seen_alarms));
  i.gauge(AE_NAME("muted_series"), key, by_monitor).Set(static_cast<double>(report.counts.muted));
  for (std::size_t r = 0; r < severity::kSuppressions; ++r) {
    const std::string reason(to_string(static_cast<severity::Suppression>(r)));
    i.raise(i.counter(AE_NAME("anomalies_suppressed_total"), key,
                      {{"monitor", name}, {"reason", reason}}),
            static_cast<double>(totals.suppressed[r]));
  }
  const std::size_t detectors = config.ensemble.weights.size();
  for (std::size_t d = 0; d <= detectors; ++d) {
    const std::string detector = d < detectors ? config.ensemble.weights[d].detector : "ensemble";
    for (std::size_t m = 0; m < config.metrics.size(); ++m) {
      for (std::size_t level = 1; level < 4; ++level) {
        i.raise(i.counter(AE_NAME("anomalies_total"), key,
                          {{"monitor", name},
                           {"metric", config.metrics[m].request.metric},
                           {"severity", kLevelNames[level]},
                           {"detector", detector}}),
                static_cast<double>(totals.episodes[(m * 4 + level) * (detectors + 1) + d]));
      }
    }
    if (d == detectors) continue;
    i.histogram(AE_NAME("detector_duration_seconds"), key,
                {{"monitor", name}, {"detector", detector}}, kEvaluationBuckets)
        .Observe(report.counts.detector_seconds[d]);
    i.gauge(AE_NAME("detector_ready"), key, {{"monitor", name}, {"detector", detector}})
        .Set(report.counts.detector_verdicts[d] > 0 ? 1 : 0);
  }
}

void SelfMetrics::observe_latency(const std::string& stage, const std::string& origin,
                                  double seconds) {
  core::MutexLock lock(impl_->mutex);
  impl_
      ->histogram(AE_NAME("detection_latency_seconds"), kProgram,
                  {{"stage", stage}, {"origin", origin}}, kLatencyBuckets)
      .Observe(std::max(seconds, 0.0));
}

void SelfMetrics::count_missed_ticks(const std::string& monitor, std::uint64_t ticks) {
  core::MutexLock lock(impl_->mutex);
  impl_->counter(AE_NAME("missed_ticks_total"), monitor_key(monitor), {{"monitor", monitor}})
      .Increment(static_cast<double>(ticks));
}

void SelfMetrics::count_clock_step(const std::string& monitor) {
  core::MutexLock lock(impl_->mutex);
  impl_->counter(AE_NAME("clock_steps_total"), monitor_key(monitor), {{"monitor", monitor}})
      .Increment();
}

void SelfMetrics::observe_incidents(const std::string& monitor, std::uint64_t refused) {
  core::MutexLock lock(impl_->mutex);
  impl_->raise(impl_->counter(AE_NAME("incidents_refused_total"), monitor_key(monitor),
                              {{"monitor", monitor}}),
               static_cast<double>(refused));
}

void SelfMetrics::observe_state_write(bool ok, core::Timestamp now) {
  core::MutexLock lock(impl_->mutex);
  impl_
      ->counter(ok ? AE_NAME("state_writes_total") : AE_NAME("state_write_failures_total"),
                kProgram, {})
      .Increment();
  if (ok) {
    impl_->gauge(AE_NAME("state_last_write_timestamp_seconds"), kProgram, {}).Set(now.seconds());
  }
}

void SelfMetrics::count_state_skipped() {
  core::MutexLock lock(impl_->mutex);
  impl_->counter(AE_NAME("state_writes_skipped_total"), kProgram, {}).Increment();
}

void SelfMetrics::observe_reload(bool ok, core::Timestamp now) {
  core::MutexLock lock(impl_->mutex);
  impl_->gauge(AE_NAME("config_last_reload_successful"), kProgram, {}).Set(ok ? 1 : 0);
  if (ok) {
    impl_->gauge(AE_NAME("config_last_reload_success_timestamp_seconds"), kProgram, {})
        .Set(now.seconds());
  }
}

void SelfMetrics::observe_limits(std::size_t series, std::size_t limit) {
  core::MutexLock lock(impl_->mutex);
  impl_->gauge(AE_NAME("series"), kProgram, {}).Set(static_cast<double>(series));
  impl_->gauge(AE_NAME("series_limit"), kProgram, {}).Set(static_cast<double>(limit));
}

void SelfMetrics::observe_request(const std::string& handler, int status, double seconds) {
  core::MutexLock lock(impl_->mutex);
  impl_
      ->counter(AE_NAME("http_requests_total"), kProgram,
                {{"handler", handler}, {"code", std::to_string(status)}})
      .Increment();
  impl_
      ->histogram(AE_NAME("http_request_duration_seconds"), kProgram, {{"handler", handler}},
                  kRequestBuckets)
      .Observe(seconds);
}

#undef AE_NAME

}  // namespace anomaly_exporter::app
