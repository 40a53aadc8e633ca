#pragma once

#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/net/http_client.h"
#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::sources {

/// A request of the Prometheus API: a GET with a query string, or, where that gets long, a POST
/// with a form, which these end points take as well.
net::HttpRequest make_api_request(const std::string& path,
                                  const std::vector<std::pair<std::string, std::string>>& form);

/// Unix seconds with the decimals it needs: "1700000000" or "1700000000.5".
std::string format_seconds(core::Timestamp t);

/// The request's text with $rate_window replaced by its duration.
std::string expanded_text(const MetricRequest& request);

}  // namespace anomaly_exporter::sources
