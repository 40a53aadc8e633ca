#include "anomaly_exporter/api/page_buffers.h"

#include <utility>

namespace anomaly_exporter::api {
namespace {

constexpr std::size_t kKept = 2;
constexpr std::size_t kMinBytes = 64UL * 1024;
constexpr std::size_t kMaxBytes = 64UL * 1024 * 1024;

}  // namespace

std::string PageBuffers::take() {
  const core::MutexLock lock(mutex_);
  if (free_.empty()) return {};
  std::string page = std::move(free_.back());
  free_.pop_back();
  return page;
}

void PageBuffers::give(std::string page) {
  if (page.capacity() < kMinBytes || page.capacity() > kMaxBytes) return;
  page.clear();
  const core::MutexLock lock(mutex_);
  if (free_.size() < kKept) free_.push_back(std::move(page));
}

}  // namespace anomaly_exporter::api
