#pragma once

#include <cstddef>
#include <vector>

#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::detectors {

/// Least window of any detector: fewer samples estimate no spread.
inline constexpr std::size_t kLeastWindow = 10;

/// Rolling z-score.
struct ZScoreOptions {
  /// Ticks of the recent past, 10 to the monitor's window. A longer one is steadier and slower to
  /// accept change.
  std::size_t window = 100;
  /// Sigmas, 1 to 100. Higher is quieter.
  double threshold = 3.0;
  [[nodiscard]] core::Status validate(std::size_t monitor_window) const;
};

/// Rolling median and MAD (scaled by 1.4826).
struct MadOptions {
  /// Longest window: 4 bytes per series and tick are kept in sorted order.
  static constexpr std::size_t kMaxWindow = 1000;
  /// Ticks of the recent past, 10 to the smaller of the monitor's window and 1000. Memory and time
  /// grow with it.
  std::size_t window = 256;
  /// Sigmas, 1 to 100. Higher is quieter.
  double threshold = 3.5;
  [[nodiscard]] core::Status validate(std::size_t monitor_window) const;
};

/// Distance outside the quartiles in interquartile ranges (Tukey 1977: 1.5 outlier, 3 far out).
struct IqrOptions {
  /// Ticks of the recent past, 10 to the smaller of the monitor's window and 1000.
  std::size_t window = 256;
  /// Interquartile ranges beyond the nearer quartile, 0.5 to 100. Higher is quieter.
  double threshold = 3.0;
  [[nodiscard]] core::Status validate(std::size_t monitor_window) const;
};

/// Distance from the mean of the last `window` ticks, in root mean squares of that distance over
/// the last `spread_window` ticks.
struct MovingAverageOptions {
  /// Ticks whose mean is the expectation, 10 to the monitor's window. Shorter follows faster.
  std::size_t window = 10;
  /// Ticks over which the usual distance is measured, 20 to the monitor's window.
  std::size_t spread_window = 100;
  /// Sigmas, 1 to 100. Higher is quieter.
  double threshold = 3.5;
  [[nodiscard]] core::Status validate(std::size_t monitor_window) const;
};

/// Distance from the straight line through the last `window` ticks, extrapolated one tick, in
/// standard errors of that prediction.
struct RegressionOptions {
  /// Ticks through which the line is laid, 10 to the monitor's window. Time grows with it.
  std::size_t window = 60;
  /// Sigmas, 1 to 100. Higher is quieter.
  double threshold = 3.5;
  [[nodiscard]] core::Status validate(std::size_t monitor_window) const;
};

/// Distance from everything a series has done so far.
struct NoveltyOptions {
  /// Mean log excess over the four streams, 0.01 to 2. Higher is quieter.
  double threshold = 0.27;
  [[nodiscard]] core::Status validate() const;
};

/// Distance from a slow baseline, averaged over several lengths.
struct MultiWindowOptions {
  /// Lengths of the averages in ticks, ascending, 1 to 4096, at most 8 of them; 1 is the value
  /// itself. The longest decides how slowly the baseline follows (8 times) and how long spreads are
  /// remembered (64 times); each costs 8 bytes per series.
  std::vector<std::size_t> windows = {1, 4, 16, 64, 256};
  /// Sigmas of the average that strays most, 1 to 100. Higher is quieter.
  double threshold = 4.0;
  [[nodiscard]] core::Status validate() const;
};

/// Ridge regression of an entity's next values on its recent past, with the residuals of a short
/// average and of the leading components beside it.
struct ForecasterOptions {
  /// Mean excess sigmas over the entity's metrics, 0.1 to 100. Higher is quieter.
  double threshold = 2.0;
  [[nodiscard]] core::Status validate() const;
};

/// Isolation Forest (Liu, Ting and Zhou 2008): one forest for the monitor, and with scope Entity a
/// smaller one for each entity of the training set.
struct IsolationForestOptions {
  enum class Scope { Monitor, Entity };
  Scope scope = Scope::Entity;
  std::size_t trees = 100;      ///< 8 to 1000
  std::size_t sample = 256;     ///< vectors per tree, 16 to 4096
  double contamination = 0.01;  ///< share of the training vectors beyond the threshold, 1e-4 to 0.5
  /// Trees of an entity's own forest, 8 to 1000: 2 kB each with a sample of 256.
  std::size_t entity_trees = 25;
  /// Bound of the own forests of a model, 0 to 1 GiB. Entities that find no room, and those outside
  /// the training set, are judged by the monitor's forest.
  std::size_t entity_bytes = std::size_t{16} << 20;
  [[nodiscard]] core::Status validate() const;
};

/// LSTM encoder-decoder over the last ticks of all metrics (Malhotra et al. 2016).
struct LstmAutoencoderOptions {
  std::size_t window = 10;  ///< ticks, 2 to 100
  std::size_t hidden = 32;  ///< 16, 32 or 64
  std::size_t epochs = 50;  ///< at most, 1 to 1000; training stops early
  double threshold = 3.0;   ///< sigmas of the reconstruction error, 1 to 100
  [[nodiscard]] core::Status validate() const;
};

/// STL, then generalised ESD (Cleveland 1990, Rosner 1983, Vallis 2014).
struct SeasonalEsdOptions {
  core::Duration period{0};        ///< 0 = found in the data; else 1h to 7d
  std::size_t max_anomalies = 10;  ///< per period, 1 to 100
  double alpha = 0.05;             ///< 1e-6 to 0.5
  [[nodiscard]] core::Status validate() const;
};

/// One-class support vector machine with a radial kernel (Schoelkopf 2001).
struct OneClassSvmOptions {
  double contamination = 0.01;  ///< nu: share of the training vectors outside, 1e-4 to 0.5
  double gamma = 0;             ///< of the kernel exp(-gamma |x - y|^2); 0 = from the data
  std::size_t sample = 1000;    ///< training vectors at most, 100 to 5000
  [[nodiscard]] core::Status validate() const;
};

/// Dense autoencoder of the last ticks of all metrics; linear = principal components.
struct AutoencoderOptions {
  enum class Form { Dense, Linear };
  Form form = Form::Linear;
  std::size_t window = 6;   ///< ticks the dense form sees, 1 to 60
  std::size_t hidden = 64;  ///< dense: 8 to 256
  std::size_t code = 12;    ///< dense: 2 to 64
  double variance = 0.9;    ///< linear: share of the variance that the components explain
  double threshold = 3.0;   ///< sigmas, 1 to 100
  [[nodiscard]] core::Status validate() const;
};

/// Options of every detector; one member per registered name.
struct DetectorOptions {
  ZScoreOptions zscore;
  MadOptions mad;
  IqrOptions iqr;
  MovingAverageOptions moving_average;
  RegressionOptions regression;
  NoveltyOptions novelty;
  ForecasterOptions forecaster;
  MultiWindowOptions multi_window;
  IsolationForestOptions isolation_forest;
  LstmAutoencoderOptions lstm_autoencoder;
  SeasonalEsdOptions seasonal_esd;
  OneClassSvmOptions one_class_svm;
  AutoencoderOptions autoencoder;
};

}  // namespace anomaly_exporter::detectors
