// The envelope of state files, and the reader of what lies inside, over hostile bytes.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/storage/state_file.h"

namespace {

namespace core = anomaly_exporter::core;
namespace storage = anomaly_exporter::storage;

constexpr std::size_t kMaxInputBytes = 1U << 16;

void require(bool holds) {
  if (!holds) std::abort();
}

/// Reads `bytes` as the kinds of value that its own bytes choose, until it is used up or fails.
void read_everything(std::string_view bytes) {
  core::StateReader reader(bytes);
  std::array<std::uint16_t, 2> u16s{};
  std::array<double, 3> f64s{};
  while (reader.ok() && reader.remaining() > 0) {
    const std::size_t before = reader.remaining();
    switch (reader.u8() % 6) {
      case 0:
        (void)reader.u32();
        break;
      case 1:
        (void)reader.f64();
        break;
      case 2:
        require(reader.text().size() <= before);
        break;
      case 3:
        reader.u16s(u16s);
        break;
      case 4:
        reader.f64s(f64s);
        break;
      default:
        (void)reader.i64();
        break;
    }
    require(reader.remaining() < before);
  }
  if (!reader.ok()) {
    require(reader.u64() == 0 && reader.text().empty());
    require(reader.status().error().code == core::ErrorCode::Corrupt);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > kMaxInputBytes) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);

  const auto payload = storage::open_envelope(bytes);
  if (payload.ok()) {
    // The same payload is sealed to the same bytes: nothing in an envelope is ignored.
    require(storage::state_header(*payload) + std::string(*payload) == bytes);
    read_everything(*payload);
  }
  // A checksum keeps a fuzzer from the payload; so every input is also taken for one.
  const std::string sealed = storage::state_header(bytes) + std::string(bytes);
  const auto opened = storage::open_envelope(sealed);
  require(opened.ok() && *opened == bytes);
  read_everything(bytes);
  return 0;
}
