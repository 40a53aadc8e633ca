#pragma once

#include <cstdint>
#include <string_view>

namespace anomaly_exporter::core {

/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, RFC 3720 section 12.1), as Prometheus uses
/// it in remote-read frames. Uses the SSE4.2 instruction where the processor has it.
///
/// `previous` is the checksum of the bytes before these: crc32c(b, crc32c(a)) == crc32c(a + b).
/// Threads: safe for concurrent use. Cost: about 0.13 ns per byte with the instruction, 0.6
/// without.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t previous = 0);

/// The same by look-up tables, which `crc32c` falls back to; for tests that compare the two.
std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t previous = 0);

}  // namespace anomaly_exporter::core
