#include "anomaly_exporter/series/profiles.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "anomaly_exporter/series/half.h"

namespace anomaly_exporter::series {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint16_t kNothing = 0x7e00;  // a NaN
constexpr std::int64_t kStepMs = Profiles::kStep.count();
constexpr double kMaxFloat = std::numeric_limits<float>::max();

/// 1 - (1 - w)^2 = 0.3: the two half hours of an hour together weigh 0.3.
constexpr double kWeight = 0.16333997346592444;

/// A new scale puts the largest value of the row near 2^4: twelve binades of head room, and
/// eighteen below it before precision fades.
constexpr int kTargetExponent = 4;
/// Below this a stored value is small enough to ask whether the whole row is.
constexpr double kSmall = 1.0 / 1024;

/// Number of the half hour that holds `time`; 0 when out of range.
std::int32_t step_number(core::Timestamp time) {
  constexpr std::int64_t kLast = std::numeric_limits<std::int32_t>::max() - 1;
  if (time.ms < 0 || time.ms / kStepMs >= kLast) return 0;
  return static_cast<std::int32_t>(time.ms / kStepMs + 1);
}

std::size_t ring_slot(std::int32_t step) {
  return static_cast<std::size_t>(step) % Profiles::kSteps;
}

/// Hours of the week count from Thursday 00:00, as the epoch does; local, by the offset.
/// REQUIRES: step > 0.
std::size_t week_hour(std::int32_t step, core::Duration utc_offset) {
  constexpr std::int64_t kHourMs = 2 * kStepMs;
  constexpr std::int64_t kWeekMs = kHourMs * static_cast<std::int64_t>(Profiles::kHours);
  const std::int64_t into_week = ((step - 1) * kStepMs + utc_offset.count() % kWeekMs) % kWeekMs;
  return static_cast<std::size_t>((into_week + (into_week < 0 ? kWeekMs : 0)) / kHourMs);
}

bool holds(std::uint16_t cell) { return cell != 0; }

/// 2^exponent, exact. REQUIRES: -1022 <= exponent <= 1023.
double power_of_two(int exponent) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52U);
}

double decoded(std::uint16_t cell, int exponent) {
  return static_cast<double>(from_half(cell ^ kNothing)) * power_of_two(exponent);
}

float clamped(double value) { return static_cast<float>(std::clamp(value, -kMaxFloat, kMaxFloat)); }

/// REQUIRES: the value fits at that exponent.
std::uint16_t encoded(double value, int exponent) {
  return to_half(static_cast<float>(value * power_of_two(-exponent))) ^ kNothing;
}

}  // namespace

/// One row, open for change.
class Profiles::RowEditor {
 public:
  RowEditor(Head& head, Cell* cells) : head_(&head), cells_(cells) {}

  [[nodiscard]] Head& head() { return *head_; }
  [[nodiscard]] Cell* cells() { return cells_; }

  void clear() {
    *head_ = {};
    std::fill_n(cells_, kCells, Cell{0});
  }

  /// Takes the mean of one whole half hour into both parts, unless it is there or too old.
  void put(std::int32_t step, float mean, core::Duration utc_offset) {
    if (!make_slot(step)) return;
    choose_scale(mean);
    const double value = mean;
    cells_[ring_slot(step)] = encoded(value, head_->exponent);

    const std::size_t hour = week_hour(step, utc_offset);
    Cell& centre = cells_[kSteps + hour];
    Cell& scale = cells_[kSteps + kHours + hour];
    if (!holds(centre)) {
      centre = encoded(value, head_->exponent);
      return;
    }
    const bool second = !holds(scale);
    const double weight = second ? 0.5 : kWeight;
    const double old_centre = decoded(centre, head_->exponent);
    const double deviation = std::min(std::abs(value - old_centre), kMaxFloat);
    const double old_scale = second ? deviation : decoded(scale, head_->exponent);
    choose_scale(deviation);
    centre = encoded(old_centre + weight * (value - old_centre), head_->exponent);
    scale = encoded(old_scale + weight * (deviation - old_scale), head_->exponent);
  }

