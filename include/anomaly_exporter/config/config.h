#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "anomaly_exporter/alerting/options.h"
#include "anomaly_exporter/core/result.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/core/time_zone.h"
#include "anomaly_exporter/detectors/options.h"
#include "anomaly_exporter/ensemble/calibration.h"
#include "anomaly_exporter/ensemble/ensemble.h"
#include "anomaly_exporter/exposition/writer.h"
#include "anomaly_exporter/incidents/incident.h"
#include "anomaly_exporter/series/series_limits.h"
#include "anomaly_exporter/severity/policy.h"
#include "anomaly_exporter/severity/severity.h"
#include "anomaly_exporter/sources/csv_source.h"
#include "anomaly_exporter/sources/metric_source.h"
#include "anomaly_exporter/sources/prometheus_source.h"

namespace anomaly_exporter::config {

struct GlobalConfig {
  core::Duration interval = std::chrono::seconds(10);   ///< 1s to 1d
  core::Duration offset{0};                             ///< 0 to interval x 100; see MonitorConfig
  std::size_t window = 1000;                            ///< samples, 16 to 100,000
  core::Duration calibration = std::chrono::hours(24);  ///< history replayed at full step at start
  core::Duration backfill = std::chrono::hours(14 * 24);  ///< history read at the profile's step
  core::Duration expire_after = std::chrono::hours(1);
  core::Duration accept_shift_after = std::chrono::hours(1);
  core::TimeZone timezone;  ///< in which hours of the day and days of the week are counted
};

struct MetricConfig {
  sources::MetricRequest request;  ///< `metric` is the name
  bool has_rate_window = false;    ///< rate_window was written; otherwise found from the scrapes
  std::string unit;                ///< for people; "" = none
  ensemble::Significance significance;
  severity::CriticalLimits critical;
  /// A series with samples at a smaller share of the ticks of its window is not judged. 0 to 1.
  double min_rate = 0;
};

/// One monitor, presets already expanded.
struct MonitorConfig {
  std::string name;
  std::string preset;  ///< "" for a monitor of the user's own
  std::string source;
  std::string probe_selector;  ///< selector whose scrape interval sets the default rate window
  core::Duration interval{0};
  core::Duration offset{0};  ///< how long after its data time a tick is evaluated, for late data
  std::size_t window = 0;
  core::Duration calibration{0};
  core::Duration backfill{0};
  core::Duration expire_after{0};
  core::Duration accept_shift_after{0};
  core::TimeZone timezone;
  std::optional<std::vector<std::string>> group_by;
  std::optional<std::vector<std::string>> labels;
  std::vector<MetricConfig> metrics;
  detectors::DetectorOptions detectors;
  ensemble::EnsembleOptions ensemble;
  ensemble::CalibrationOptions calibration_map;
  severity::SeverityOptions severity;
  std::vector<severity::ThresholdRule> thresholds;  ///< of all monitors, as the file lists them
  std::vector<severity::MuteRule> mutes;
  incidents::IncidentOptions incidents;
  bool allow_own_metrics = false;
  /// What must not come back as input unless it is allowed: the families of ours and of dialects.
  std::vector<std::string> own_families{std::begin(exposition::kFamilies),
                                        std::end(exposition::kFamilies)};

  /// Text that is equal exactly when state of one can be kept for the other after a reload:
  /// name, source, interval, window, metrics and detectors.
  [[nodiscard]] std::string state_key() const;
  /// The part of it that says what is watched, without the detectors; state_key() begins with it.
  [[nodiscard]] std::string series_key() const;
};

struct SourceConfig {
  std::string name;
  std::variant<sources::PrometheusSourceOptions, sources::CsvSourceOptions> options;
};

struct LimitConfig {
  series::SeriesLimitOptions series;
  /// Largest answer read from a source that does not set its own; already in each source's options.
  std::uint64_t response_bytes = 256ULL << 20;
  /// Samples that a start-up backfill of one monitor may replay; the range is shortened to fit.
  std::size_t backfill_samples = 20'000'000;
};

struct StorageConfig {
  core::Duration snapshot_interval = std::chrono::minutes(5);  ///< 10s to 1d
};

/// How models are fitted while the program runs.
struct TrainingConfig {
  bool enabled = true;
  core::Duration interval = std::chrono::hours(7 * 24);  ///< between two models, 1h to 90d
  core::Duration history = std::chrono::hours(14 * 24);  ///< data a model is fitted to, 1h to 90d
  std::size_t min_samples = 100;                         ///< vectors of a first model, >= 100
  double cpu_budget = 0.25;                              ///< share of one core, 0.01 to 1
  core::Duration watch = std::chrono::hours(24);         ///< after a change, 1m to 7d
  std::size_t keep = 5;                                  ///< versions kept, 1 to 100
  /// Unused models leave, 1d to 730d.
  core::Duration expire_after = std::chrono::hours(90 * 24);
};

struct Config {
  GlobalConfig global;
  std::vector<SourceConfig> sources;
  std::vector<MonitorConfig> monitors;
  exposition::ExpositionOptions exposition;
  LimitConfig limits;
  StorageConfig storage;
  TrainingConfig training;
  alerting::AlertingOptions alerting;
  std::string text;  ///< the file as shown by /api/v1/status/config: secrets replaced
};

/// Reads and checks a configuration file. Strict: an unknown or repeated key, a wrong type, a bad
/// range or a contradiction is an error of the form
/// `FILE:LINE: PATH: what is wrong; what would be right`, e.g.
/// `anomaly.yml:12: monitors[0].interval: "10" is not a duration; write it with a unit, like 10s`.
/// Relative file names inside are taken relative to the file's directory.
/// Errors: NotFound (no such file), InvalidArgument.
core::Result<Config> load_config(const std::string& path);

/// The same for text; `name` stands for the file in messages.
core::Result<Config> parse_config(std::string_view text, const std::string& name,
                                  const std::string& base_directory = ".");

/// Options of a detector of the monitor, the shape it has there and the checksum of its series_key
/// as one text. A model fits wherever this is equal.
std::string model_parameters(const MonitorConfig& monitor, std::string_view detector);

/// Markdown reference of every key with type, default, range and meaning; made from the same table
/// that the decoder uses, so it cannot lie.
std::string reference_page();

}  // namespace anomaly_exporter::config
