#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::config {

/// One node of a YAML document, with the line on which it begins.
///
/// Why a tree of our own: yaml-cpp's nodes share aliased content, forget repeated keys and hide
/// whether a scalar was quoted; a strict decoder needs all three.
struct YamlNode {
  enum class Kind { Null, Scalar, List, Map };

  Kind kind = Kind::Null;
  int line = 1;                 ///< counted from 1
  std::string text;             ///< of a scalar
  bool is_quoted = false;       ///< "10" is text, 10 is a number
  bool is_secret = false;       ///< set by the decoder; `write_yaml` shows `<secret>` instead
  std::vector<YamlNode> keys;   ///< of a map: scalars, in file order, repeats included
  std::vector<YamlNode> items;  ///< elements of a list, or values of a map, parallel to `keys`
};

/// What a document may hold before it is refused.
inline constexpr std::size_t kMaxDocumentBytes = 1 << 20;
inline constexpr std::size_t kMaxDepth = 32;
inline constexpr std::size_t kMaxNodes = 100'000;
inline constexpr std::size_t kMaxTextBytes = 4 << 20;

/// What is wrong with a document, and where.
struct YamlFault {
  int line = 1;
  std::string message;
};

/// Reads one YAML document. Aliases are copied out, so that every node has one place; the limits
/// above hold after copying, hence aliases of aliases cannot grow without bound.
/// Returns false and fills `fault` for: bad YAML, a limit, a second document, a tag, a key that is
/// not a scalar, an alias of the node that holds it. An empty document is a Null node.
/// Cost: one pass; at most kMaxNodes nodes.
bool read_yaml(std::string_view text, YamlNode& root, YamlFault& fault);

/// Writes the tree as YAML in block style, secrets as `<secret>`, without comments and anchors.
std::string write_yaml(const YamlNode& root);

}  // namespace anomaly_exporter::config
