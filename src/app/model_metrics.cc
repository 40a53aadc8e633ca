#include "anomaly_exporter/app/model_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <map>
#include <utility>

#include "anomaly_exporter/core/mutex.h"

namespace anomaly_exporter::app {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using MetricLabels = std::map<std::string, std::string>;

namespace {

/// A second to an hour.
const Histogram::BucketBoundaries kTrainingBuckets{1, 5, 15, 60, 300, 900, 3600};
constexpr std::array<const char*, 5> kResults{"adopted", "rejected", "too_few", "failed",
                                              "stopped"};

}  // namespace

struct ModelMetrics::Impl {
  struct Detector {
    Gauge* info = nullptr;
    Gauge* age = nullptr;
    Gauge* drift = nullptr;
    Counter* rollbacks = nullptr;
    std::map<std::string, Counter*> trainings;
    Histogram* duration = nullptr;
    unsigned version = 0;
  };

  prometheus::Registry registry;
  core::Mutex mutex;
  Family<Gauge>& info = prometheus::BuildGauge()
                            .Name("anomaly_exporter_model_info")
                            .Help("Constant 1, labelled with the version of the model in use.")
                            .Register(registry);
  Family<Gauge>& age = prometheus::BuildGauge()
                           .Name("anomaly_exporter_model_age_seconds")
                           .Help("Time since the model in use was fitted.")
                           .Register(registry);
  Family<Gauge>& drift =
      prometheus::BuildGauge()
          .Name("anomaly_exporter_model_drift")
          .Help("Population stability index of recent inputs against the model's; 0.25 is large.")
          .Register(registry);
  Family<Counter>& rollbacks =
      prometheus::BuildCounter()
          .Name("anomaly_exporter_model_rollbacks_total")
          .Help("Models taken back because they called far more anomalous than those before.")
          .Register(registry);
  Counter& expired =
      prometheus::BuildCounter()
          .Name("anomaly_exporter_models_expired_total")
          .Help("Detectors whose models were removed because no configuration named them any more.")
          .Register(registry)
          .Add({});
  Family<Counter>& trainings = prometheus::BuildCounter()
                                   .Name("anomaly_exporter_trainings_total")
                                   .Help("Attempts to fit a model, by what came of them.")
                                   .Register(registry);
  Family<Histogram>& duration = prometheus::BuildHistogram()
                                    .Name("anomaly_exporter_training_duration_seconds")
                                    .Help("Time to read data and fit a model, sleep included.")
                                    .Register(registry);
  std::map<std::pair<std::string, std::string>, Detector> detectors AE_GUARDED_BY(mutex);

  Detector& of(const std::string& monitor, const std::string& detector) AE_REQUIRES(mutex) {
    const auto [it, is_new] = detectors.try_emplace({monitor, detector});
    if (!is_new) return it->second;
    const MetricLabels labels{{"monitor", monitor}, {"detector", detector}};
    Detector& d = it->second;
    d.rollbacks = &rollbacks.Add(labels);
    d.duration = &duration.Add(labels, kTrainingBuckets);
    for (const char* result : kResults) {
      MetricLabels with = labels;
      with["result"] = result;
      d.trainings[result] = &trainings.Add(with);
    }
    return d;
  }

  void remove(Detector& d) AE_REQUIRES(mutex) {
    if (d.info != nullptr) info.Remove(d.info);
    if (d.age != nullptr) age.Remove(d.age);
    if (d.drift != nullptr) drift.Remove(d.drift);
    rollbacks.Remove(d.rollbacks);
    duration.Remove(d.duration);
    for (const auto& [result, counter] : d.trainings) trainings.Remove(counter);
  }
};

ModelMetrics::ModelMetrics() : impl_(std::make_unique<Impl>()) {}
ModelMetrics::~ModelMetrics() = default;

void ModelMetrics::add_detector(const std::string& monitor, const std::string& detector) {
  core::MutexLock lock(impl_->mutex);
  (void)impl_->of(monitor, detector);
}

void ModelMetrics::remove_monitor(const std::string& monitor) {
  core::MutexLock lock(impl_->mutex);
  for (auto it = impl_->detectors.begin(); it != impl_->detectors.end();) {
    if (it->first.first != monitor) {
      ++it;
      continue;
    }
    impl_->remove(it->second);
    it = impl_->detectors.erase(it);
  }
}

void ModelMetrics::observe_model(const std::string& monitor, const std::string& detector,
                                 unsigned version, double age_seconds) {
  core::MutexLock lock(impl_->mutex);
  auto& d = impl_->of(monitor, detector);
  const MetricLabels labels{{"monitor", monitor}, {"detector", detector}};
  if (d.version != version) {
    if (d.info != nullptr) impl_->info.Remove(d.info);
    d.info = nullptr;
    d.version = version;
    if (version != 0) {
      MetricLabels with = labels;
      with["version"] = std::to_string(version);
      d.info = &impl_->info.Add(with);
      d.info->Set(1);
    }
  }
  if (version == 0) return;
  if (d.age == nullptr) d.age = &impl_->age.Add(labels);
  d.age->Set(age_seconds);
}

void ModelMetrics::observe_training(const std::string& monitor, const std::string& detector,
                                    const std::string& result, double seconds) {
  core::MutexLock lock(impl_->mutex);
  auto& d = impl_->of(monitor, detector);
  if (const auto found = d.trainings.find(result); found != d.trainings.end()) {
    found->second->Increment();
  }
  d.duration->Observe(seconds);
}

void ModelMetrics::observe_drift(const std::string& monitor, const std::string& detector,
                                 double index) {
  core::MutexLock lock(impl_->mutex);
  auto& d = impl_->of(monitor, detector);
  if (d.drift == nullptr) {
    d.drift = &impl_->drift.Add({{"monitor", monitor}, {"detector", detector}});
  }
  d.drift->Set(index);
}

void ModelMetrics::count_rollback(const std::string& monitor, const std::string& detector) {
  core::MutexLock lock(impl_->mutex);
  impl_->of(monitor, detector).rollbacks->Increment();
}

void ModelMetrics::count_expired(std::size_t folders) {
  impl_->expired.Increment(static_cast<double>(folders));
}

std::vector<prometheus::MetricFamily> ModelMetrics::collect() const {
  return impl_->registry.Collect();
}

}  // namespace anomaly_exporter::app
