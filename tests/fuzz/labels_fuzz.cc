// Label sets from hostile bytes. An input is a list of texts separated by 0x1E: name, value, name,
// value and so on. An accepted set must be in order, free of empty values and independent of the
// order in which it was given.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/labels.h"

namespace {

namespace core = anomaly_exporter::core;

constexpr std::size_t kMaxInputBytes = 1U << 16;
constexpr char kSeparator = '\x1E';

void require(bool holds) {
  if (!holds) std::abort();
}

/// Takes the text up to the next separator off the front of `rest`.
std::string next_text(std::string_view& rest) {
  const std::string_view text = rest.substr(0, rest.find(kSeparator));
  rest.remove_prefix(std::min(text.size() + 1, rest.size()));
  return std::string(text);
}

void check_order(const core::Labels& labels) {
  const auto items = labels.items();
  for (std::size_t i = 0; i < items.size(); ++i) {
    require(!items[i].name.empty() && !items[i].value.empty());
    require(core::is_valid_utf8(items[i].name) && core::is_valid_utf8(items[i].value));
    require(i == 0 || items[i - 1].name < items[i].name);
    require(labels.value(items[i].name) == items[i].value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > kMaxInputBytes) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<core::Label> given;
  while (!rest.empty()) {
    std::string name = next_text(rest);
    std::string value = next_text(rest);
    given.push_back({std::move(name), std::move(value)});
  }

  const auto labels = core::Labels::create(given);
  std::reverse(given.begin(), given.end());
  const auto reversed = core::Labels::create(given);
  require(labels.ok() == reversed.ok());
  if (!labels.ok()) {
    require(core::is_valid_utf8(labels.error().message) && labels.error().message.size() < 512);
    return 0;
  }
  require(*labels == *reversed && labels->hash() == reversed->hash());
  check_order(*labels);
  require(labels->text().find('\n') == std::string::npos);

  std::vector<std::string> names;
  for (const core::Label& label : labels->items()) {
    if (core::is_legacy_label_name(label.name)) names.push_back(label.name);
  }
  require(labels->keep(names).size() == names.size());
  require(labels->drop(names).size() == labels->size() - names.size());
  return 0;
}