  /// Closes the half hour that is open. `utc_offset` may be that of a later time: a change of
  /// daylight saving puts at most the one half hour before it into a neighbouring hour.
  void close(core::Duration utc_offset) {
    if (head_->open_count > 0) {
      put(head_->open_step, clamped(head_->open_sum / head_->open_count), utc_offset);
    }
    head_->open_sum = 0;
    head_->open_count = 0;
  }

 private:
  /// Moves the ring on to `step` where it is new. False when it is too old or holds a mean.
  bool make_slot(std::int32_t step) {
    constexpr auto kRing = static_cast<std::int32_t>(kSteps);
    std::int32_t& newest = head_->newest_step;
    if (step <= newest) {
      return newest - step < kRing && !holds(cells_[ring_slot(step)]);
    }
    if (newest == 0 || step - newest >= kRing) {
      std::fill_n(cells_, kSteps, Cell{0});
    } else {
      for (std::int32_t s = newest + 1; s <= step; ++s) cells_[ring_slot(s)] = 0;
    }
    newest = step;
    return true;
  }

  /// Makes `value` representable: re-scales the row when it would overflow, or when it and
  /// everything else in the row are so small that they would lose their bits.
  void choose_scale(double value) {
    const double stored = std::abs(value) * power_of_two(-head_->exponent);
    if (stored == 0 || (stored >= kSmall && stored <= static_cast<double>(kHalfMax))) return;
    double largest = stored;
    for (std::size_t i = 0; i < kCells; ++i) {
      if (holds(cells_[i])) largest = std::max(largest, std::abs(decoded(cells_[i], 0)));
    }
    if (largest >= kSmall && largest <= static_cast<double>(kHalfMax)) return;
    const int shift = std::ilogb(largest) - kTargetExponent;
    for (std::size_t i = 0; i < kCells; ++i) {
      if (holds(cells_[i])) cells_[i] = encoded(decoded(cells_[i], 0), shift);
    }
    head_->exponent = static_cast<std::int16_t>(head_->exponent + shift);
  }

  Head* head_;
  Cell* cells_;
};

void Profiles::resize(std::size_t rows) {
  const std::size_t strips = (rows + kLanes - 1) / kLanes;
  if (strips > strips_.size()) strips_.resize(strips);
}

const Profiles::Head* Profiles::head(Row row) const {
  const std::size_t lane = row % kLanes;
  if (row / kLanes >= strips_.size()) return nullptr;
  const Strip& strip = strips_[row / kLanes];
  return lane < strip.heads.size() ? &strip.heads[lane] : nullptr;
}

const Profiles::Cell* Profiles::cells(Row row) const {
  return strips_[row / kLanes].cells.data() + row % kLanes * kCells;
}

Profiles::RowEditor Profiles::edit(Row row) {
  const std::size_t lane = row % kLanes;
  Strip& strip = strips_[row / kLanes];
  if (lane >= strip.heads.size()) {
    const std::size_t lanes = std::bit_ceil(lane + 1);
    strip.heads.resize(lanes);
    strip.cells.resize(lanes * kCells);
  }
  return {strip.heads[lane], strip.cells.data() + lane * kCells};
}

void Profiles::observe(Row row, core::Timestamp time, float value, core::Duration utc_offset) {
  const std::int32_t step = step_number(time);
  if (step == 0) return;
  RowEditor editor = edit(row);
  Head& head = editor.head();
  if (step != head.open_step) {
    if (step < head.open_step) {
      if (head.open_step - step <= static_cast<std::int32_t>(kSteps)) return;
      editor.clear();
    }
    editor.close(utc_offset);
    head.open_step = step;
  }
  head.open_sum += static_cast<double>(value);
  ++head.open_count;
}

void Profiles::fill(Row row, core::Timestamp start, float mean, core::Duration utc_offset) {
  const std::int32_t step = step_number(start);
  RowEditor editor = edit(row);
  if (step == 0 || step == editor.head().open_step) return;
  editor.put(step, mean, utc_offset);
}

