#include "anomaly_exporter/stats/esd.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace anomaly_exporter::stats {
namespace {

constexpr double kSigmaPerMad = 1.482602218505602;

/// What is left of the sample: sorted[first, last).
struct Rest {
  std::span<const float> sorted;
  std::size_t first, last;

  [[nodiscard]] std::size_t size() const { return last - first; }
  [[nodiscard]] double at(std::size_t i) const { return static_cast<double>(sorted[first + i]); }
};

double median_of(const Rest& rest) {
  const std::size_t n = rest.size();
  return 0.5 * (rest.at((n - 1) / 2) + rest.at(n / 2));
}

/// The n / 2 + 1 values nearest to the median are a run; its farther end is the upper middle of the
/// distances, and the farther end of what remains without it is the lower one.
double mad_of(const Rest& rest, double median) {
  const std::size_t n = rest.size();
  const std::size_t run = n / 2 + 1;
  std::size_t least = 0;
  for (std::size_t most = n - run; least < most;) {
    const std::size_t middle = (least + most) / 2;
    if (median - rest.at(middle) > rest.at(middle + run) - median) {
      least = middle + 1;
    } else {
      most = middle;
    }
  }
  const auto farther = [&](std::size_t from, std::size_t to) {
    return std::max(median - rest.at(from), rest.at(to) - median);
  };
  std::size_t last = least + run - 1;
  const double upper = farther(least, last);
  if (n % 2 == 1) return upper;
  if (median - rest.at(least) > rest.at(last) - median) {
    ++least;
  } else {
    --last;
  }
  return 0.5 * (upper + farther(least, last));
}

/// Sums about an anchor, from which values leave one by one.
struct Moments {
  double anchor = 0, sum = 0, squares = 0;

  explicit Moments(const Rest& rest) : anchor(median_of(rest)) {
    for (std::size_t i = 0; i < rest.size(); ++i) add(rest.at(i), 1);
  }
  void add(double value, double sign) {
    const double d = value - anchor;
    sum += sign * d;
    squares += sign * d * d;
  }
};

}  // namespace

EsdTable::EsdTable(std::size_t n, std::size_t most, double alpha) : samples_(n) {
  for (std::size_t i = 1; i <= most && i + 2 < n; ++i) {
    const auto left = static_cast<double>(n - i);
    const double degrees = left - 1;
    const double t = student_t_quantile(degrees, 1 - alpha / (2 * (left + 1)));
    critical_.push_back(left * t / std::sqrt((degrees + t * t) * (left + 1)));
  }
}

EsdOutliers esd_outliers(std::span<const float> sorted, const EsdTable& table, EsdForm form,
                         std::span<double> statistics) {
  Rest rest{sorted, 0, sorted.size()};
  EsdOutliers found{.first = 0, .last = sorted.size(), .count = 0};
  if (sorted.empty()) return found;
  Moments moments(rest);
  for (std::size_t i = 0; i < table.critical().size(); ++i) {
    const auto n = static_cast<double>(rest.size());
    double centre = 0;
    double scale = 0;
    if (form == EsdForm::MeanSd) {
      centre = moments.anchor + moments.sum / n;
      scale = std::sqrt(std::max(0.0, (moments.squares - moments.sum * moments.sum / n) / (n - 1)));
    } else {
      centre = median_of(rest);
      scale = kSigmaPerMad * mad_of(rest, centre);
    }
    const double below = centre - rest.at(0);
    const double above = rest.at(rest.size() - 1) - centre;
    const double distance = std::max(below, above);
    double statistic = 0;
    if (distance > 0) {
      statistic = scale > 0 ? distance / scale : std::numeric_limits<double>::max();
    }
    if (i < statistics.size()) statistics[i] = statistic;
    if (above >= below) {
      moments.add(rest.at(rest.size() - 1), -1);
      --rest.last;
    } else {
      moments.add(rest.at(0), -1);
      ++rest.first;
    }
    if (statistic > table.critical()[i]) found = {rest.first, rest.last, i + 1};
  }
  return found;
}

}  // namespace anomaly_exporter::stats
