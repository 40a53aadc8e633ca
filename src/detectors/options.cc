#include "anomaly_exporter/detectors/options.h"

#include <algorithm>
#include <string>

#include "anomaly_exporter/core/number_text.h"

namespace anomaly_exporter::detectors {
namespace {

core::Status check_window(const char* key, std::size_t window, std::size_t least,
                          std::size_t most) {
  if (window >= least && window <= most) return {};
  return core::Error{core::ErrorCode::InvalidArgument,
                     std::string(key) + ": " + std::to_string(window) + " is not within " +
                         std::to_string(least) + " to " + std::to_string(most)};
}

core::Status check_threshold(double threshold, double least) {
  constexpr double kMost = 100.0;
  if (threshold >= least && threshold <= kMost) return {};  // false for NaN
  return core::Error{core::ErrorCode::InvalidArgument,
                     "threshold: " + core::number_text(threshold) + " is not within " +
                         core::number_text(least) + " to " + core::number_text(kMost)};
}

core::Status both(core::Status first, core::Status second) { return first.ok() ? second : first; }

}  // namespace

core::Status ZScoreOptions::validate(std::size_t monitor_window) const {
  return both(check_window("window", window, kLeastWindow, monitor_window),
              check_threshold(threshold, 1.0));
}

core::Status MadOptions::validate(std::size_t monitor_window) const {
  return both(check_window("window", window, kLeastWindow, std::min(monitor_window, kMaxWindow)),
              check_threshold(threshold, 1.0));
}

core::Status IqrOptions::validate(std::size_t monitor_window) const {
  return both(check_window("window", window, kLeastWindow,
                           std::min(monitor_window, MadOptions::kMaxWindow)),
              check_threshold(threshold, 0.5));
}

core::Status MovingAverageOptions::validate(std::size_t monitor_window) const {
  constexpr std::size_t kLeastSpreadWindow = 20;
  return both(
      both(check_window("window", window, kLeastWindow, monitor_window),
           check_window("spread_window", spread_window, kLeastSpreadWindow, monitor_window)),
      check_threshold(threshold, 1.0));
}

core::Status RegressionOptions::validate(std::size_t monitor_window) const {
  return both(check_window("window", window, kLeastWindow, monitor_window),
              check_threshold(threshold, 1.0));
}

core::Status MultiWindowOptions::validate() const {
  constexpr std::size_t kMostLengths = 8;
  constexpr std::size_t kMostTicks = 4096;
  if (windows.empty() || windows.size() > kMostLengths) {
    return core::Error{core::ErrorCode::InvalidArgument,
                       "windows: " + std::to_string(windows.size()) + " lengths, not 1 to 8"};
  }
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const std::string key = "windows[" + std::to_string(i) + "]";
    if (i > 0 && windows[i] <= windows[i - 1]) {
      return core::Error{
          core::ErrorCode::InvalidArgument,
          key + ": " + std::to_string(windows[i]) + " is not greater than the length before it"};
    }
    if (auto valid = check_window(key.c_str(), windows[i], 1, kMostTicks); !valid) return valid;
  }
  return check_threshold(threshold, 1.0);
}

}  // namespace anomaly_exporter::detectors
