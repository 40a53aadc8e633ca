#include "anomaly_exporter/exposition/snapshot.h"

#include <algorithm>
#include <utility>

namespace anomaly_exporter::exposition {
namespace {

template <class T>
std::size_t heap_bytes(const std::vector<T>& v) {
  return v.capacity() * sizeof(T);
}

}  // namespace

std::size_t OutputLabels::memory_bytes() const {
  return sizeof(*this) + text.capacity() + heap_bytes(row_begin) + heap_bytes(entity_begin) +
         heap_bytes(row) + heap_bytes(entity_of_row) + heap_bytes(metric_of_row);
}

void SnapshotStore::publish(std::shared_ptr<const MonitorSnapshot> snapshot) {
  std::shared_ptr<const MonitorSnapshot> replaced;  // freed after the lock is given back
  const core::MutexLock lock(mutex_);
  const auto known = std::find_if(list_.begin(), list_.end(), [&](const auto& other) {
    return other->monitor == snapshot->monitor;
  });
  if (known == list_.end()) {
    list_.push_back(std::move(snapshot));
  } else {
    replaced = std::exchange(*known, std::move(snapshot));
  }
}

void SnapshotStore::retain(const std::vector<std::string>& monitors) {
  List dropped;
  const core::MutexLock lock(mutex_);
  List kept;
  for (const std::string& name : monitors) {
    const auto known = std::find_if(list_.begin(), list_.end(), [&](const auto& snapshot) {
      return snapshot && snapshot->monitor == name;
    });
    if (known != list_.end()) kept.push_back(std::move(*known));
  }
  dropped = std::exchange(list_, std::move(kept));
}

SnapshotStore::List SnapshotStore::load() const {
  const core::MutexLock lock(mutex_);
  return list_;
}

}  // namespace anomaly_exporter::exposition
