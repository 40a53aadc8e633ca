#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::support {

/// A source whose values are a function of entity, metric and time, and which can be switched off.
///
/// Entities are named `instance="<name>"`, job "fake". Threads: safe for concurrent use.
class FakeSource final : public sources::MetricSource {
 public:
  /// The value of a metric of an entity, or nothing.
  using Value = std::function<std::optional<double>(const std::string& entity,
                                                    const std::string& metric, core::Timestamp)>;

  FakeSource(std::vector<std::string> entities, Value value) : value_(std::move(value)) {
    for (auto& entity : entities) add(entity);
  }

  void add(const std::string& entity) {
    core::MutexLock lock(mutex_);
    auto labels = core::Labels::create({{"instance", entity}, {"job", "fake"}});
    entities_.emplace_back(entity, std::make_shared<const core::Labels>(std::move(labels).value()));
  }
  void remove(const std::string& entity) {
    core::MutexLock lock(mutex_);
    std::erase_if(entities_, [&](const auto& e) { return e.first == entity; });
  }
  void set_up(bool up) { up_ = up; }
  /// What the source will say of its scrapes; nothing at first.
  void set_scrape_interval(core::Duration interval) {
    core::MutexLock lock(mutex_);
    scrape_ = interval;
  }
  /// A metric that is refused for good.
  void refuse(const std::string& metric) {
    core::MutexLock lock(mutex_);
    refused_ = metric;
  }

  std::vector<core::Result<sources::InstantAnswer>> latest(
      std::span<const sources::MetricRequest> requests, core::Timestamp time,
      std::stop_token) override {
    std::vector<core::Result<sources::InstantAnswer>> answers;
    for (const auto& request : requests) {
      if (const auto error = error_of(request.metric)) {
        answers.emplace_back(*error);
        continue;
      }
      sources::InstantAnswer answer;
      for (const auto& [name, labels] : entities()) {
        if (const auto v = value_(name, request.metric, time)) {
          answer.samples.push_back({labels, {time, *v}});
        }
      }
      answers.emplace_back(std::move(answer));
    }
    ++ticks;
    return answers;
  }

  core::Status backfill(const sources::MetricRequest& request, core::Timestamp from,
                        core::Timestamp to, core::Duration step, const sources::RangeSink& sink,
                        std::stop_token) override {
    ++backfills;
    if (const auto error = error_of(request.metric)) return *error;
    for (const auto& [name, labels] : entities()) {
      std::vector<series::Sample> samples;
      for (core::Timestamp t = from; t <= to; t = t + step) {
        if (const auto v = value_(name, request.metric, t)) samples.push_back({t, *v});
      }
      if (auto status = sink(labels, samples); !status.ok()) return status;
    }
    return {};
  }

  core::Result<std::optional<core::Duration>> scrape_interval(const std::string&, core::Timestamp,
                                                              std::stop_token) override {
    core::MutexLock lock(mutex_);
    return scrape_;
  }
  core::Result<std::vector<std::string>> job_names(std::stop_token) override {
    return std::vector<std::string>{"fake", "node"};
  }
  [[nodiscard]] sources::SourceStats stats() const override { return {}; }

  std::atomic<int> ticks{0};
  std::atomic<int> backfills{0};

 private:
  std::vector<std::pair<std::string, core::LabelsPtr>> entities() const {
    core::MutexLock lock(mutex_);
    return entities_;
  }
  std::optional<core::Error> error_of(const std::string& metric) const {
    if (!up_) return core::Error{core::ErrorCode::Unavailable, "connection refused"};
    core::MutexLock lock(mutex_);
    if (metric == refused_) return core::Error{core::ErrorCode::InvalidArgument, "HTTP 400"};
    return std::nullopt;
  }

  mutable core::Mutex mutex_;
  std::vector<std::pair<std::string, core::LabelsPtr>> entities_ AE_GUARDED_BY(mutex_);
  std::string refused_ AE_GUARDED_BY(mutex_);
  std::optional<core::Duration> scrape_ AE_GUARDED_BY(mutex_);
  Value value_;
  std::atomic<bool> up_{true};
};

}  // namespace anomaly_exporter::support
