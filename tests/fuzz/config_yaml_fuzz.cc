#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "anomaly_exporter/config/config.h"

/// Whatever the bytes, the decoder answers with a configuration or a message; what it accepted and
/// shows must be accepted again, unless a secret was hidden.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anomaly_exporter;
  if (size > (1U << 16)) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = config::parse_config(text, "fuzz.yml");
  if (!config) {
    if (config.error().message.empty()) std::abort();
    return 0;
  }
  if (config->text.find("<secret>") != std::string::npos) return 0;
  if (!config::parse_config(config->text, "again.yml")) std::abort();
  return 0;
}
