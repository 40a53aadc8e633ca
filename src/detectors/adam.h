#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace anomaly_exporter::detectors {

/// Adam (Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1) with their
/// constants, behind a limit on the length of the gradient (Pascanu, Mikolov and Bengio 2013).
///
/// Threads: one thread at a time. Cost: three numbers per parameter.
template <class Real>
class Adam {
 public:
  explicit Adam(std::size_t parameters) : mean_(parameters), square_(parameters) {}

  /// Moves the parameters against the gradient, which is first shortened to `longest`. A gradient
  /// that is not finite moves nothing. REQUIRES: sizes as constructed.
  void step(std::span<Real> parameters, std::span<const Real> gradient, double rate,
            double longest) {
    double squares = 0;
    for (const Real g : gradient) squares += static_cast<double>(g) * static_cast<double>(g);
    if (!std::isfinite(squares)) return;
    const double length = std::sqrt(squares);
    const auto shrink = static_cast<Real>(length > longest ? longest / length : 1.0);
    mean_power_ *= kMeanDecay;
    square_power_ *= kSquareDecay;
    const auto move = static_cast<Real>(rate / (1.0 - mean_power_));
    const auto inverse = static_cast<Real>(1.0 / (1.0 - square_power_));
    constexpr auto kMean = static_cast<Real>(kMeanDecay);
    constexpr auto kSquare = static_cast<Real>(kSquareDecay);
    constexpr auto kLeast = static_cast<Real>(1e-8);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const Real g = gradient[i] * shrink;
      mean_[i] = kMean * mean_[i] + (1 - kMean) * g;
      square_[i] = kSquare * square_[i] + (1 - kSquare) * g * g;
      parameters[i] -= move * mean_[i] / (std::sqrt(square_[i] * inverse) + kLeast);
    }
  }

 private:
  static constexpr double kMeanDecay = 0.9;
  static constexpr double kSquareDecay = 0.999;
  double mean_power_ = 1;
  double square_power_ = 1;
  std::vector<Real> mean_, square_;
};

}  // namespace anomaly_exporter::detectors