bool Profiles::step(Row row, core::Timestamp start, float& mean) const {
  const Head* h = head(row);
  const std::int32_t step = step_number(start);
  if (h == nullptr || step == 0 || step > h->newest_step ||
      h->newest_step - step >= static_cast<std::int32_t>(kSteps)) {
    return false;
  }
  const Cell cell = cells(row)[ring_slot(step)];
  if (!holds(cell)) return false;
  mean = clamped(decoded(cell, h->exponent));
  return true;
}

bool Profiles::usual(Row row, core::Timestamp time, float& centre, float& scale,
                     core::Duration utc_offset) const {
  const Head* h = head(row);
  const std::int32_t step = step_number(time);
  if (h == nullptr || step == 0) return false;
  const Cell* row_cells = cells(row);
  const std::size_t hour = week_hour(step, utc_offset);
  const Cell level = row_cells[kSteps + hour];
  if (!holds(level)) return false;
  const Cell spread = row_cells[kSteps + kHours + hour];
  centre = clamped(decoded(level, h->exponent));
  scale = holds(spread) ? clamped(decoded(spread, h->exponent)) : 0.0F;
  return true;
}

void Profiles::forget(Row row) {
  if (head(row) != nullptr) edit(row).clear();
}

std::size_t Profiles::memory_bytes() const {
  std::size_t bytes = strips_.capacity() * sizeof(Strip);
  for (const Strip& strip : strips_) bytes += strip.heads.bytes() + strip.cells.bytes();
  return bytes;
}

void Profiles::save(Row row, core::StateWriter& out) const {
  const Head* h = head(row);
  out.u8(kVersion);
  out.u8(h == nullptr ? 0 : 1);
  if (h == nullptr) return;
  out.u32(static_cast<std::uint32_t>(h->newest_step));
  out.u32(static_cast<std::uint32_t>(h->open_step));
  out.f64(h->open_sum);
  out.u32(h->open_count);
  out.u16(static_cast<std::uint16_t>(h->exponent));
  out.u16s({cells(row), kCells});
}

core::Status Profiles::restore(Row row, core::StateReader& in) {
  if (in.u8() != kVersion) in.fail("profile of an unknown version");
  const std::uint8_t content = in.u8();
  if (content > 1) in.fail("profile flag out of range");
  if (!in.ok()) return in.status();
  if (content == 0) {
    forget(row);
    return {};
  }
  Head h;
  h.newest_step = static_cast<std::int32_t>(in.u32());
  h.open_step = static_cast<std::int32_t>(in.u32());
  h.open_sum = in.f64();
  h.open_count = in.u32();
  h.exponent = static_cast<std::int16_t>(in.u16());
  std::vector<Cell> stored(kCells);
  in.u16s(stored);
  if (!in.ok()) return in.status();

  // Floats reach from 2^-149 to 2^128; no scale that put() chooses lies outside these bounds.
  constexpr int kLeastExponent = -149 - kTargetExponent;
  constexpr int kMostExponent = 128;
  const bool head_fits = h.newest_step >= 0 && h.open_step >= 0 &&
                         h.newest_step < std::numeric_limits<std::int32_t>::max() &&
                         h.open_step < std::numeric_limits<std::int32_t>::max() &&
                         (h.open_count == 0 || h.open_step > 0) &&
                         std::abs(h.open_sum) <= kMaxFloat * h.open_count &&
                         h.exponent >= kLeastExponent && h.exponent <= kMostExponent;
  bool cells_fit = true;
  for (std::size_t i = 0; i < kCells; ++i) {
    const auto half = static_cast<std::uint16_t>(stored[i] ^ kNothing);
    cells_fit = cells_fit && (!holds(stored[i]) || is_finite_half(half));
    if (i >= kSteps + kHours && holds(stored[i])) {  // a spread: of a level, and not negative
      cells_fit = cells_fit && holds(stored[i - kHours]) && (half & 0x8000U) == 0;
    }
  }
  if (!head_fits || !cells_fit) {
    in.fail("profile values that make no sense");
    return in.status();
  }
  RowEditor editor = edit(row);
  editor.head() = h;
  std::copy(stored.begin(), stored.end(), editor.cells());
  return {};
}

}  // namespace anomaly_exporter::series
