#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "anomaly_exporter/core/labels.h"

namespace anomaly_exporter::series {

/// Sentences about label sets, each given once.
///
/// Bounds: kMost sentences wait to be taken; kMostRemembered were given, after which nothing new is
/// said. Threads: one thread at a time.
class Remarks {
 public:
  static constexpr std::size_t kMost = 100;
  static constexpr std::size_t kMostRemembered = 10'000;

  /// True once per (`kind`, labels): the caller then adds its sentence.
  bool is_news(std::string_view kind, const core::Labels& labels);
  void add(std::string sentence) { waiting_.push_back(std::move(sentence)); }

  std::vector<std::string> take();
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  std::vector<std::string> waiting_;
  std::unordered_set<std::uint64_t> given_;
};

/// The label set for a sentence: as PromQL writes it, cut when long.
std::string shown(const core::Labels& labels);

}  // namespace anomaly_exporter::series
