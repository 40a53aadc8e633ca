#include <limits>

#include "sections.h"

namespace anomaly_exporter::config {
namespace {

/// Families are a closed list; each may stand once.
void decode_families(const Cursor& at, exposition::ExpositionOptions& out) {
  const std::vector<std::string> known(std::begin(exposition::kFamilies),
                                       std::end(exposition::kFamilies));
  std::vector<std::string> chosen;
  at.for_each_item([&](const Cursor& item) {
    const auto family = read_text(item);
    if (!family) return;
    if (std::find(known.begin(), known.end(), *family) == known.end()) {
      item.fail(in_quotes(*family) + " is not a family" + suggestion(*family, known));
    } else if (std::find(chosen.begin(), chosen.end(), *family) != chosen.end()) {
      item.fail(in_quotes(*family) + " is listed twice; list every family once");
    }
    chosen.push_back(*family);
  });
  out.families = std::move(chosen);
}

}  // namespace

const Section<GlobalConfig>& global_section() {
  static const Section<GlobalConfig> section{
      "global",
      "Times that hold for every monitor that does not set its own.",
      {
          field<GlobalConfig>("interval", &GlobalConfig::interval, duration(kIntervalRange),
                              "Time between two evaluations. Ticks lie on multiples of it."),
          field<GlobalConfig>("offset", &GlobalConfig::offset, duration(kOffsetRange),
                              "How long after its data time a tick is evaluated, for data that "
                              "arrives late. At most 100 intervals."),
          field<GlobalConfig>("window", &GlobalConfig::window, count(kWindowRange),
                              "Samples kept per series at full resolution; about 4 bytes each. "
                              "Detector windows lie within it."),
          field<GlobalConfig>("calibration", &GlobalConfig::calibration,
                              duration(kCalibrationRange),
                              "History replayed at full resolution at start, from which the score "
                              "scale is learned. 0s starts without history."),
          field<GlobalConfig>("backfill", &GlobalConfig::backfill, duration(kBackfillRange),
                              "History read in coarse steps at start, for daily and weekly "
                              "patterns. 0s reads none."),
          field<GlobalConfig>("expire_after", &GlobalConfig::expire_after, duration(kHoldRange),
                              "An entity unseen for this long is forgotten. At least the "
                              "interval."),
          field<GlobalConfig>("accept_shift_after", &GlobalConfig::accept_shift_after,
                              duration(kHoldRange),
                              "A new level that lasts this long, or half of the shortest detector "
                              "window, becomes the normal one. At least the interval."),
          field<GlobalConfig>("timezone", &GlobalConfig::timezone, time_zone(),
                              "In which daily and weekly patterns are counted, daylight saving "
                              "time included; a name of the tz database like Europe/Berlin."),
      },
      check_times<GlobalConfig>};
  return section;
}

const Section<LimitConfig>& limits_section() {
  static const auto series = [](LimitConfig & limits) -> auto& { return limits.series; };
  static const Section<LimitConfig> section{
      "limits",
      "Bounds on what is taken in. What exceeds them is dropped, counted and named once.",
      {
          field<LimitConfig>(
              "series", [](LimitConfig & l) -> auto& { return series(l).series; },
              count({1, 50'000'000}), "Series in the whole process; about 10 kB each."),
          field<LimitConfig>(
              "series_per_source",
              [](LimitConfig & l) -> auto& { return series(l).series_per_source; },
              count({1, 50'000'000}), "Series that one source may bring."),
          field<LimitConfig>(
              "labels_per_series",
              [](LimitConfig & l) -> auto& { return series(l).labels_per_series; },
              count({1, 1000}), "Labels of one source series."),
          field<LimitConfig>(
              "label_value_bytes",
              [](LimitConfig & l) -> auto& { return series(l).label_value_bytes; },
              bytes({1, 1 << 20}), "Length of one label value."),
          field<LimitConfig>("response_bytes", &LimitConfig::response_bytes,
                             bytes({1 << 10, 64ULL << 30}),
                             "Largest answer read from a source that does not set its own."),
          field<LimitConfig>("backfill_samples", &LimitConfig::backfill_samples,
                             count({1000, 10'000'000'000}),
                             "Samples that the start-up replay of one monitor may read; the "
                             "replayed range is shortened to fit."),
      },
      [](const Cursor& at, const LimitConfig& limits) { check_by_validate(at, limits.series); }};
  return section;
}

const Section<StorageConfig>& storage_section() {
  static const Section<StorageConfig> section{
      "storage",
      "State files, written below `--storage.path`.",
      {field<StorageConfig>("snapshot_interval", &StorageConfig::snapshot_interval,
                            duration({std::chrono::seconds(10), std::chrono::hours(24)}),
                            "Time between two writes of the learned state.")},
      nullptr};
  return section;
}

const Section<exposition::ExpositionOptions>& exposition_section() {
  using exposition::ExpositionOptions;
  static const Section<ExpositionOptions> section{
      "exposition",
      "What `/metrics` serves.",
      {
          custom<ExpositionOptions>(
              {"families", "list of names", "all of them",
               "any of " +
                   joined({std::begin(exposition::kFamilies), std::end(exposition::kFamilies)}),
               "Which result families exist. Fewer families make a smaller page.", "", false},
              decode_families),
          field<ExpositionOptions>("gzip", &ExpositionOptions::gzip, boolean(),
                                   "Compress when the client asks for it."),
          field<ExpositionOptions>("gzip_min_bytes", &ExpositionOptions::gzip_min_bytes,
                                   bytes({0, 1ULL << 30}),
                                   "Pages smaller than this are never compressed."),
      },
      check_by_validate<ExpositionOptions>};
  return section;
}

const Section<severity::SeverityOptions>& severity_section() {
  using severity::SeverityOptions;
  static const Section<SeverityOptions> section{
      "severity",
      "When an anomaly is a warning or critical: both conditions of a level must hold. An anomaly "
      "that reaches neither is info.",
      {
          field<SeverityOptions>("warning_score", &SeverityOptions::warning_score, number({0, 1}),
                                 "Score from which an anomaly can be a warning."),
          field<SeverityOptions>("warning_sigmas", &SeverityOptions::warning_sigmas,
                                 number({0, 1000}),
                                 "Deviation, in standard deviations, that a warning needs."),
          field<SeverityOptions>("critical_score", &SeverityOptions::critical_score, number({0, 1}),
                                 "Score above which an anomaly can be critical."),
          field<SeverityOptions>("critical_sigmas", &SeverityOptions::critical_sigmas,
                                 number({0, 1000}),
                                 "Deviation, in standard deviations, beyond which it is."),
      },
      check_by_validate<SeverityOptions>};
  return section;
}

const Section<severity::CriticalLimits>& critical_section() {
  using severity::CriticalLimits;
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  static const Section<CriticalLimits> section{
      "monitors[].metrics.NAME.critical",
      "Limits beyond which a value is critical at once, whatever the past says.",
      {
          field<CriticalLimits>("below", &CriticalLimits::below, number({-1e300, 1e300}),
                                "Values below are critical.")
              .defaults_to("none"),
          field<CriticalLimits>("above", &CriticalLimits::above, number({-1e300, 1e300}),
                                "Values above are critical.")
              .defaults_to("none"),
      },
      [](const Cursor& at, const CriticalLimits& limits) {
        if (limits.below != -kInfinity && limits.above != kInfinity &&
            limits.below >= limits.above) {
          at.fail("below is not less than above, so every value would be critical; swap them");
          return;
        }
        check_by_validate(at, limits);
      }};
  return section;
}

const Section<FileDraft>& file_section() {
  static const auto global = [](FileDraft & f) -> auto& { return f.config.global; };
  static const auto limits = [](FileDraft & f) -> auto& { return f.config.limits; };
  static const auto storage = [](FileDraft & f) -> auto& { return f.config.storage; };
  static const auto training = [](FileDraft & f) -> auto& { return f.config.training; };
  static const auto exposition = [](FileDraft & f) -> auto& { return f.config.exposition; };
  static const Section<FileDraft> section{
      "The file",
      "",
      {
          nested<FileDraft>("global", global, global_section(), "Times for all monitors."),
          nested<FileDraft>("limits", limits, limits_section(), "Bounds on what is taken in."),
          nested<FileDraft>("detectors", &FileDraft::detectors, detectors_section(),
                            "Settings of the detectors, for all monitors."),
          nested<FileDraft>("ensemble", &FileDraft::ensemble, ensemble_section(),
                            "How detectors vote, for all monitors."),
          nested<FileDraft>("severity", &FileDraft::severity, severity_section(),
                            "Levels of severity, for all monitors."),
          custom<FileDraft>(
              {"sources", "list of mappings", "", "1 to " + std::to_string(kMaxSources),
               "Where metrics come from.", source_section().title, true},
              decode_sources),
          custom<FileDraft>(
              {"monitors", "list of mappings", "", "1 to " + std::to_string(kMaxMonitors),
               "What is watched.", monitor_section().title, true},
              decode_monitors),
          nested<FileDraft>("exposition", exposition, exposition_section(), "What is served."),
          nested<FileDraft>("storage", storage, storage_section(), "State files."),
          nested<FileDraft>("training", training, training_section(), "Fitting of models."),
      },
      nullptr};
  return section;
}

}  // namespace anomaly_exporter::config
