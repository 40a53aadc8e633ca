#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/exposition/writer.h"

namespace anomaly_exporter::exposition {

/// A dialect serves the results a second time under the names, types and labels of another system,
/// so that dashboards and rules written for it keep working (docs/dialects.md).
///
/// * `dwcp`: novacron's overlay network monitoring (dwcp/monitoring/monitoring_pipeline.go).
/// * `vmanomaly`: VictoriaMetrics' anomaly detection, whose score has 1.0 as its limit.
/// * `promql`: grafana/promql-anomaly-detection; we are the strategy "ensemble" beside its own.

/// The families that the options' choice and dialects put on the page, in the order of the page.
std::vector<std::string> served_families(const ExpositionOptions& options);

/// What a page must not read back as input: every family of ours, chosen or not, and those of the
/// dialects.
std::vector<std::string> own_families(const ExpositionOptions& options);

/// Page lines that dialects add.
struct DialectLines {
  std::size_t per_series = 0;
  std::size_t per_metric = 0;  ///< of a monitor, however many series the metric has
  std::size_t once = 0;        ///< lines of the whole page
};
/// `detectors`: of the monitor. Lines per metric are those of a metric that the dialect knows.
DialectLines dialect_lines(const ExpositionOptions& options, std::size_t detectors);

/// Score on the scale where 1 is the limit, whatever the threshold: ln(1 - score) / ln(1 -
/// threshold). 0 stays 0, the threshold becomes 1, and it grows without bound (to about 18 at the
/// threshold 0.6, where a float can come no nearer to 1). For calibrated scores and the threshold
/// 0.6 this is ln p / ln p0: how many times rarer, in orders of magnitude, than the alarm budget
/// allows. The result is at least 1 exactly when `score` is at least `threshold`.
/// REQUIRES: 0 <= score <= 1, 0 < threshold < 1.
float limit_score(double score, double threshold);

}  // namespace anomaly_exporter::exposition
