#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace anomaly_exporter::config {

/// What a look at the words of a PromQL text tells, without parsing it.
struct PromqlScan {
  /// Open bracket, open string, unknown `$placeholder`; empty when the text hangs together. Whether
  /// it is valid PromQL only the server knows.
  std::string fault;
  /// Words that can be metric names: identifiers outside label lists, and values of `__name__`.
  std::vector<std::string> names;
  /// Selectors that stand before a `[range]`, e.g. `http_requests_total{code="500"}`.
  std::vector<std::string> ranged_selectors;
  bool uses_rate_window = false;  ///< holds the placeholder $rate_window
};

/// Reads strings, comments, brackets and words as PromQL has them. Cost: one pass.
PromqlScan scan_promql(std::string_view text);

/// The matchers between the braces of `{job="node",instance=~"a.*"}`, without the braces and
/// without a comma at the end; nothing when the text is anything else, `{}` included.
std::optional<std::string> matchers_of(std::string_view selector);

/// True for the families that this program serves itself.
bool is_own_family(std::string_view metric);

}  // namespace anomaly_exporter::config
