#pragma once

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

/// "node", "dwcp".
const std::vector<std::string>& preset_names();

/// Variants of a preset, the default one first. Empty for an unknown preset.
std::vector<std::string> preset_variants(std::string_view preset);

/// True for presets that have a longer list of metrics.
bool has_extended_form(std::string_view preset);

/// The preset with `matchers` (e.g. `job="node"`, may be empty) put into every selector.
///
/// `node`: the eight features us, sy, idle, avm, fre, tps, ipkts, opkts of a host, from
/// node_exporter on Linux or AIX. Percentages may overshoot 100 a little, see presets.cc.
/// `dwcp`: the seven metrics of an overlay network by (cluster, instance). `default` reads one
/// plain gauge per metric; `novacron` reads the names that novacron registers. Normal ranges stand
/// as valid range, beside the critical limits. REQUIRES: preset and variant are known.
Preset make_preset(std::string_view preset, std::string_view variant, bool is_extended,
                   std::string_view matchers);

}  // namespace anomaly_exporter::config
