#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/config/config.h"

namespace anomaly_exporter::config {

/// A ready-made set of metrics for a well-known exporter.
struct Preset {
  std::vector<std::string> group_by;
  std::string probe_selector;  ///< cheap selector, one series per entity where possible
  std::vector<MetricConfig> metrics;
};

/// "node", "dwcp", "user_behaviour", "data_quality".
const std::vector<std::string>& preset_names();

/// Variants of a preset, the default one first. Empty for an unknown preset.
std::vector<std::string> preset_variants(std::string_view preset);

/// True for presets that have a longer list of metrics.
bool has_extended_form(std::string_view preset);

/// The preset with `matchers` (e.g. `job="node"`, may be empty) put into every selector, and summed
/// by the labels of `group_by` (nothing = the preset's own) where it sums.
///
/// `node`: the eight features us, sy, idle, avm, fre, tps, ipkts, opkts of a host, from
/// node_exporter on Linux or AIX. Percentages may overshoot 100 a little, see presets.cc.
/// `dwcp`: the seven metrics of an overlay network by (cluster, instance). `default` reads one
/// plain gauge per metric; `novacron` reads the names that novacron registers. Normal ranges stand
/// as valid range, beside the critical limits. `user_behaviour`: rates of logins, accesses and
/// transactions, and of those that failed.
/// REQUIRES: preset and variant are known; data_quality has a function of its own.
Preset make_preset(std::string_view preset, std::string_view variant, bool is_extended,
                   std::string_view matchers,
                   const std::optional<std::vector<std::string>>& group_by = std::nullopt);

/// What the preset data_quality watches.
struct DataQuality {
  std::string selector;          ///< raw series of one metric name, e.g. `orders{job="shop"}`
  std::string agrees_with = {};  ///< PromQL whose sum must be that of the selector; "" = none
  double tolerance_percent = 1;
  double valid_min = -std::numeric_limits<double>::infinity();  ///< of a single value
  double valid_max = std::numeric_limits<double>::infinity();
};

/// Six dimensions of the quality of any data, by the labels of `group_by`: completeness (share of
/// the series of the last hour that are there), validity (share of values within bounds), volume
/// (samples in the rate window), staleness (age of the newest sample), cardinality (series) and,
/// with `agrees_with`, consistency (difference of the two sums in percent of the second).
Preset make_data_quality(const DataQuality& watched, const std::vector<std::string>& group_by);

}  // namespace anomaly_exporter::config
