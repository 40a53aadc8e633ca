// A selector that is accepted reads back, from the way we write it, as itself.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "anomaly_exporter/sources/selector_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anomaly_exporter;
  constexpr std::size_t kMaxSelector = 4096;
  if (size > kMaxSelector) return 0;
  const auto matchers = sources::parse_selector({reinterpret_cast<const char*>(data), size});
  if (!matchers.ok()) return 0;
  const auto again = sources::parse_selector(sources::selector_text(*matchers));
  if (!again.ok() || !(*again == *matchers)) std::abort();
  return 0;
}
