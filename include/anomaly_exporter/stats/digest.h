#pragma once

#include <cstddef>
#include <cstdint>

#include "anomaly_exporter/core/cpu.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/stats/kernels.h"

namespace anomaly_exporter::stats {

/// Quantiles of everything a stream has brought so far, in 192 bytes (three lines of a cache):
/// sorted points, each standing for the mean of some values. A full digest joins the two neighbours
/// that are lightest for their rank, cost W^2 / (r (1 - r)) with W their weight and r the rank of
/// their middle, so that the tails stay fine. (A simplification of Dunning and Ertl, "Computing
/// extremely accurate quantiles using t-digests", 2019: fixed number of points, no buffer, the
/// joining rule of its scale function k1 squared.)
///
/// Weights are kept as running sums, which need no pass to find a rank. Beyond a weight that the
/// caller chooses, at most kMostWeight, all weights are halved: the past is forgotten slowly, and
/// floats still count exactly.
///
/// Plain data: zeroed memory is an empty digest.
struct Digest {
  static constexpr std::size_t kPoints = 24;
  static constexpr float kMostWeight = 4194304.0F;  ///< 2^22

  float mean[kPoints];  ///< ascending
  float sum[kPoints];   ///< weight up to and including the point; 0 = the point is not in use

  /// Points in use.
  [[nodiscard]] std::size_t used() const {
    std::size_t n = kPoints;
    while (n > 0 && sum[n - 1] == 0) --n;
    return n;
  }
  [[nodiscard]] float weight() const {
    const std::size_t n = used();
    return n == 0 ? 0.0F : sum[n - 1];
  }
};

/// The work on digests, compiled for plain x86-64 and for x86-64-v3 (see Kernels; equal bits).
///
/// `digests`: one per lane, `stride` elements apart. Lanes whose bit is clear are not touched and
/// their values not read. Values are finite.
struct DigestKernels {
  /// Takes one value into each lane's digest; a digest heavier than `most_weight` is halved after
  /// it. Cost: about 20 ns a lane.
  void (*add)(Digest* digests, std::size_t stride, const float* values, LaneMask lanes,
              float most_weight);

  /// How far each value lies outside the range from the `q` to the `1 - q` quantile, in units of
  /// that range (at least the lane's `floor` and 1e-3 |median| + 1e-9); 0 inside. REQUIRES: 0 < q <
  /// 0.5, no digest of `lanes` is empty. Cost: about 5 ns a lane.
  void (*excess)(const Digest* digests, std::size_t stride, const float* values, LaneMask lanes,
                 float q, const float* floor, float* out);

  /// The `q`, the middle and the `1 - q` quantile of each lane (see digest_quantile). REQUIRES: as
  /// excess. Cost: about 10 ns a lane.
  void (*quantiles)(const Digest* digests, std::size_t stride, LaneMask lanes, float q, float* low,
                    float* median, float* high);
};

const DigestKernels& digest_kernels(core::CpuLevel level);
/// The table for this machine, chosen at the first call.
const DigestKernels& digest_kernels();

/// The value below which the share `q` of the weight lies, interpolated between the middles of the
/// points. REQUIRES: 0 <= q <= 1, the digest is not empty.
float digest_quantile(const Digest& digest, float q);

/// The points in use; restoring gives the same digest to the last bit. Bytes that no digest can
/// have written are marked as corrupt in the reader, and the digest is then empty.
void save_digest(const Digest& digest, core::StateWriter& out);
void restore_digest(core::StateReader& in, Digest& digest);

}  // namespace anomaly_exporter::stats
