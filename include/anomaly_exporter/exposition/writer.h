#pragma once

#include <prometheus/metric_family.h>

#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/exposition/snapshot.h"

namespace anomaly_exporter::exposition {

/// Families computed from the snapshots; `exposition.families` chooses among these names.
inline constexpr std::string_view kFamilies[] = {"anomaly_score",
                                                 "anomaly_entity_score",
                                                 "anomaly_detector_score",
                                                 "anomaly_value",
                                                 "anomaly_expected_value",
                                                 "anomaly_lower_bound",
                                                 "anomaly_upper_bound",
                                                 "anomaly_deviation_sigmas",
                                                 "anomaly_severity",
                                                 "anomaly_series_missing",
                                                 "anomaly_incident_severity",
                                                 "anomaly_incident_members",
                                                 "anomaly_contribution_ratio"};
/// The last one is off by default.
inline constexpr std::size_t kDefaultFamilies = std::size(kFamilies) - 1;

/// Other systems whose names can be served too; see dialect.h.
inline constexpr std::string_view kDialects[] = {"dwcp", "vmanomaly", "promql"};

struct ExpositionOptions {
  /// Names out of kFamilies.
  std::vector<std::string> families{std::begin(kFamilies),
                                    std::begin(kFamilies) + kDefaultFamilies};
  /// Names out of kDialects: the results a second time as other systems name them (dialect.h).
  std::vector<std::string> dialects = {};
  /// Names of the dialect vmanomaly; `$VAR` stands for its `anomaly_score`, `y`, `yhat`, ...
  std::string vmanomaly_name = "$VAR";
  /// Bodies smaller than this, in bytes, are never compressed.
  std::size_t gzip_min_bytes = 64 * 1024;
  /// Compress for clients that accept it: five times fewer bytes for eight times the rendering.
  bool gzip = true;

  [[nodiscard]] core::Status validate() const;
};

/// The two text formats we speak.
enum class Format {
  Text,         ///< text/plain; version=0.0.4
  OpenMetrics,  ///< application/openmetrics-text; version=1.0.0
};
std::string_view content_type(Format format);

/// Chooses by an Accept header's q-values (RFC 9110 section 12.5.1), Text when nothing fits or both
/// are equally welcome. A media range that names another version than ours does not match.
Format negotiate_format(std::string_view accept);
/// True when an Accept-Encoding header allows gzip.
bool accepts_gzip(std::string_view accept_encoding);

/// Renders the score families and our own metrics (`own`, as prometheus-cpp collects them) as one
/// page, which replaces what `out` held; its capacity is used again. Numbers are the shortest text
/// that reads back equal.
///
/// Each family stands once with its HELP and TYPE, the rows of all monitors below it; a row whose
/// flags say that a number is not defined has no line. In OpenMetrics, counters are named with
/// `_total` in their samples and without it in TYPE and HELP, `le` and `quantile` are canonical
/// floats ("1.0"), names that end in a base unit have a UNIT line, and `# EOF` ends the page.
/// REQUIRES: families of `own` have legal names that differ from each other and from all served
/// ones (dialect.h).
/// Cost: about 45 ns per line, 350 ns per line of `own`. Threads: const input, safe.
void render(Format format, const ExpositionOptions& options, const SnapshotStore::List& snapshots,
            std::span<const prometheus::MetricFamily> own, std::string& out);

/// gzip with libdeflate level 1. Cost: about 2 ms per MB.
std::string gzip(std::string_view body);

}  // namespace anomaly_exporter::exposition
