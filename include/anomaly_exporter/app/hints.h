#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace anomaly_exporter::app {

/// Number of single-character edits between two texts (Levenshtein 1966). Cost: O(a x b).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// What to tell a user whose query or selector matches nothing: the `job` values it asks for that
/// do not exist, with the nearest ones that do. E.g.
/// `no series; job "nodes" does not exist, did you mean "node"?; existing jobs: node, prometheus`.
std::string empty_metric_hint(std::string_view request, std::vector<std::string> jobs);

}  // namespace anomaly_exporter::app
