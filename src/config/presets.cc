#include "presets.h"

#include <limits>
#include <span>

namespace anomaly_exporter::config {
namespace {

using ensemble::Direction;

constexpr double kNone = std::numeric_limits<double>::infinity();

struct PresetMetric {
  const char* name;
  const char* query;
  const char* unit;
  Direction direction = Direction::Both;
  double min_deviation_absolute = 0;
  double min_deviation_relative = 0;
  double valid_min = -kNone;
  double valid_max = kNone;
  double critical_below = -kNone;
  double critical_above = kNone;
};

/// Largest CPU share that counts as valid. A share comes from rate() over counters that are read
/// later than the scrape's timestamp by a delay that varies: one second in the shortest rate window
/// of 20 s makes 105 % out of 100 %. More is a broken counter.
constexpr double kFullCpuPercent = 105;

// Below: `$matchers` stands for the user's label matchers, `$by` for the labels of group_by;
// `$rate_window` is filled in at run time.
// Least deviations are what a person would not look at: two points of CPU, a handful of packets.

constexpr PresetMetric kNodeLinux[] = {
    {"us",
     "100 * sum by ($by) (rate(node_cpu_seconds_total{mode=~\"user|nice\",$matchers}"
     "[$rate_window])) / count by ($by) "
     "(node_cpu_seconds_total{mode=\"idle\",$matchers})",
     "percent", Direction::Both, 2, 0, 0, kFullCpuPercent},
    {"sy",
     "100 * sum by ($by) (rate(node_cpu_seconds_total{mode=~\"system|irq|softirq\","
     "$matchers}[$rate_window])) / count by ($by) "
     "(node_cpu_seconds_total{mode=\"idle\",$matchers})",
     "percent", Direction::Both, 1, 0, 0, kFullCpuPercent},
    {"idle",
     "100 * avg by ($by) (rate(node_cpu_seconds_total{mode=\"idle\",$matchers}"
     "[$rate_window]))",
     "percent", Direction::Both, 2, 0, 0, kFullCpuPercent},
    {"avm", "node_memory_Active_bytes{$matchers} / 1048576", "MiB", Direction::Both, 0, 0.02, 0},
    {"fre", "node_memory_MemFree_bytes{$matchers} / 1048576", "MiB", Direction::Both, 0, 0.02, 0},
    {"tps",
     "sum by ($by) (rate(node_disk_reads_completed_total{"
     "device!~\"dm-.*|md.*|loop.*|ram.*|sr.*\",$matchers}[$rate_window]) + "
     "rate(node_disk_writes_completed_total{device!~\"dm-.*|md.*|loop.*|ram.*|sr.*\",$matchers}"
     "[$rate_window]))",
     "transfers per second", Direction::Both, 5, 0, 0},
    {"ipkts",
     "sum by ($by) (rate(node_network_receive_packets_total{"
     "device!~\"lo|veth.*|docker.*|br-.*|tap.*|tun.*|vnet.*\",$matchers}[$rate_window]))",
     "packets per second", Direction::Both, 10, 0, 0},
    {"opkts",
     "sum by ($by) (rate(node_network_transmit_packets_total{"
     "device!~\"lo|veth.*|docker.*|br-.*|tap.*|tun.*|vnet.*\",$matchers}[$rate_window]))",
     "packets per second", Direction::Both, 10, 0, 0},
};

constexpr PresetMetric kNodeLinuxExtended[] = {
    {"swap_used",
     "(node_memory_SwapTotal_bytes{$matchers} - node_memory_SwapFree_bytes{$matchers}) / 1048576",
     "MiB", Direction::Above, 16, 0.02, 0},
    {"run_queue", "node_procs_running{$matchers}", "processes", Direction::Above, 4, 0, 0},
    {"blocked", "node_procs_blocked{$matchers}", "processes", Direction::Above, 2, 0, 0},
    {"iowait",
     "100 * avg by ($by) (rate(node_cpu_seconds_total{mode=\"iowait\",$matchers}"
     "[$rate_window]))",
     "percent", Direction::Above, 2, 0, 0, kFullCpuPercent},
    {"fs_used",
     "100 * max by ($by) (1 - node_filesystem_avail_bytes{"
     "fstype!~\"tmpfs|ramfs|overlay|squashfs|iso9660|erofs\",$matchers} / "
     "(node_filesystem_size_bytes{fstype!~\"tmpfs|ramfs|overlay|squashfs|iso9660|erofs\",$matchers}"
     " > 0))",
     "percent", Direction::Above, 0.5, 0, 0, 100},
};

constexpr PresetMetric kNodeAix[] = {
    {"us",
     "100 * sum by ($by) (rate(node_cpu_seconds_total{mode=\"user\",$matchers}"
     "[$rate_window])) / count by ($by) "
     "(node_cpu_seconds_total{mode=\"idle\",$matchers})",
     "percent", Direction::Both, 2, 0, 0, kFullCpuPercent},
    {"sy",
     "100 * sum by ($by) (rate(node_cpu_seconds_total{mode=\"system\",$matchers}"
     "[$rate_window])) / count by ($by) "
     "(node_cpu_seconds_total{mode=\"idle\",$matchers})",
     "percent", Direction::Both, 1, 0, 0, kFullCpuPercent},
    {"idle",
     "100 * avg by ($by) (rate(node_cpu_seconds_total{mode=\"idle\",$matchers}"
     "[$rate_window]))",
     "percent", Direction::Both, 2, 0, 0, kFullCpuPercent},
    {"avm", "node_memory_process_bytes{$matchers} / 1048576", "MiB", Direction::Both, 0, 0.02, 0},
    {"fre", "node_memory_free_bytes{$matchers} / 1048576", "MiB", Direction::Both, 0, 0.02, 0},
    {"tps", "sum by ($by) (rate(node_disk_transfers_total{$matchers}[$rate_window]))",
     "transfers per second", Direction::Both, 5, 0, 0},
    {"ipkts",
     "sum by ($by) (rate(node_netinterface_receive_packets_total{"
     "interface!~\"lo.*\",$matchers}[$rate_window]))",
     "packets per second", Direction::Both, 10, 0, 0},
    {"opkts",
     "sum by ($by) (rate(node_netinterface_transmit_packets_total{"
     "interface!~\"lo.*\",$matchers}[$rate_window]))",
     "packets per second", Direction::Both, 10, 0, 0},
};

// AIX's node_exporter does not count blocked processes.
constexpr PresetMetric kNodeAixExtended[] = {
    {"swap_used",
     "(node_memory_paging_space_total_bytes{$matchers} - "
     "node_memory_paging_space_free_bytes{$matchers}) / 1048576",
     "MiB", Direction::Above, 16, 0.02, 0},
    {"run_queue", "node_load1{$matchers}", "processes", Direction::Above, 4, 0, 0},
    {"iowait",
     "100 * avg by ($by) (rate(node_cpu_seconds_total{mode=\"wait\",$matchers}"
     "[$rate_window]))",
     "percent", Direction::Above, 2, 0, 0, kFullCpuPercent},
    {"fs_used",
     "100 * max by ($by) (1 - node_filesystem_avail_bytes{$matchers} / "
     "(node_filesystem_size_bytes{$matchers} > 0))",
     "percent", Direction::Above, 0.5, 0, 0, 100},
};

constexpr PresetMetric kDwcp[] = {
    {"bandwidth", "dwcp_bandwidth_mbps{$matchers}", "Mbps", Direction::Both, 1, 0, 80, 120, 50,
     200},
    {"latency", "dwcp_latency_ms{$matchers}", "ms", Direction::Both, 0.5, 0, 8, 15, -kNone, 50},
    // Of loss and errors whatever is still normal: one segment sent again among 50,000 is nothing.
    {"packet_loss", "dwcp_packet_loss_percent{$matchers}", "percent", Direction::Above, 0.1, 0, 0,
     0.1, -kNone, 2},
    {"jitter", "dwcp_jitter_ms{$matchers}", "ms", Direction::Both, 0.1, 0, 0.5, 2, -kNone, 10},
    {"cpu_usage", "dwcp_cpu_usage_percent{$matchers}", "percent", Direction::Both, 2, 0, 40, 70,
     -kNone, 90},
    {"memory_usage", "dwcp_memory_usage_percent{$matchers}", "percent", Direction::Both, 1, 0, 50,
     80, -kNone, 95},
    {"error_rate", "dwcp_error_rate_percent{$matchers}", "percent", Direction::Above, 0.01, 0, 0,
     0.01, -kNone, 0.1},
};

/// The names novacron registers, each brought to one series per (cluster, instance). Its own record
/// of the error rate divides sets of different labels and so matches nothing; here both sides are
/// summed by the same labels. It registers no memory percentage: used over total.
constexpr const char* kNovacronMemory =
    "100 * sum by ($by) "
    "(novacron_system_memory_usage_bytes{type=\"used\",$matchers}) / sum by ($by) "
    "(novacron_system_memory_usage_bytes{type=\"total\",$matchers})";
constexpr const char* kNovacronErrorRate =
    "100 * (sum by ($by) (rate(dwcp_amst_errors_total{$matchers}[$rate_window])) or 0 * "
    "sum by ($by) (rate(dwcp_amst_streams_total{$matchers}[$rate_window]))) / "
    "sum by ($by) (rate(dwcp_amst_streams_total{$matchers}[$rate_window]))";
constexpr const char* kNovacronQueries[] = {
    "avg by ($by) (dwcp_pba_current_bandwidth_mbps{$matchers})",
    "avg by ($by) (dwcp_pba_current_latency_ms{$matchers})",
    "100 * avg by ($by) (dwcp_pba_current_packet_loss_ratio{$matchers})",
    "avg by ($by) (dwcp_pba_current_jitter_ms{$matchers})",
    "avg by ($by) (novacron_system_cpu_usage_percent{$matchers})",
    kNovacronMemory,
    kNovacronErrorRate,
};
static_assert(std::size(kNovacronQueries) == std::size(kDwcp));

// Plain counters of an application. Failures have a metric of their own: ten times as many refused
// logins hide in the sum of a busy hour. Client libraries show a failure from the first on only:
// until then there are none, which is a rate of 0 and not a missing series.
constexpr PresetMetric kUserBehaviour[] = {
    {"login_rate", "sum by ($by) (rate(user_logins_total{$matchers}[$rate_window]))",
     "logins per second", Direction::Both, 0.05, 0.1},
    {"login_failure_rate",
     "sum by ($by) (rate(user_logins_total{result=\"failure\",$matchers}[$rate_window])) or "
     "0 * sum by ($by) (rate(user_logins_total{$matchers}[$rate_window]))",
     "logins per second", Direction::Above, 0.05},
    {"access_rate", "sum by ($by) (rate(user_accesses_total{$matchers}[$rate_window]))",
     "accesses per second", Direction::Both, 0.05, 0.1},
    {"access_denial_rate",
     "sum by ($by) (rate(user_accesses_total{result=\"denied\",$matchers}[$rate_window])) or "
     "0 * sum by ($by) (rate(user_accesses_total{$matchers}[$rate_window]))",
     "accesses per second", Direction::Above, 0.05},
    {"transaction_rate", "sum by ($by) (rate(user_transactions_total{$matchers}[$rate_window]))",
     "transactions per second", Direction::Both, 0.05, 0.1},
    {"transaction_failure_rate",
     "sum by ($by) (rate(user_transactions_total{result=\"failure\",$matchers}[$rate_window])) or "
     "0 * sum by ($by) (rate(user_transactions_total{$matchers}[$rate_window]))",
     "transactions per second", Direction::Above, 0.05},
};

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
}

std::string with_matchers(std::string text, std::string_view matchers) {
  if (matchers.empty()) {
    replace_all(text, "{$matchers}", "");
    replace_all(text, ",$matchers", "");
  } else {
    replace_all(text, "$matchers", matchers);
  }
  return text;
}

MetricConfig make_metric(const PresetMetric& from, std::string_view matchers) {
  MetricConfig metric;
  metric.request.metric = from.name;
  metric.request.kind = sources::MetricRequest::Kind::Query;
  metric.request.text = with_matchers(from.query, matchers);
  metric.unit = from.unit;
  metric.significance = {from.direction, from.min_deviation_absolute, from.min_deviation_relative,
                         from.valid_min, from.valid_max};
  metric.critical = {from.critical_below, from.critical_above};
  return metric;
}

void append(std::span<const PresetMetric> from, std::string_view matchers, Preset& out) {
  for (const PresetMetric& metric : from) out.metrics.push_back(make_metric(metric, matchers));
}

Preset make_node(bool is_aix, bool is_extended, std::string_view matchers) {
  Preset preset;
  const char* memory =
      is_aix ? "node_memory_free_bytes{$matchers}" : "node_memory_MemFree_bytes{$matchers}";
  preset.probe_selector = with_matchers(memory, matchers);
  if (is_aix) {
    append(kNodeAix, matchers, preset);
    if (is_extended) append(kNodeAixExtended, matchers, preset);
  } else {
    append(kNodeLinux, matchers, preset);
    if (is_extended) append(kNodeLinuxExtended, matchers, preset);
  }
  return preset;
}

Preset make_dwcp(bool is_novacron, std::string_view matchers) {
  Preset preset;
  append(kDwcp, matchers, preset);
  if (!is_novacron) {
    preset.probe_selector = with_matchers("dwcp_bandwidth_mbps{$matchers}", matchers);
    return preset;
  }
  preset.probe_selector = with_matchers("dwcp_pba_current_bandwidth_mbps{$matchers}", matchers);
  for (std::size_t i = 0; i < preset.metrics.size(); ++i) {
    preset.metrics[i].request.text = with_matchers(kNovacronQueries[i], matchers);
  }
  return preset;
}

Preset make_user_behaviour(std::string_view matchers) {
  Preset preset;
  preset.probe_selector = with_matchers("user_logins_total{$matchers}", matchers);
  append(kUserBehaviour, matchers, preset);
  return preset;
}

std::vector<std::string> usual_group_by(std::string_view preset) {
  if (preset == "node") return {"job", "instance"};
  if (preset == "dwcp") return {"cluster", "instance"};
  return {"job"};
}

}  // namespace

const std::vector<std::string>& preset_names() {
  static const std::vector<std::string> names{"node", "dwcp", "user_behaviour", "data_quality"};
  return names;
}

std::vector<std::string> preset_variants(std::string_view preset) {
  if (preset == "node") return {"linux", "aix"};
  if (preset == "dwcp") return {"default", "novacron"};
  if (preset == "user_behaviour" || preset == "data_quality") return {"default"};
  return {};
}

bool has_extended_form(std::string_view preset) { return preset == "node"; }

Preset make_preset(std::string_view preset, std::string_view variant, bool is_extended,
                   std::string_view matchers,
                   const std::optional<std::vector<std::string>>& group_by) {
  Preset out = preset == "node"             ? make_node(variant == "aix", is_extended, matchers)
               : preset == "user_behaviour" ? make_user_behaviour(matchers)
                                            : make_dwcp(variant == "novacron", matchers);
  out.group_by = group_by.value_or(usual_group_by(preset));
  std::string labels;
  for (const std::string& label : out.group_by) labels += (labels.empty() ? "" : ", ") + label;
  for (MetricConfig& metric : out.metrics) replace_all(metric.request.text, "$by", labels);
  return out;
}

}  // namespace anomaly_exporter::config
