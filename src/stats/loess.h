#pragma once

#include <cstddef>
#include <span>

namespace anomaly_exporter::stats {

/// Weights with which the samples [left, left + weights.size()) of a series of `samples` samples
/// enter the locally linear estimate at position `x`, which may lie one beyond either end.
/// `width` is the length of the smoother; where it exceeds the series, the neighbourhood widens.
///
/// Returns false where no sample has weight. The sum of the weights is 1.
/// Source: Cleveland et al. 1990, section 2, tricube weights; positions nearer than a thousandth of
/// the bandwidth weigh 1 and those beyond 0.999 of it nothing, as in the authors' program.
bool loess_weights(std::size_t samples, std::size_t width, double x, std::size_t left,
                   std::span<double> weights);

/// First sample of the neighbourhood for the estimate at sample `i`.
std::size_t loess_left(std::size_t samples, std::size_t width, std::size_t i);

}  // namespace anomaly_exporter::stats
