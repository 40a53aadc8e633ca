#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "anomaly_exporter/config/config.h"
#include "schema.h"

namespace anomaly_exporter::config {

/// What the file says, while it is read. Later parts start from earlier ones: monitors from
/// `global`, `detectors`, `ensemble` and `severity`, sources from `limits`.
struct FileDraft {
  Config config;
  detectors::DetectorOptions detectors;
  ensemble::EnsembleOptions ensemble;
  severity::SeverityOptions severity;
  incidents::IncidentOptions incidents;
};

enum class SourceType { Prometheus, Csv };

struct SourceDraft {
  std::string name;
  SourceType type = SourceType::Prometheus;
  sources::PrometheusSourceOptions prometheus;
  std::string path;
};

struct MetricDraft {
  MetricConfig config;
  std::optional<std::string> query;
  std::optional<std::string> selector;
  std::optional<std::string> column;
  std::optional<sources::As> as;
  std::optional<core::Duration> rate_window;
};

struct MonitorDraft {
  MonitorConfig config;
  std::string variant;
  bool is_extended = false;
  std::string selector;  ///< as written: matchers for the preset, or what data_quality watches
  std::string agrees_with;
  double tolerance_percent = 1;
  ensemble::Significance valid_values;  ///< its valid range only
  std::optional<core::Duration> rate_window;
  std::optional<Cursor> metrics;  ///< read once preset and source are known
};

/// The tables, one per mapping of the file.
const Section<FileDraft>& file_section();
const Section<GlobalConfig>& global_section();
const Section<LimitConfig>& limits_section();
const Section<StorageConfig>& storage_section();
const Section<TrainingConfig>& training_section();
const Section<exposition::ExpositionOptions>& exposition_section();
const Section<detectors::DetectorOptions>& detectors_section();
const Section<ensemble::EnsembleOptions>& ensemble_section();
const Section<severity::SeverityOptions>& severity_section();
const Section<SourceDraft>& source_section();
const Section<MonitorDraft>& monitor_section();
const Section<MetricDraft>& metric_section();
const Section<severity::CriticalLimits>& critical_section();
const Section<ensemble::Significance>& band_section();
const Section<severity::ThresholdRule>& threshold_section();
const Section<severity::MuteRule>& mute_section();
const Section<incidents::IncidentOptions>& incidents_section();

const Section<alerting::AlertingOptions>& alerting_section();

/// The HTTP client block, which `sources` and `alerting.alertmanagers` share.
const Section<net::BasicAuthOptions>& basic_auth_section();
const Section<net::AuthorizationOptions>& authorization_section();
const Section<net::TlsOptions>& tls_section();
const Section<net::SecretSource>& header_section();
void decode_headers(const Cursor& at, net::HttpClientOptions& http);
void decode_proxy(const Cursor& at, net::HttpClientOptions& http);

/// Tables below `sources` and `detectors`, for the reference.
std::vector<SectionDoc> source_section_docs();
std::vector<SectionDoc> detector_section_docs();
std::vector<SectionDoc> alerting_section_docs();

std::vector<SectionDoc> threshold_section_docs();

/// Entries of the lists; far more than anybody writes, and few enough to expand at once.
inline constexpr std::size_t kMaxSources = 100;
inline constexpr std::size_t kMaxMonitors = 1000;
inline constexpr std::size_t kMaxMetrics = 1000;
inline constexpr std::size_t kMaxThresholds = 1000;

/// Ranges that `global` and monitors share.
inline constexpr DurationRange kIntervalRange{std::chrono::seconds(1), std::chrono::hours(24)};
inline constexpr DurationRange kOffsetRange{core::Duration(0), std::chrono::hours(24 * 7)};
inline constexpr CountRange kWindowRange{16, 100'000};
inline constexpr DurationRange kCalibrationRange{core::Duration(0), std::chrono::hours(24 * 30)};
inline constexpr DurationRange kBackfillRange{core::Duration(0), std::chrono::hours(24 * 90)};
inline constexpr DurationRange kHoldRange{std::chrono::seconds(1), std::chrono::hours(24 * 30)};
inline constexpr DurationRange kKeepRange{core::Duration(0), std::chrono::hours(24 * 30)};
inline constexpr DurationRange kRateWindowRange{std::chrono::seconds(1), std::chrono::hours(24)};

/// Reads the lists at the top of the file into the draft.
void decode_sources(const Cursor& at, FileDraft& draft);
void decode_monitors(const Cursor& at, FileDraft& draft);
/// REQUIRES: monitors were read.
void decode_thresholds(const Cursor& at, FileDraft& draft);
void decode_mutes(const Cursor& at, FileDraft& draft);

/// What must hold between the times of `global` or of one monitor (which have the same names).
template <class T>
void check_times(const Cursor& at, const T& times) {
  if (times.offset > times.interval * 100) {
    at.fail_at("offset", core::format_duration(times.offset) + " is longer than 100 x interval (" +
                             core::format_duration(times.interval * 100) +
                             "); shorten it or lengthen the interval");
  }
  if (times.expire_after < times.interval) {
    at.fail_at("expire_after", core::format_duration(times.expire_after) +
                                   " is shorter than the interval (" +
                                   core::format_duration(times.interval) +
                                   "); a series would end between two ticks");
  }
  if (times.accept_shift_after < times.interval) {
    at.fail_at("accept_shift_after", core::format_duration(times.accept_shift_after) +
                                         " is shorter than the interval (" +
                                         core::format_duration(times.interval) +
                                         "); every anomaly would be learned at once");
  }
}

}  // namespace anomaly_exporter::config
