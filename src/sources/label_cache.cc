#include "anomaly_exporter/sources/label_cache.h"

#include <memory>
#include <utility>

namespace anomaly_exporter::sources {

core::LabelsPtr LabelCache::find(std::string_view raw) {
  const core::MutexLock lock(mutex_);
  const auto found = entries_.find(raw);
  if (found == entries_.end()) return nullptr;
  found->second.last_used = generation_;
  return found->second.labels;
}

core::LabelsPtr LabelCache::insert(std::string_view raw, core::Labels labels) {
  const core::MutexLock lock(mutex_);
  if (const auto found = entries_.find(raw); found != entries_.end()) {
    found->second.last_used = generation_;
    return found->second.labels;
  }
  const auto [first, last] = by_hash_.equal_range(labels.hash());
  core::LabelsPtr pointer;
  for (auto it = first; it != last && !pointer; ++it) {
    if (auto known = it->second.lock(); known && *known == labels) pointer = std::move(known);
  }
  if (!pointer) {
    pointer = std::make_shared<const core::Labels>(std::move(labels));
    if (entries_.size() < capacity_) by_hash_.emplace(pointer->hash(), pointer);
  }
  if (entries_.size() < capacity_) entries_.emplace(std::string(raw), Entry{pointer, generation_});
  return pointer;
}

void LabelCache::age() {
  const core::MutexLock lock(mutex_);
  const std::uint32_t now = ++generation_;
  const std::size_t dropped = std::erase_if(
      entries_, [now](const auto& entry) { return now - entry.second.last_used > kGenerations; });
  if (dropped > 0) {
    std::erase_if(by_hash_, [](const auto& entry) { return entry.second.expired(); });
  }
}

std::size_t LabelCache::size() const {
  const core::MutexLock lock(mutex_);
  return entries_.size();
}

}  // namespace anomaly_exporter::sources
