#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace anomaly_exporter::tools {

/// `text` with every `<<name>>` replaced by its value. Values are not looked into again.
std::string fill(std::string_view text,
                 std::initializer_list<std::pair<std::string_view, std::string_view>> values);

/// Text as a double-quoted string: of YAML, and of PromQL and Go, whose escapes are the same for
/// what is escaped here (quote, backslash, line feed).
std::string quoted(std::string_view text);

/// A label of the source as it is called on our outputs.
std::string output_label(const std::string& label);

}  // namespace anomaly_exporter::tools
