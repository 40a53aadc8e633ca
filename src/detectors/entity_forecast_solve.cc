#include "entity_forecast_solve.h"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <vector>

namespace anomaly_exporter::detectors {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

void solve_ridge(std::span<const double> gram, std::size_t n, double ridge,
                 std::span<const double> targets, std::size_t outputs, std::span<double> weights) {
  const auto rows = static_cast<Eigen::Index>(n);
  const auto columns = static_cast<Eigen::Index>(outputs);
  RowMajor system = Eigen::Map<const RowMajor>(gram.data(), rows, rows);
  system.diagonal().array() += ridge;
  const Eigen::LLT<RowMajor, Eigen::Lower> factored(system);
  Eigen::Map<RowMajor> out(weights.data(), rows, columns);
  if (factored.info() != Eigen::Success) {
    out.setZero();
    return;
  }
  out = factored.solve(Eigen::Map<const RowMajor>(targets.data(), rows, columns));
  if (!out.allFinite()) out.setZero();
}

void express_in(std::span<const double> factor, std::span<const double> shift,
                std::span<double> gram) {
  const std::size_t n = factor.size();
  const std::size_t last = (n - 1) * n;  // sums of g itself, and their number
  std::vector<double> sums(gram.begin() + static_cast<std::ptrdiff_t>(last), gram.end());
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      gram[a * n + b] = factor[a] * factor[b] * gram[a * n + b] + factor[a] * shift[b] * sums[a] +
                        shift[a] * factor[b] * sums[b] + shift[a] * shift[b] * sums[n - 1];
    }
  }
}

std::size_t principal_components(std::span<const double> covariance, std::size_t d, double wanted,
                                 std::span<double> basis, std::span<double> outside) {
  const auto size = static_cast<Eigen::Index>(d);
  const RowMajor matrix = Eigen::Map<const RowMajor>(covariance.data(), size, size);
  const Eigen::SelfAdjointEigenSolver<RowMajor> solved(matrix);  // ascending; reads the lower half
  std::fill(outside.begin(), outside.end(), 0.0);
  if (solved.info() != Eigen::Success) return 0;
  const Eigen::VectorXd variance = solved.eigenvalues().cwiseMax(0.0);
  const double all = variance.sum();
  double explained = 0;
  std::size_t count = 0;
  while (count + 1 < d) {
    const auto from = size - 1 - static_cast<Eigen::Index>(count);
    explained += variance[from];
    for (std::size_t j = 0; j < d; ++j) {
      basis[count * d + j] = solved.eigenvectors()(static_cast<Eigen::Index>(j), from);
    }
    ++count;
    if (explained >= wanted * all) break;
  }
  for (Eigen::Index k = 0; k < size - static_cast<Eigen::Index>(count); ++k) {
    for (std::size_t j = 0; j < d; ++j) {
      const double part = solved.eigenvectors()(static_cast<Eigen::Index>(j), k);
      outside[j] += variance[k] * part * part;
    }
  }
  return count;
}

}  // namespace anomaly_exporter::detectors
