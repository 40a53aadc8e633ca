#pragma once

#include <prometheus/metric_family.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/exposition/writer.h"
#include "page.h"

namespace anomaly_exporter::exposition {

/// Families of a dialect under the names that the options give them. REQUIRES: it is in kDialects.
std::vector<std::string> dialect_families(std::string_view dialect,
                                          const ExpositionOptions& options);

/// Names are known and stand once, and nothing else on the page has one of their families.
core::Status validate_dialects(const ExpositionOptions& options);

/// Writes the families of all dialects of the options, in the order of the list.
void write_dialects(Page& page, Format format, const ExpositionOptions& options,
                    const SnapshotStore::List& snapshots,
                    std::span<const prometheus::MetricFamily> own);

/// The parts. A row's labels as append_label_text writes them, `monitor="m",metric="us"` and the
/// rest, escaped; `rest` is empty or begins with a comma.
struct RowLabels {
  std::string_view monitor;
  std::string_view metric;
  std::string_view rest;
};
RowLabels split_row(std::string_view text);

void write_dwcp(Page& page, Format format, const SnapshotStore::List& snapshots,
                std::span<const prometheus::MetricFamily> own);
void write_promql(Page& page, Format format, const SnapshotStore::List& snapshots);
/// `name` holds `$VAR`, which stands for the family's own name.
void write_vmanomaly(Page& page, Format format, std::string_view name,
                     const SnapshotStore::List& snapshots);

/// Names of the families, before `name` of vmanomaly is applied.
inline constexpr std::string_view kDwcpFamilies[] = {
    "dwcp_anomalies_detected_total", "dwcp_anomaly_confidence",
    "dwcp_anomaly_detection_latency_seconds", "dwcp_metrics_processed_total"};
inline constexpr std::string_view kVmanomalyFamilies[] = {"anomaly_score", "y", "yhat",
                                                          "yhat_lower", "yhat_upper"};
inline constexpr std::string_view kPromqlFamilies[] = {"anomaly:level", "anomaly:lower_band",
                                                       "anomaly:upper_band"};
inline constexpr std::string_view kVar = "$VAR";
/// `name` with `$VAR` replaced.
std::string vmanomaly_family(std::string_view name, std::string_view var);

}  // namespace anomaly_exporter::exposition
