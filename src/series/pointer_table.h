#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/series/column.h"
#include "anomaly_exporter/series/layout.h"

namespace anomaly_exporter::series {

/// Rows by the identity of a label set: the look-up of the hot path.
///
/// Open addressing with linear probing, at most half full; removal shifts entries back, so there
/// are no tombstones to clean up. A pointer stands for a series as long as somebody keeps the label
/// set alive; the owner of this table does.
///
/// Threads: one thread at a time for changes. Cost: a look-up touches one cache line as a rule;
/// 32 to 64 B per entry.
class PointerTable {
 public:
  [[nodiscard]] std::optional<Row> find(const core::Labels* labels) const {
    if (entries_.size() == 0) return std::nullopt;
    for (std::size_t at = home(labels); entries_[at].labels != nullptr; at = next(at)) {
      if (entries_[at].labels == labels) return entries_[at].row;
    }
    return std::nullopt;
  }

  /// Starts to load the cache line that `find` will want.
  void prefetch(const core::Labels* labels) const {
    if (entries_.size() != 0) __builtin_prefetch(&entries_[home(labels)]);
  }

  /// REQUIRES: `labels` is not in the table.
  void insert(const core::Labels* labels, Row row) {
    if (2 * (size_ + 1) > entries_.size()) grow();
    place({labels, row});
    ++size_;
  }

  void erase(const core::Labels* labels) {
    if (entries_.size() == 0) return;
    std::size_t at = home(labels);
    while (entries_[at].labels != labels) {
      if (entries_[at].labels == nullptr) return;
      at = next(at);
    }
    --size_;
    // Whoever probed past the gap moves into it.
    std::size_t gap = at;
    for (at = next(at); entries_[at].labels != nullptr; at = next(at)) {
      const std::size_t wish = home(entries_[at].labels);
      const bool may_move = ((at - wish) & mask()) >= ((at - gap) & mask());
      if (!may_move) continue;
      entries_[gap] = entries_[at];
      gap = at;
    }
    entries_[gap] = {};
  }

  [[nodiscard]] std::size_t bytes() const { return entries_.bytes(); }

 private:
  struct Entry {
    const core::Labels* labels = nullptr;
    Row row = 0;
  };

  [[nodiscard]] std::size_t mask() const { return entries_.size() - 1; }
  [[nodiscard]] std::size_t next(std::size_t at) const { return (at + 1) & mask(); }
  [[nodiscard]] std::size_t home(const core::Labels* labels) const {
    // Fibonacci hashing (Knuth, The Art of Computer Programming, vol. 3, section 6.4): the high
    // bits of the product are the well mixed ones.
    const auto address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(labels));
    return static_cast<std::size_t>((address * 0x9E3779B97F4A7C15ULL) >> shift_);
  }

  void place(Entry entry) {
    std::size_t at = home(entry.labels);
    while (entries_[at].labels != nullptr) at = next(at);
    entries_[at] = entry;
  }

  void grow() {
    Column<Entry> old = std::move(entries_);
    const std::size_t size = old.size() == 0 ? 16 : 2 * old.size();
    entries_ = Column<Entry>(size);
    shift_ = 64 - std::countr_zero(size);
    for (const Entry& entry : old.span()) {
      if (entry.labels != nullptr) place(entry);
    }
  }

  Column<Entry> entries_;
  std::size_t size_ = 0;
  int shift_ = 60;
};

}  // namespace anomaly_exporter::series
