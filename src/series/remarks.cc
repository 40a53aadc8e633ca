#include "remarks.h"

#include <functional>
#include <utility>

namespace anomaly_exporter::series {

bool Remarks::is_news(std::string_view kind, const core::Labels& labels) {
  if (waiting_.size() >= kMost || given_.size() >= kMostRemembered) return false;
  const std::uint64_t key =
      labels.hash() ^ (std::hash<std::string_view>{}(kind)*0x9E3779B97F4A7C15ULL);
  return given_.insert(key).second;
}

std::vector<std::string> Remarks::take() { return std::exchange(waiting_, {}); }

std::size_t Remarks::memory_bytes() const {
  constexpr std::size_t kNode = 32;
  std::size_t bytes = given_.size() * kNode + given_.bucket_count() * sizeof(void*);
  for (const std::string& sentence : waiting_) bytes += sizeof(sentence) + sentence.capacity();
  return bytes;
}

std::string shown(const core::Labels& labels) {
  constexpr std::size_t kMostBytes = 300;
  std::string text = labels.text();
  if (text.size() <= kMostBytes) return text;
  std::size_t end = kMostBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // whole UTF-8
  text.resize(end);
  return text + "...";
}

}  // namespace anomaly_exporter::series
