#include "request_slots.h"

namespace anomaly_exporter::sources {

bool RequestSlots::take(Use use, const std::stop_token& stop) {
  const unsigned bound = use == Use::Backfill && slots_ > 1 ? slots_ - 1 : slots_;
  const std::stop_callback wake(stop, [this] {
    const core::MutexLock lock(mutex_);
    freed_.notify_all();
  });
  const core::MutexLock lock(mutex_);
  while (used_ >= bound && !stop.stop_requested()) freed_.wait(mutex_);
  if (stop.stop_requested()) return false;
  ++used_;
  return true;
}

void RequestSlots::release() {
  const core::MutexLock lock(mutex_);
  --used_;
  freed_.notify_all();
}

}  // namespace anomaly_exporter::sources
