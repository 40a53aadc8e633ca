#include "anomaly_exporter/detectors/moments_columns.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace anomaly_exporter::detectors {

void MomentsColumns::resize(std::size_t rows) {
  anchor_.resize(rows);
  count_.resize(rows);
  sum_.resize(rows);
  squares_.resize(rows);
}

void MomentsColumns::update(std::size_t first_row, const stats::LaneHistory& history,
                            const float* entering, LaneMask add, const Leaving& leaving,
                            LaneMask refresh) {
  if ((add | leaving.lanes | refresh) == 0) return;
  const stats::MomentsStrip state{.anchor = anchor_.data() + first_row,
                                  .count = count_.data() + first_row,
                                  .sum = sum_.data() + first_row,
                                  .squares = squares_.data() + first_row};
  const stats::Kernels& kernels = stats::kernels();
  const LaneMask doubtful =
      kernels.moments_update(state, entering, add, leaving.values.data(), leaving.lanes);
  const LaneMask anew = doubtful | refresh;
  if (anew != 0) kernels.moments_recompute(state, history, entering, add, anew);
}

stats::MomentsView MomentsColumns::strip(std::size_t first_row) const {
  return {.anchor = anchor_.data() + first_row,
          .count = count_.data() + first_row,
          .sum = sum_.data() + first_row,
          .squares = squares_.data() + first_row};
}

LaneMask MomentsColumns::lanes_with(std::size_t first_row, std::size_t least) const {
  LaneMask lanes = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    lanes |= static_cast<LaneMask>(count_[first_row + lane] >= least) << lane;
  }
  return lanes;
}

void MomentsColumns::forget(std::size_t first_row, LaneMask lanes) {
  for (; lanes != 0; lanes &= lanes - 1) {
    const std::size_t row = first_row + static_cast<std::size_t>(std::countr_zero(lanes));
    anchor_[row] = 0.0F;
    count_[row] = 0;
    sum_[row] = 0.0;
    squares_[row] = 0.0;
  }
}

void MomentsColumns::save(std::size_t first_row, std::size_t rows, core::StateWriter& out) const {
  out.f32s(anchor_.span().subspan(first_row, rows));
  out.u32s(count_.span().subspan(first_row, rows));
  out.f64s(sum_.span().subspan(first_row, rows));
  out.f64s(squares_.span().subspan(first_row, rows));
}

core::Status MomentsColumns::restore(std::size_t first_row, std::size_t rows, std::size_t capacity,
                                     core::StateReader& in) {
  MomentsColumns read;
  read.resize(rows);
  in.f32s(read.anchor_.span());
  in.u32s(read.count_.span());
  in.f64s(read.sum_.span());
  in.f64s(read.squares_.span());
  for (std::size_t i = 0; i < rows && in.ok(); ++i) {
    if (read.count_[i] > capacity) in.fail("more samples than the window holds");
    if (!std::isfinite(read.anchor_[i]) || !std::isfinite(read.sum_[i]) ||
        !std::isfinite(read.squares_[i])) {
      in.fail("sum is not finite");
    }
  }
  if (in.ok()) copy_rows(first_row, read);
  return in.status();
}

void MomentsColumns::copy_rows(std::size_t first_row, const MomentsColumns& other) {
  std::ranges::copy(other.anchor_.span(), anchor_.data() + first_row);
  std::ranges::copy(other.count_.span(), count_.data() + first_row);
  std::ranges::copy(other.sum_.span(), sum_.data() + first_row);
  std::ranges::copy(other.squares_.span(), squares_.data() + first_row);
}

std::size_t MomentsColumns::memory_bytes() const {
  return anchor_.bytes() + count_.bytes() + sum_.bytes() + squares_.bytes();
}

}  // namespace anomaly_exporter::detectors
