// XOR chunks of any content decode or are refused; what is accepted has the stated length.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "anomaly_exporter/sources/xor_chunk.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anomaly_exporter;
  std::vector<series::Sample> out;
  const bool ok = sources::decode_xor_chunk({reinterpret_cast<const char*>(data), size}, out).ok();
  const std::size_t count = ok ? std::size_t{data[0]} << 8 | data[1] : 0;
  if (out.size() != count) std::abort();
  return 0;
}
