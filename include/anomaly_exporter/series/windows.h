#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/series/layout.h"

namespace anomaly_exporter::series {

/// Read-only view of one metric's strip in one block.
///
/// Shapes: the value of lane l at slot s is `values[s * stride + l]`; `present[s]` and
/// `learned[s]` hold one bit per lane. Only bits below `stride` can be set; a value whose present
/// bit is clear is undefined and must not be read.
struct StripView {
  const float* values = nullptr;
  const LaneMask* present = nullptr;  ///< a sample arrived at that tick
  const LaneMask* learned = nullptr;  ///< and the detectors learned from it
  std::size_t stride = 0;             ///< lanes allocated in this block: a power of two <= 64
  std::size_t slots = 0;

  /// Slot of a tick. REQUIRES: the tick is one of the last `slots` ticks, and not negative.
  [[nodiscard]] std::size_t slot(TickIndex tick) const {
    return static_cast<std::size_t>(tick % static_cast<TickIndex>(slots));
  }
};

/// The sliding windows of a monitor: for every row the last `window` values on the monitor's tick
/// grid, as float rings with the tick implied by the slot, a presence bit and a learned bit.
///
/// Layout: per block and metric a tick-major ring `[slot][lane]`, see layout.h. A block starts with
/// few lanes and doubles them as entities are admitted, so a monitor of one host does not pay for
/// 64. There are window + 1 slots, so that at tick t the value of tick t - window can still be
/// taken out of running sums.
///
/// Units: whatever unit the metric has; rates and deltas, never raw counters (a float loses counts
/// above 2^24). Ticks of a block come in order without holes: `open` starts a tick, clearing its
/// slot, before values are written. Ticks are not negative.
/// Threads: distinct blocks may be used by distinct threads at the same time; `resize` only alone.
/// Cost: 4 B + 2 bits per row and slot in a full block; `open` two words per metric.
class Windows {
 public:
  /// REQUIRES: metrics >= 1, window >= 2.
  Windows(std::size_t metrics, std::size_t window);
  ~Windows();
  Windows(Windows&&) noexcept;
  Windows& operator=(Windows&&) noexcept;

  [[nodiscard]] std::size_t metrics() const { return metrics_; }
  [[nodiscard]] std::size_t window() const { return slots_ - 1; }
  [[nodiscard]] std::size_t blocks() const { return blocks_.size(); }

  /// Makes room for entities [0, entities). Existing content stays.
  void resize(std::size_t entities);

  /// Clears the slot of `tick` for the lanes in `lanes` in every metric of the block.
  void open(std::size_t block, TickIndex tick, LaneMask lanes);

  /// REQUIRES: open(block, tick, ...) with this lane came before; value is finite.
  void write(std::size_t block, std::size_t metric, std::size_t lane, TickIndex tick, float value);

  /// Marks the present values of `tick` in `lanes` as learned.
  void mark_learned(std::size_t block, std::size_t metric, TickIndex tick, LaneMask lanes);

  /// Forgets everything of one entity (its lane in every metric of its block).
  void forget(Entity entity);

  [[nodiscard]] StripView strip(std::size_t block, std::size_t metric) const;

  /// Heap bytes in use.
  [[nodiscard]] std::size_t memory_bytes() const;

  /// State of one block with a format version; restore needs the same metrics, window and lanes
  /// admitted. Errors of restore: Corrupt.
  void save(std::size_t block, core::StateWriter& out) const;
  core::Status restore(std::size_t block, core::StateReader& in);

 private:
  struct Block;
  std::size_t metrics_;
  std::size_t slots_;
  std::vector<std::unique_ptr<Block>> blocks_;
};

}  // namespace anomaly_exporter::series
