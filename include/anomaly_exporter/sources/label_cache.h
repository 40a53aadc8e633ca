#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/mutex.h"
#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::sources {

/// Remembers the label set for the bytes in which a server sent it, so that a series known from an
/// earlier answer costs one hash and one comparison, and keeps one LabelsPtr from tick to tick.
///
/// Keys are the raw bytes (a JSON object's text, a protobuf label run), compared in full: hash
/// collisions cannot mix series up. Bounded: entries not used for `kGenerations` calls of `age` are
/// dropped, and at most `capacity` are kept (further sets are made but not remembered).
///
/// Threads: safe for concurrent use (one mutex, held for a look-up). Errors: those of the maker.
class LabelCache {
 public:
  static constexpr std::uint32_t kGenerations = 32;

  explicit LabelCache(std::size_t capacity = 1'000'000) : capacity_(capacity) {}

  /// The remembered set, or null.
  core::LabelsPtr find(std::string_view raw);
  /// Remembers `labels` under `raw`. Returns the pointer to use: an equal set that is remembered
  /// under other bytes keeps its pointer.
  core::LabelsPtr insert(std::string_view raw, core::Labels labels);
  /// Starts a new generation; call once per tick.
  void age();

  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    core::LabelsPtr labels;
    std::uint32_t last_used = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  mutable core::Mutex mutex_;
  std::size_t capacity_;
  std::uint32_t generation_ AE_GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries_ AE_GUARDED_BY(mutex_);
  /// Finds the pointer of an equal set; expired entries go with `age`.
  std::unordered_multimap<std::uint64_t, std::weak_ptr<const core::Labels>> by_hash_
      AE_GUARDED_BY(mutex_);
};

}  // namespace anomaly_exporter::sources
