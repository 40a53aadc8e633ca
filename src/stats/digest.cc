#include "anomaly_exporter/stats/digest.h"

#include <cmath>

#include "digest_tables.h"

namespace anomaly_exporter::stats {

const DigestKernels& digest_kernels(core::CpuLevel level) {
  return level == core::CpuLevel::V3 ? kV3DigestKernels : kBaseDigestKernels;
}

const DigestKernels& digest_kernels() {
  static const DigestKernels& chosen = digest_kernels(core::detected_cpu_level());
  return chosen;
}

void save_digest(const Digest& digest, core::StateWriter& out) {
  const std::size_t used = digest.used();
  out.u8(static_cast<std::uint8_t>(used));
  for (std::size_t j = 0; j < used; ++j) {
    out.f32(digest.mean[j]);
    out.f32(digest.sum[j]);
  }
}

void restore_digest(core::StateReader& in, Digest& digest) {
  Digest read{};
  const std::size_t used = in.u8();
  if (used > Digest::kPoints) in.fail("digest has too many points");
  for (std::size_t j = 0; in.ok() && j < used; ++j) {
    read.mean[j] = in.f32();
    read.sum[j] = in.f32();
    const bool ascends =
        j == 0 || (read.mean[j] >= read.mean[j - 1] && read.sum[j] > read.sum[j - 1]);
    if (!std::isfinite(read.mean[j]) || !std::isfinite(read.sum[j]) || !(read.sum[j] > 0) ||
        !ascends) {
      in.fail("digest is not in order");
    }
  }
  digest = in.ok() ? read : Digest{};
}

}  // namespace anomaly_exporter::stats
