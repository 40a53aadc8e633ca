#include <algorithm>
#include <limits>
#include <span>

#include "sections.h"

namespace anomaly_exporter::config {
namespace {

/// Words of a closed list, which people call a `what`; each may stand once.
std::vector<std::string> read_words(const Cursor& at, std::span<const std::string_view> all,
                                    const std::string& what) {
  if (at.lacks_list()) return {};
  const std::vector<std::string> known(all.begin(), all.end());
  std::vector<std::string> chosen;
  at.for_each_item([&](const Cursor& item) {
    const auto word = read_text(item);
    if (!word) return;
    if (std::find(known.begin(), known.end(), *word) == known.end()) {
      item.fail(in_quotes(*word) + " is not a " + what + suggestion(*word, known));
    } else if (std::find(chosen.begin(), chosen.end(), *word) != chosen.end()) {
      item.fail(in_quotes(*word) + " is listed twice; list every " + what + " once");
    }
    chosen.push_back(*word);
  });
  return chosen;
}

void decode_families(const Cursor& at, exposition::ExpositionOptions& out) {
  out.families = read_words(at, exposition::kFamilies, "family");
}

void decode_dialects(const Cursor& at, exposition::ExpositionOptions& out) {
  out.dialects = read_words(at, exposition::kDialects, "dialect");
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
                              "A series unseen for this long is forgotten, and with its last one "
                              "the entity. At least the interval."),
          field<GlobalConfig>(
              "accept_shift_after", &GlobalConfig::accept_shift_after, duration(kHoldRange),
              "A new level that lasts this long, or at most half of the shortest detector "
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
              {"families", "list of names", "all but `anomaly_contribution_ratio`",
               "any of " +
                   joined({std::begin(exposition::kFamilies), std::end(exposition::kFamilies)}),
               "Which result families exist. Fewer families make a smaller page.", "", false},
              decode_families),
          custom<ExpositionOptions>(
              {"dialects", "list of names", "none",
               "any of " +
                   joined({std::begin(exposition::kDialects), std::end(exposition::kDialects)}),
               "Serve the results under the names of other systems too, see dialects.md. With "
               "`families: []` they stand in place of ours.",
               "", false},
              decode_dialects),
          field<ExpositionOptions>("vmanomaly_name", &ExpositionOptions::vmanomaly_name, text(),
                                   "Names of dialect vmanomaly; `$VAR` stands for `anomaly_score`, "
                                   "`y`, `yhat`, `yhat_lower`, `yhat_upper`."),
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
                                 "Standard deviations that a warning needs: of the value from what "
                                 "was expected, or as rare as the score is."),
          field<SeverityOptions>("critical_score", &SeverityOptions::critical_score, number({0, 1}),
                                 "Score above which an anomaly can be critical."),
          field<SeverityOptions>("critical_sigmas", &SeverityOptions::critical_sigmas,
                                 number({0, 1000}),
                                 "Standard deviations beyond which it is, counted likewise."),
          field<SeverityOptions>(
              "for", &SeverityOptions::for_ticks, count({1, SeverityOptions::kMostForTicks}),
              "Ticks in succession that an anomaly must hold before it opens as info or warning."),
          field<SeverityOptions>("critical_for", &SeverityOptions::critical_for_ticks,
                                 count({1, SeverityOptions::kMostForTicks}),
                                 "The same for critical. A crossed critical limit never waits."),
          field<SeverityOptions>("hysteresis", &SeverityOptions::hysteresis, number({0, 0.99}),
                                 "An open anomaly is held while its score is at most this far "
                                 "below the threshold, and at least half of it."),
          field<SeverityOptions>("keep_firing_for", &SeverityOptions::keep_firing_for,
                                 duration(kKeepRange),
                                 "It closes when nothing has held it for this long."),
          field<SeverityOptions>("cooldown", &SeverityOptions::cooldown, duration(kKeepRange),
                                 "For this long after an anomaly opened or rose, the same series "
                                 "does not open again at the same or a lower level."),
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
  static const auto alerting = [](FileDraft & f) -> auto& { return f.config.alerting; };
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
          nested<FileDraft>("incidents", &FileDraft::incidents, incidents_section(),
                            "What belongs together, for all monitors."),
          nested<FileDraft>("exposition", exposition, exposition_section(), "What is served."),
          custom<FileDraft>(
              {"sources", "list of mappings", "", "1 to " + std::to_string(kMaxSources),
               "Where metrics come from.", source_section().title, true},
              decode_sources),
          custom<FileDraft>(
              {"monitors", "list of mappings", "", "1 to " + std::to_string(kMaxMonitors),
               "What is watched.", monitor_section().title, true},
              decode_monitors),
          custom<FileDraft>(
              {"thresholds", "list of mappings", "none",
               "at most " + std::to_string(kMaxThresholds),
               "Settings of single series, metrics or monitors.", threshold_section().title, false},
              decode_thresholds),
          custom<FileDraft>(
              {"mute", "list of mappings", "none", "at most " + std::to_string(kMaxThresholds),
               "Series without severity.", mute_section().title, false},
              decode_mutes),
          nested<FileDraft>("storage", storage, storage_section(), "State files."),
          nested<FileDraft>("training", training, training_section(), "Fitting of models."),
          nested<FileDraft>("alerting", alerting, alerting_section(), "Who alerts, and how."),
      },
      nullptr};
  return section;
}

}  // namespace anomaly_exporter::config
