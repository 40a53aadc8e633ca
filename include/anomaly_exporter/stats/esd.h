#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace anomaly_exporter::stats {

/// From what a value's distance is measured, and in what.
enum class EsdForm {
  MeanSd,     ///< Rosner 1983
  MedianMad,  ///< Vallis et al. 2014 (S-H-ESD): half of the sample cannot fool it
};

/// Critical values of the generalised extreme Studentised deviate test.
///
/// lambda_i = (n - i) t / sqrt((n - i - 1 + t^2)(n - i + 1)) with t the quantile
/// 1 - alpha / (2 (n - i + 1)) of Student's t with n - i - 1 degrees of freedom, i = 1, 2, ...
///
/// Source: Rosner, "Percentage Points for a Generalized ESD Many-Outlier Procedure", Technometrics
/// 25, 1983. Immutable. Cost: `create` some 10 us per value, a table look-up afterwards.
class EsdTable {
 public:
  /// For samples of `n` values, of which at most `most` are outliers; the table ends where fewer
  /// than two degrees of freedom are left. REQUIRES: 0 < alpha < 1.
  EsdTable(std::size_t n, std::size_t most, double alpha);

  [[nodiscard]] std::size_t samples() const { return samples_; }
  /// lambda_1 to lambda_size.
  [[nodiscard]] std::span<const double> critical() const { return critical_; }

 private:
  std::size_t samples_;
  std::vector<double> critical_;
};

/// What the test found in an ascending sample: the values before `first` and from `last` on.
struct EsdOutliers {
  std::size_t first = 0;
  std::size_t last = 0;
  std::size_t count = 0;
};

/// Generalised ESD test on an ascending sample in one pass: the value farthest from the centre is
/// always one of the two ends of what is left, so nothing is sorted or moved. `statistics`, if not
/// empty, receives the R_i that were computed.
///
/// A scale of 0 with a value that differs makes that value an outlier; a constant sample has none.
/// REQUIRES: sorted.size() == table.samples(), finite values.
/// Cost: per step O(1) for mean and deviation, O(log n) for median and MAD; 1.2 us for 10
/// steps on 1000 values.
EsdOutliers esd_outliers(std::span<const float> sorted, const EsdTable& table, EsdForm form,
                         std::span<double> statistics = {});

/// Quantile of Student's t distribution. REQUIRES: 0 < p < 1, degrees > 0.
double student_t_quantile(double degrees, double p);

}  // namespace anomaly_exporter::stats
