#include "shared_queries.h"

#include <optional>

namespace anomaly_exporter::sources {

/// One question in the table. All but `key` and `run` belong to the table's mutex.
struct SharedQueries::Entry {
  Key key;
  Run run;
  std::stop_source stop;
  unsigned waiters = 0;
  std::optional<Answer> answer;
};

SharedQueries::SharedQueries(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

SharedQueries::~SharedQueries() {
  {
    const core::MutexLock lock(mutex_);
    for (std::jthread& thread : threads_) thread.request_stop();
    queued_.notify_all();
  }
  threads_.clear();
}

SharedQueries::Ticket SharedQueries::ask(const std::string& question, core::Timestamp time,
                                         Run run) {
  const core::MutexLock lock(mutex_);
  std::erase_if(table_, [time](const auto& item) {
    return item.first.first != time.ms && item.second->answer.has_value();
  });
  Ticket& ticket = table_[{time.ms, question}];
  if (!ticket) {
    ticket = std::make_shared<Entry>();
    ticket->key = {time.ms, question};
    ticket->run = std::move(run);
    queue_.push_back(ticket);
    queued_.notify_one();
  }
  ++ticket->waiters;
  return ticket;
}

SharedQueries::Answer SharedQueries::wait(const Ticket& ticket, const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] {
    const core::MutexLock lock(mutex_);
    done_.notify_all();
  });
  {
    const core::MutexLock lock(mutex_);
    while (!ticket->answer && !stop.stop_requested()) done_.wait(mutex_);
    --ticket->waiters;
    if (ticket->answer) return *ticket->answer;
    if (ticket->waiters > 0) return core::Error{core::ErrorCode::Unavailable, "stopped"};
    forget(ticket);
  }
  ticket->stop.request_stop();
  return core::Error{core::ErrorCode::Unavailable, "stopped"};
}

void SharedQueries::forget(const Ticket& ticket) {
  const auto found = table_.find(ticket->key);
  if (found != table_.end() && found->second == ticket) table_.erase(found);
}

void SharedQueries::work(const std::stop_token& stop) {
  for (;;) {
    Ticket ticket;
    {
      const core::MutexLock lock(mutex_);
      while (queue_.empty() && !stop.stop_requested()) queued_.wait(mutex_);
      if (stop.stop_requested()) return;
      ticket = std::move(queue_.front());
      queue_.pop_front();
    }
    const std::stop_callback pass_on(stop, [&ticket] { ticket->stop.request_stop(); });
    Answer answer = ticket->run(ticket->stop.get_token());
    const core::MutexLock lock(mutex_);
    if (!answer) forget(ticket);
    ticket->answer.emplace(std::move(answer));
    done_.notify_all();
  }
}

}  // namespace anomaly_exporter::sources
