#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::sources {

/// One condition of a selector. The metric name is a condition on `__name__`.
struct Matcher {
  /// In the order of remote-read's LabelMatcher.Type.
  enum class Type : std::uint8_t { Equal, NotEqual, Matches, NotMatches };

  Type type = Type::Equal;
  std::string name;
  std::string value;  ///< text or RE2 expression; PromQL anchors expressions at both ends

  friend bool operator==(const Matcher&, const Matcher&) = default;
};

using Matchers = std::vector<Matcher>;

/// Parses an instant vector selector of PromQL: `name`, `{a="b"}`, `name{a="b",c=~"d|e",}` with
/// strings in double quotes, single quotes (both with Go's escapes) or backticks, blanks and
/// `#` comments between the parts.
///
/// Errors: InvalidArgument with the byte offset: anything else; `offset`, `@` and `[range]` in
/// words of their own; a bad expression; a value that is not UTF-8; the metric name given twice; a
/// selector all of whose conditions hold for series without the label (Prometheus refuses those,
/// as they select everything). Threads: pure.
core::Result<Matchers> parse_selector(std::string_view text);

/// The selector as PromQL that every server reads: `{__name__="up",job=~"a|b"}`.
std::string selector_text(const Matchers& matchers);

}  // namespace anomaly_exporter::sources
