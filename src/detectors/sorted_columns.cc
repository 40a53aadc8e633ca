#include "anomaly_exporter/detectors/sorted_columns.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace anomaly_exporter::detectors {

void SortedColumns::resize(std::size_t rows) {
  values_.resize(rows * window_);
  count_.resize(rows);
}

void SortedColumns::update(std::size_t first_row, const stats::LaneHistory& history,
                           const float* entering, LaneMask add, const Leaving& leaving) {
  const stats::SortedStrip state{.values = values_.data() + first_row * window_,
                                 .count = count_.data() + first_row,
                                 .capacity = window_};
  LaneMask refused =
      stats::kernels().sorted_update(state, entering, add, leaving.values.data(), leaving.lanes);
  for (; refused != 0; refused &= refused - 1) {
    rebuild(first_row, static_cast<std::size_t>(std::countr_zero(refused)), history, entering, add);
  }
}

void SortedColumns::rebuild(std::size_t first_row, std::size_t lane,
                            const stats::LaneHistory& history, const float* entering,
                            LaneMask add) {
  float* row = values_.data() + (first_row + lane) * window_;
  std::size_t n = 0;
  std::size_t slot = history.oldest;
  for (std::size_t tick = 0; tick < history.ticks; ++tick) {
    if ((history.learned[slot] & series::bit(lane)) != 0) {
      row[n++] = history.values[slot * history.stride + lane] + 0.0F;
    }
    if (++slot == history.slots) slot = 0;
  }
  if ((add & series::bit(lane)) != 0) row[n++] = entering[lane] + 0.0F;
  std::sort(row, row + n);
  count_[first_row + lane] = static_cast<std::uint16_t>(n);
}

stats::SortedView SortedColumns::strip(std::size_t first_row) const {
  return {.values = values_.data() + first_row * window_,
          .count = count_.data() + first_row,
          .capacity = window_};
}

LaneMask SortedColumns::lanes_with(std::size_t first_row, std::size_t least) const {
  LaneMask lanes = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    lanes |= static_cast<LaneMask>(count_[first_row + lane] >= least) << lane;
  }
  return lanes;
}

void SortedColumns::forget(std::size_t first_row, LaneMask lanes) {
  for (; lanes != 0; lanes &= lanes - 1) {
    count_[first_row + static_cast<std::size_t>(std::countr_zero(lanes))] = 0;
  }
}

void SortedColumns::save(std::size_t first_row, std::size_t rows, core::StateWriter& out) const {
  for (std::size_t row = first_row; row < first_row + rows; ++row) {
    out.u16(count_[row]);
    out.f32s(values_.span().subspan(row * window_, count_[row]));
  }
}

core::Status SortedColumns::restore(std::size_t first_row, std::size_t rows,
                                    core::StateReader& in) {
  std::vector<std::uint16_t> counts(rows);
  std::vector<float> values;
  for (std::size_t i = 0; i < rows && in.ok(); ++i) {
    counts[i] = in.u16();
    if (counts[i] > window_) {
      in.fail("more samples than the window holds");
      break;
    }
    const std::size_t begin = values.size();
    values.resize(begin + counts[i]);
    const std::span<float> row = std::span(values).subspan(begin);
    in.f32s(row);
    if (!std::ranges::all_of(row, [](float v) { return std::isfinite(v); })) {
      in.fail("sample is not finite");
    } else if (!std::ranges::is_sorted(row)) {
      in.fail("samples are not in ascending order");
    }
  }
  if (!in.ok()) return in.status();
  const float* next = values.data();
  for (std::size_t i = 0; i < rows; ++i) {
    std::copy_n(next, counts[i], values_.data() + (first_row + i) * window_);
    next += counts[i];
    count_[first_row + i] = counts[i];
  }
  return {};
}

}  // namespace anomaly_exporter::detectors
