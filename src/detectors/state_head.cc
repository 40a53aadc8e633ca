#include "anomaly_exporter/detectors/state_head.h"

#include <string>

namespace anomaly_exporter::detectors {

void write_state_head(core::StateWriter& out, std::initializer_list<std::size_t> sizes) {
  out.u16(kStateVersion);
  for (const std::size_t size : sizes) out.u32(static_cast<std::uint32_t>(size));
}

core::Status read_state_head(core::StateReader& in, std::initializer_list<std::size_t> sizes) {
  const std::uint16_t version = in.u16();
  if (!in.ok()) return in.status();
  if (version > kStateVersion) {
    return core::Error{core::ErrorCode::Unsupported,
                       "detector state has version " + std::to_string(version) +
                           ", this program reads up to " + std::to_string(kStateVersion)};
  }
  if (version == 0) in.fail("detector state has version 0");
  for (const std::size_t size : sizes) {
    const std::uint32_t saved = in.u32();
    if (in.ok() && saved != size) {
      in.fail("detector state was saved with size " + std::to_string(saved) + ", not " +
              std::to_string(size));
    }
  }
  return in.status();
}

}  // namespace anomaly_exporter::detectors
