#include "anomaly_exporter/stats/stl.h"

#include <cmath>
#include <string>

#include "loess.h"

namespace anomaly_exporter::stats {
namespace {

core::Error invalid(const char* member, std::size_t value, const std::string& want) {
  return {core::ErrorCode::InvalidArgument,
          std::string(member) + ": " + std::to_string(value) + " is not " + want};
}

using Series = std::vector<double>;

/// The estimate at position `x`; false where nothing has weight.
bool estimate(const Series& in, std::size_t width, double x, std::size_t left, std::size_t count,
              double& out) {
  Series weights(count);
  if (!loess_weights(in.size(), width, x, left, weights)) return false;
  out = 0;
  for (std::size_t i = 0; i < count; ++i) out += weights[i] * in[left + i];
  return true;
}

Series loess(const Series& in, std::size_t width) {
  Series out(in.size());
  const std::size_t count = std::min(width, in.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::size_t left = loess_left(in.size(), width, i);
    if (!estimate(in, width, static_cast<double>(i), left, count, out[i])) out[i] = in[i];
  }
  return out;
}

/// Every phase smoothed over the cycles and extended by one cycle at both ends.
Series smooth_phases(const Series& in, const StlOptions& o) {
  Series out(in.size() + 2 * o.period);
  for (std::size_t phase = 0; phase < o.period; ++phase) {
    Series cycles;
    for (std::size_t i = phase; i < in.size(); i += o.period) cycles.push_back(in[i]);
    const std::size_t k = cycles.size();
    const std::size_t count = std::min(o.seasonal, k);
    const Series inside = loess(cycles, o.seasonal);
    double before = inside.front();
    double after = inside.back();
    (void)estimate(cycles, o.seasonal, -1.0, 0, count, before);
    (void)estimate(cycles, o.seasonal, static_cast<double>(k), k - count, count, after);
    out[phase] = before;
    for (std::size_t i = 0; i < k; ++i) out[(i + 1) * o.period + phase] = inside[i];
    out[(k + 1) * o.period + phase] = after;
  }
  return out;
}

Series moving_mean(const Series& in, std::size_t length) {
  Series out(in.size() - length + 1);
  double sum = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    sum += in[i];
    if (i >= length) sum -= in[i - length];
    if (i + 1 >= length) out[i + 1 - length] = sum / static_cast<double>(length);
  }
  return out;
}

}  // namespace

StlOptions StlOptions::resolved() const {
  StlOptions o = *this;
  if (o.trend == 0) {
    const double least =
        1.5 * static_cast<double>(period) / (1.0 - 1.5 / static_cast<double>(seasonal));
    o.trend = static_cast<std::size_t>(std::ceil(least)) | 1U;
  }
  if (o.low_pass == 0) o.low_pass = (period + 1) | 1U;
  return o;
}

core::Status StlOptions::validate(std::size_t samples) const {
  if (period < 2) return invalid("period", period, "at least 2");
  if (seasonal < 3 || seasonal % 2 == 0) return invalid("seasonal", seasonal, "odd and >= 3");
  const StlOptions o = resolved();
  if (o.trend <= period || o.trend % 2 == 0) {
    return invalid("trend", o.trend, "odd and longer than the period");
  }
  if (o.low_pass <= period || o.low_pass % 2 == 0) {
    return invalid("low_pass", o.low_pass, "odd and longer than the period");
  }
  constexpr std::size_t kMostPasses = 100;
  if (inner == 0 || inner > kMostPasses) return invalid("inner", inner, "within 1 to 100");
  if (samples < 2 * period) {
    return invalid("period", period, "within half of " + std::to_string(samples) + " samples");
  }
  return {};
}

core::Result<StlComponents> stl_decompose(std::span<const double> values,
                                          const StlOptions& options) {
  if (auto valid = options.validate(values.size()); !valid) return valid.error();
  const StlOptions o = options.resolved();
  const std::size_t n = values.size();
  StlComponents out{Series(n), Series(n)};
  Series rest(n);
  for (std::size_t pass = 0; pass < o.inner; ++pass) {
    for (std::size_t i = 0; i < n; ++i) rest[i] = values[i] - out.trend[i];
    const Series cycle = smooth_phases(rest, o);
    const Series level =
        loess(moving_mean(moving_mean(moving_mean(cycle, o.period), o.period), 3), o.low_pass);
    for (std::size_t i = 0; i < n; ++i) {
      out.seasonal[i] = cycle[o.period + i] - level[i];
      rest[i] = values[i] - out.seasonal[i];
    }
    out.trend = loess(rest, o.trend);
  }
  return out;
}

}  // namespace anomaly_exporter::stats
