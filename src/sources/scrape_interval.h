#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::sources {

/// The value of a `job="..."` matcher of a selector, or nothing. Values with escapes are not taken.
std::optional<std::string> job_of_selector(std::string_view selector);

/// The shortest scrape interval among the active targets of a job in the body of `/api/v1/targets`;
/// without a job the one that all targets have. Nothing when there is no such target, or the
/// intervals differ. Errors: Corrupt, InvalidArgument as the query decoder.
core::Result<std::optional<core::Duration>> interval_of_targets(
    std::string_view body, const std::optional<std::string>& job);

/// PromQL that counts the samples of the busiest series within kCountWindow, empty when the
/// series are younger than that.
std::string counting_query(const std::string& selector);
inline constexpr core::Duration kCountWindow = std::chrono::minutes(5);

/// The interval behind a count of samples within kCountWindow: the usual interval within 15 % of
/// the quotient, or whole seconds. Nothing for fewer than two samples.
std::optional<core::Duration> interval_of_count(double count);

}  // namespace anomaly_exporter::sources
