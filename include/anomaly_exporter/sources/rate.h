#pragma once

#include <optional>
#include <span>
#include <vector>

#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/series/sample.h"
#include "anomaly_exporter/sources/metric_source.h"

namespace anomaly_exporter::sources {

/// Raw samples of one series turned into values at given times, as PromQL does: `gauge` is an
/// instant selector, `rate` and `delta` are the functions of these names over a range selector.
///
/// Semantics are those of Prometheus 2.42, operation by operation, so that results equal the
/// server's to the last bit (promql/functions.go, extrapolatedRate; promql/engine.go,
/// vectorSelectorSingle and matrixIterSlice):
///  * a range of width w at time t holds the samples in [t - w, t], both ends included, without
///    stale markers; fewer than two samples give nothing;
///  * `rate` adds the value before each fall (counter reset), extrapolates to the ends of the range
///    where the nearest sample is closer than 1.1 average distances, else by half a distance, not
///    below the point where the counter would have been zero, and divides by w in seconds;
///  * `delta` is the same without resets, zero point and division;
///  * `gauge` is the newest sample in [t - w, t], where w is the look-back; a stale marker as the
///    newest means nothing.
/// NaN and infinite samples are computed with like any other.

/// Time of the newest sample that is not later than `time` and no stale marker.
std::optional<core::Timestamp> newest_sample_time(std::span<const series::Sample> samples,
                                                  core::Timestamp time);

/// Values on the grid from, from + step, ... <= to, appended to `out`; absent points are left out.
/// Removes stale markers from `samples` where the function does not look at them.
/// Cost: linear in samples and grid points, plus one addition per counter reset within a range and
/// grid point (sums of resets are not kept, because adding in another order changes the last bit).
/// REQUIRES: width > 0, step > 0; `samples` ascend strictly.
void values_on_grid(std::vector<series::Sample>& samples, As as, core::Duration width,
                    core::Timestamp from, core::Timestamp to, core::Duration step,
                    std::vector<series::Sample>& out);

}  // namespace anomaly_exporter::sources
