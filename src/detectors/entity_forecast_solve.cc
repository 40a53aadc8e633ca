#include "entity_forecast_solve.h"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <vector>

namespace anomaly_exporter::detectors {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

void solve_ridge(std::span<const float> gram, std::size_t n, double ridge,
                 std::span<const float> targets, std::size_t outputs, std::span<float> weights) {
  using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto rows = static_cast<Eigen::Index>(n);
  const auto columns = static_cast<Eigen::Index>(outputs);
  RowMajor system = RowMajor::Zero(rows, rows);
  std::size_t at = 0;
  for (Eigen::Index a = 0; a < rows; ++a) {
    for (Eigen::Index b = 0; b <= a; ++b) system(a, b) = static_cast<double>(gram[at++]);
  }
  system.diagonal().array() += ridge;
  const Eigen::LLT<RowMajor, Eigen::Lower> factored(system);
  Eigen::Map<Floats> out(weights.data(), rows, columns);
  if (factored.info() != Eigen::Success) {
    out.setZero();
    return;
  }
  const RowMajor wanted = Eigen::Map<const Floats>(targets.data(), rows, columns).cast<double>();
  out = factored.solve(wanted).cast<float>();
  if (!out.allFinite()) out.setZero();
}

void express_in(std::span<const double> factor, std::span<const double> shift,
                std::span<float> gram) {
  const std::size_t n = factor.size();
  // The last row: sums of g itself, and their number.
  const std::vector<float> sums(gram.end() - static_cast<std::ptrdiff_t>(n), gram.end());
  const auto sum = [&](std::size_t r) { return static_cast<double>(sums[r]); };
  std::size_t at = 0;
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t b = 0; b <= a; ++b, ++at) {
      const double moved = factor[a] * factor[b] * static_cast<double>(gram[at]) +
                           factor[a] * shift[b] * sum(a) + shift[a] * factor[b] * sum(b) +
                           shift[a] * shift[b] * sum(n - 1);
      gram[at] = static_cast<float>(moved);
    }
  }
}

std::size_t principal_components(std::span<const double> covariance, std::size_t d, double wanted,
                                 std::span<float> basis, std::span<double> outside) {
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
      basis[count * d + j] =
          static_cast<float>(solved.eigenvectors()(static_cast<Eigen::Index>(j), from));
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
