#include "anomaly_exporter/app/drift.h"

#include <algorithm>
#include <cmath>

#include "anomaly_exporter/detectors/row_scales.h"

namespace anomaly_exporter::app {

namespace {

constexpr std::size_t kLeastValues = 16;

double sum(const InputProfile::Counts& counts) {
  double total = 0;
  for (const double c : counts) total += c;
  return total;
}

}  // namespace

void InputProfile::add(std::size_t metric, std::vector<float>& window) {
  const auto known = static_cast<std::size_t>(
      std::count_if(window.begin(), window.end(), [](float v) { return !std::isnan(v); }));
  if (known < kLeastValues) return;
  const detectors::RobustScale scale = detectors::robust_scale(window);
  if (scale.spread <= 0) return;
  for (const float v : window) {
    if (std::isnan(v)) continue;
    const float scaled = (v - scale.centre) / scale.spread;
    const auto bin = std::upper_bound(kEdges.begin(), kEdges.end(), scaled) - kEdges.begin();
    counts_[metric][static_cast<std::size_t>(bin)] += 1;
  }
}

void InputProfile::add(const detectors::TrainingSet& set, std::size_t ticks) {
  std::vector<float> window;
  for (const auto& part : set.parts) {
    for (std::size_t first = 0; first < part.ticks; first += ticks) {
      const std::size_t count = std::min(ticks, part.ticks - first);
      for (std::size_t m = 0; m < metrics(); ++m) {
        window.clear();
        for (std::size_t k = first; k < first + count; ++k) {
          window.push_back(part.values[k * set.metrics + m]);
        }
        add(m, window);
      }
    }
  }
}

void InputProfile::fade(double factor) {
  for (auto& counts : counts_) {
    for (double& c : counts) c *= factor;
  }
}

double InputProfile::least_weight() const {
  double least = 0;
  for (const auto& counts : counts_) {
    const double total = sum(counts);
    if (total > 0 && (least == 0 || total < least)) least = total;
  }
  return least;
}

void InputProfile::save(core::StateWriter& out) const {
  out.u32(static_cast<std::uint32_t>(counts_.size()));
  for (const auto& counts : counts_) out.f64s(counts);
}

core::Status InputProfile::restore(core::StateReader& in) {
  if (in.u32() != counts_.size()) in.fail("a profile of another number of metrics");
  std::vector<Counts> read(counts_.size());
  for (auto& counts : read) {
    in.f64s(counts);
    for (const double c : counts) {
      if (!std::isfinite(c) || c < 0) in.fail("a count that is none");
    }
  }
  if (!in.ok()) return in.status();
  counts_ = std::move(read);
  return {};
}

double stability_index(const InputProfile& reference, const InputProfile& recent) {
  double largest = 0;
  for (std::size_t m = 0; m < std::min(reference.metrics(), recent.metrics()); ++m) {
    const auto& p = reference.counts(m);
    const auto& q = recent.counts(m);
    const double p_total = sum(p) + 0.5 * InputProfile::kBins;
    const double q_total = sum(q) + 0.5 * InputProfile::kBins;
    if (sum(p) <= 0 || sum(q) <= 0) continue;
    double index = 0;
    for (std::size_t b = 0; b < InputProfile::kBins; ++b) {
      const double a = (p[b] + 0.5) / p_total;
      const double c = (q[b] + 0.5) / q_total;
      index += (a - c) * std::log(a / c);
    }
    largest = std::max(largest, index);
  }
  return largest;
}

}  // namespace anomaly_exporter::app
