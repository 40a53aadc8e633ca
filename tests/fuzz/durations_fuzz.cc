// Texts that become durations, times and numbers: whatever is accepted must survive being printed
// and read again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/core/time.h"

namespace {

constexpr std::size_t kMaxInputBytes = 4096;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace core = anomaly_exporter::core;
  if (size > kMaxInputBytes) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  if (const auto duration = core::parse_duration(text); duration.ok()) {
    require(duration->count() >= 0);
    const auto again = core::parse_duration(core::format_duration(*duration));
    require(again.ok() && *again == *duration);
  } else {
    require(duration.error().message.size() < 256);
  }

  if (const auto time = core::parse_timestamp(text); time.ok()) {
    const auto printed = core::format_rfc3339(*time);
    if (const auto again = core::parse_timestamp(printed); again.ok()) {
      require(*again == *time);
    } else {
      require(printed.ends_with("ms"));
    }
  }

  if (const auto number = core::parse_number(text); number.has_value()) {
    const auto printed = core::number_text(*number);
    require(printed.size() <= core::kMaxNumberText);
    const auto again = core::parse_number(printed);
    require(again.has_value());
    require(*again == *number || (*number != *number && *again != *again));
  }
  return 0;
}
