#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::sources {

/// Runs the requests of a tick on a few threads of its own and lets equal ones share one run.
///
/// An answer is kept until somebody asks for another time, so that monitors of one tick share it
/// whether they ask at once or one after the other; failures are not kept. The table holds at most
/// the distinct requests of one time and those still running.
/// Ownership: owns its threads; the destructor stops the runs and joins. Threads: safe for
/// concurrent use.
class SharedQueries {
 public:
  using Answer = core::Result<InstantAnswer>;
  using Run = std::function<Answer(std::stop_token)>;
  struct Entry;
  using Ticket = std::shared_ptr<Entry>;

  explicit SharedQueries(unsigned threads);
  ~SharedQueries();
  SharedQueries(const SharedQueries&) = delete;
  SharedQueries& operator=(const SharedQueries&) = delete;

  /// Queues `run` unless the same question was asked before. Every ticket must be waited for.
  Ticket ask(const std::string& question, core::Timestamp time, Run run);
  /// The answer, or Unavailable when `stop` comes first; a run nobody waits for is stopped.
  Answer wait(const Ticket& ticket, const std::stop_token& stop);

 private:
  using Key = std::pair<std::int64_t, std::string>;

  void work(const std::stop_token& stop);
  /// Removes the entry from the table, if the table still holds it.
  void forget(const Ticket& ticket) AE_REQUIRES(mutex_);

  core::Mutex mutex_;
  std::condition_variable_any queued_;
  std::condition_variable_any done_;
  std::map<Key, Ticket> table_ AE_GUARDED_BY(mutex_);
  std::deque<Ticket> queue_ AE_GUARDED_BY(mutex_);
  std::vector<std::jthread> threads_;
};

}  // namespace anomaly_exporter::sources
