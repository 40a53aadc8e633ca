#pragma once

#include <cstddef>
#include <span>

namespace anomaly_exporter::detectors {

/// Symmetric matrices are their lower triangle, row by row.

/// Elements of the rows before row `n` of a lower triangle.
constexpr std::size_t triangle(std::size_t n) { return n * (n + 1) / 2; }

/// Solves (gram + ridge I) weights = targets. Shapes: targets and weights n x outputs.
/// Weights of 0 where the system cannot be solved.
void solve_ridge(std::span<const float> gram, std::size_t n, double ridge,
                 std::span<const float> targets, std::size_t outputs, std::span<float> weights);

/// Sums of products of g, expressed for g' = factor * g + shift, where the last element of g is
/// always 1 (factor 1, shift 0).
void express_in(std::span<const double> factor, std::span<const double> shift,
                std::span<float> gram);

/// `covariance`: d x d, of which the lower triangle is read. Axes of the largest variances until
/// they explain the share `wanted` of the sum, at most d - 1. Returns their number; `basis`
/// receives them as [axis][d], `outside` the variance per element that they leave.
std::size_t principal_components(std::span<const double> covariance, std::size_t d, double wanted,
                                 std::span<float> basis, std::span<double> outside);

}  // namespace anomaly_exporter::detectors
