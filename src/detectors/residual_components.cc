#include "residual_components.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "anomaly_exporter/detectors/row_scales.h"

namespace anomaly_exporter::detectors {
namespace {

float clipped(double residual) {
  constexpr auto kClip = static_cast<double>(RowScales::kClip);
  return static_cast<float>(std::clamp(residual, -kClip, kClip));
}

// Calls `take(values, present)` for every residual vector of a part, oldest first.
template <class Take>
void for_each_vector(const TrainingPart& part, const PartScales& scales, std::size_t metrics,
                     std::size_t used, const Take& take) {
  const std::size_t size = metrics == 1 ? kSingleMetricVector : metrics;
  std::vector<RunningMean> means(metrics);
  std::vector<float> values(size);
  std::vector<bool> present(size);
  for (std::size_t tick = 0; tick < part.ticks; ++tick) {
    std::size_t known = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t metric = metrics == 1 ? 0 : i;
      const std::size_t back = metrics == 1 ? size - 1 - i : 0;
      const float value = tick < back ? std::numeric_limits<float>::quiet_NaN()
                                      : part.values[(tick - back) * metrics + metric];
      const auto spread = static_cast<double>(scales.at(tick, metric).spread);
      present[i] = std::isfinite(value) && spread > 0 && means[metric].count >= kResidualWarmup;
      values[i] =
          present[i] ? clipped((static_cast<double>(value) - means[metric].mean) / spread) : 0.0F;
      known += present[i] ? 1U : 0U;
    }
    const bool is_whole =
        metrics == 1 ? present.back() && 2 * known >= size : known > 0 && 2 * known >= used;
    if (is_whole && tick >= scales.first_tick()) take(values, present);
    for (std::size_t metric = 0; metric < metrics; ++metric) {
      const float value = part.values[tick * metrics + metric];
      if (std::isfinite(value)) {
        means[metric].add(static_cast<double>(value));
      } else {
        means[metric].miss();
      }
    }
  }
}

}  // namespace

core::Result<ResidualVectors> ResidualVectors::of(const TrainingSet& set,
                                                  std::size_t monitor_window, std::size_t most,
                                                  WorkMeter& meter) {
  constexpr double kWorkPerValue = 200;
  const auto work = [](const TrainingPart& part) {
    return kWorkPerValue * static_cast<double>(part.values.size());
  };
  std::vector<PartScales> scales;
  std::vector<bool> occurs(set.metrics);
  for (const TrainingPart& part : set.parts) {
    scales.emplace_back(part, set.metrics, monitor_window);
    for (std::size_t i = 0; i < part.values.size(); ++i) {
      if (std::isfinite(part.values[i])) occurs[i % set.metrics] = true;
    }
    if (!meter.spend(work(part))) return training_stopped();
  }
  const auto used = static_cast<std::size_t>(std::ranges::count(occurs, true));
  std::size_t total = 0;
  for (std::size_t p = 0; p < set.parts.size(); ++p) {
    for_each_vector(set.parts[p], scales[p], set.metrics, used,
                    [&](const auto&, const auto&) { ++total; });
    if (!meter.spend(work(set.parts[p]))) return training_stopped();
  }
  if (total < TrainingWindows::kLeastWindows) {
    return core::Error{core::ErrorCode::InvalidArgument,
                       "training set too small: " + std::to_string(total) +
                           " vectors with half of their values, at least " +
                           std::to_string(TrainingWindows::kLeastWindows) + " needed"};
  }
  ResidualVectors out;
  out.size = set.metrics == 1 ? kSingleMetricVector : set.metrics;
  const std::size_t stride = std::max<std::size_t>(1, (total + most - 1) / most);
  std::size_t at = 0;
  for (std::size_t p = 0; p < set.parts.size(); ++p) {
    for_each_vector(set.parts[p], scales[p], set.metrics, used,
                    [&](const auto& vector, const auto& known) {
                      if (at++ % stride != 0) return;
                      out.values.insert(out.values.end(), vector.begin(), vector.end());
                      out.present.insert(out.present.end(), known.begin(), known.end());
                    });
    if (!meter.spend(work(set.parts[p]))) return training_stopped();
  }
  return out;
}

core::Result<ResidualComponents> ResidualComponents::of(std::span<const float> vectors,
                                                        std::size_t size, double variance,
                                                        WorkMeter& meter) {
  const std::size_t n = vectors.size() / size;
  const auto dimensions = static_cast<Eigen::Index>(size);
  Eigen::VectorXd mean = Eigen::VectorXd::Zero(dimensions);
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    mean[static_cast<Eigen::Index>(i % size)] += static_cast<double>(vectors[i]);
  }
  mean /= static_cast<double>(n);
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(dimensions, dimensions);
  Eigen::VectorXd centred(dimensions);
  for (std::size_t v = 0; v < n; ++v) {
    for (std::size_t i = 0; i < size; ++i) {
      const auto at = static_cast<Eigen::Index>(i);
      centred[at] = static_cast<double>(vectors[v * size + i]) - mean[at];
    }
    covariance.noalias() += centred * centred.transpose();
    if (!meter.spend(4.0 * static_cast<double>(size * size))) return training_stopped();
  }
  covariance /= static_cast<double>(n);

  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solved(covariance);  // ascending
  const Eigen::VectorXd lengths = solved.eigenvalues().cwiseMax(0.0);
  ResidualComponents out;
  out.size = size;
  const double wanted = variance * lengths.sum();
  double explained = 0;
  Eigen::MatrixXd outside = Eigen::MatrixXd::Identity(dimensions, dimensions);
  while (out.components + 1 < size && explained < wanted) {
    const Eigen::Index column = dimensions - 1 - static_cast<Eigen::Index>(out.components);
    const Eigen::VectorXd direction = solved.eigenvectors().col(column);
    outside.noalias() -= direction * direction.transpose();
    explained += lengths[column];
    ++out.components;
  }
  for (Eigen::Index r = 0; r < dimensions; ++r) {
    out.centre.push_back(static_cast<float>(mean[r]));
    for (Eigen::Index c = 0; c < dimensions; ++c) {
      out.outside.push_back(static_cast<float>(outside(r, c)));
    }
  }
  return out;
}

core::Result<std::vector<float>> component_errors(const ResidualComponents& components,
                                                  const ResidualVectors& vectors,
                                                  std::size_t metrics, WorkMeter& meter) {
  const std::size_t size = components.size;
  const std::size_t first = metrics == 1 ? size - 1 : 0;  // row of the first metric's error
  std::vector<float> errors;
  for (std::size_t v = 0; v * size < vectors.values.size(); ++v) {
    const float* vector = vectors.values.data() + v * size;
    for (std::size_t metric = 0; metric < metrics; ++metric) {
      const float* row = components.outside.data() + (first + metric) * size;
      float sum = 0;
      for (std::size_t i = 0; i < size; ++i) sum += row[i] * (vector[i] - components.centre[i]);
      errors.push_back(vectors.present[v * size + first + metric]
                           ? sum
                           : std::numeric_limits<float>::quiet_NaN());
    }
    if (!meter.spend(static_cast<double>(metrics * size))) return training_stopped();
  }
  return errors;
}

}  // namespace anomaly_exporter::detectors
