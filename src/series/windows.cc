#include "anomaly_exporter/series/windows.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>

#include "anomaly_exporter/series/column.h"

namespace anomaly_exporter::series {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kPad = kCacheLine / sizeof(float);

/// The bits of the lanes below `stride`.
LaneMask allocated(std::size_t stride) { return stride == kLanes ? ~LaneMask{0} : bit(stride) - 1; }

}  // namespace

/// The windows of up to 64 entities. Zeroed memory from the C library stays untouched, and so costs
/// nothing, until ticks write to it.
struct Windows::Block {
  std::size_t stride = 0;
  Column<float> storage;     // [metric][slot][lane], preceded by up to kPad unused floats
  float* values = nullptr;   // the first cache line in `storage`
  Column<LaneMask> present;  // [metric][slot]
  Column<LaneMask> learned;  // [metric][slot]

  Block(std::size_t metrics, std::size_t slots)
      : present(metrics * slots), learned(metrics * slots) {}

  /// Widens every slot to `lanes` lanes.
  void grow(std::size_t metrics, std::size_t slots, std::size_t lanes) {
    const std::size_t rows = metrics * slots;
    Column<float> wider(rows * lanes + kPad);
    const auto address = reinterpret_cast<std::uintptr_t>(wider.data());
    float* base = wider.data() + (kCacheLine - address % kCacheLine) % kCacheLine / sizeof(float);
    for (std::size_t row = 0; stride > 0 && row < rows; ++row) {
      std::memcpy(base + row * lanes, values + row * stride, stride * sizeof(float));
    }
    storage = std::move(wider);
    values = base;
    stride = lanes;
  }
};

Windows::Windows(std::size_t metrics, std::size_t window) : metrics_(metrics), slots_(window + 1) {
  assert(metrics >= 1 && window >= 2);
}
Windows::~Windows() = default;
Windows::Windows(Windows&&) noexcept = default;
Windows& Windows::operator=(Windows&&) noexcept = default;

void Windows::resize(std::size_t entities) {
  for (std::size_t first = 0; first < entities; first += kLanes) {
    const std::size_t block = first / kLanes;
    if (block == blocks_.size()) blocks_.push_back(std::make_unique<Block>(metrics_, slots_));
    const std::size_t lanes = std::bit_ceil(std::min(entities - first, kLanes));
    if (blocks_[block]->stride < lanes) blocks_[block]->grow(metrics_, slots_, lanes);
  }
}

void Windows::open(std::size_t block, TickIndex tick, LaneMask lanes) {
  Block& b = *blocks_[block];
  for (std::size_t at = strip(block, 0).slot(tick); at < metrics_ * slots_; at += slots_) {
    b.present[at] &= ~lanes;
    b.learned[at] &= ~lanes;
  }
}

void Windows::write(std::size_t block, std::size_t metric, std::size_t lane, TickIndex tick,
                    float value) {
  Block& b = *blocks_[block];
  assert(lane < b.stride);
  const std::size_t at = metric * slots_ + strip(block, metric).slot(tick);
  b.values[at * b.stride + lane] = value;
  b.present[at] |= bit(lane);
}

void Windows::mark_learned(std::size_t block, std::size_t metric, TickIndex tick, LaneMask lanes) {
  Block& b = *blocks_[block];
  const std::size_t at = metric * slots_ + strip(block, metric).slot(tick);
  b.learned[at] |= lanes & b.present[at];
}

void Windows::forget(Entity entity) {
  if (block_of(entity) >= blocks_.size()) return;
  Block& b = *blocks_[block_of(entity)];
  const LaneMask others = ~bit(lane_of(entity));
  for (std::size_t at = 0; at < metrics_ * slots_; ++at) {
    b.present[at] &= others;
    b.learned[at] &= others;
  }
}

StripView Windows::strip(std::size_t block, std::size_t metric) const {
  const Block& b = *blocks_[block];
  const std::size_t first = metric * slots_;
  return {.values = b.values + first * b.stride,
          .present = b.present.data() + first,
          .learned = b.learned.data() + first,
          .stride = b.stride,
          .slots = slots_};
}

std::size_t Windows::memory_bytes() const {
  std::size_t bytes = blocks_.capacity() * sizeof(blocks_[0]);
  for (const auto& b : blocks_) {
    bytes += sizeof(Block) + b->storage.bytes() + b->present.bytes() + b->learned.bytes();
  }
  return bytes;
}

void Windows::save(std::size_t block, core::StateWriter& out) const {
  const Block& b = *blocks_[block];
  out.u8(kVersion);
  out.u32(static_cast<std::uint32_t>(metrics_));
  out.u32(static_cast<std::uint32_t>(slots_));
  out.u32(static_cast<std::uint32_t>(b.stride));
  out.u64s(b.present.span());
  out.u64s(b.learned.span());
  out.f32s({b.values, metrics_ * slots_ * b.stride});
}

core::Status Windows::restore(std::size_t block, core::StateReader& in) {
  Block& b = *blocks_[block];
  const std::uint8_t version = in.u8();
  const std::uint32_t metrics = in.u32();
  const std::uint32_t slots = in.u32();
  const std::uint32_t stride = in.u32();
  if (version != kVersion || metrics != metrics_ || slots != slots_ || stride != b.stride) {
    in.fail("windows of another version or shape");
    return in.status();
  }
  Block fresh(metrics_, slots_);
  fresh.grow(metrics_, slots_, b.stride);
  in.u64s(fresh.present.span());
  in.u64s(fresh.learned.span());
  in.f32s({fresh.values, metrics_ * slots_ * fresh.stride});
  if (!in.ok()) return in.status();
  for (std::size_t at = 0; at < metrics_ * slots_; ++at) {
    if ((fresh.present[at] & ~allocated(fresh.stride)) != 0 ||
        (fresh.learned[at] & ~fresh.present[at]) != 0) {
      in.fail("presence bits of lanes that do not exist");
      return in.status();
    }
    for (LaneMask lanes = fresh.present[at]; lanes != 0; lanes &= lanes - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
      if (!std::isfinite(fresh.values[at * fresh.stride + lane])) {
        in.fail("window value that is not finite");
        return in.status();
      }
    }
  }
  b = std::move(fresh);
  return {};
}

}  // namespace anomaly_exporter::series
