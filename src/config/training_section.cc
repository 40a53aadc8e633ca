#include <sstream>

#include "anomaly_exporter/core/checksum.h"
#include "sections.h"

namespace anomaly_exporter::config {

const Section<TrainingConfig>& training_section() {
  static constexpr DurationRange kSpan{std::chrono::hours(1), std::chrono::hours(24 * 90)};
  static const Section<TrainingConfig> section{
      "training",
      "How the models of trained detectors are fitted beside the scoring. Which detectors are "
      "trained is said on their pages.",
      {
          field<TrainingConfig>("enabled", &TrainingConfig::enabled, boolean(),
                                "Fit models. Without it only models made by `anomalytool train` "
                                "are used."),
          field<TrainingConfig>("interval", &TrainingConfig::interval, duration(kSpan),
                                "Time between two models of a detector. Young monitors are fitted "
                                "anew whenever their history has doubled, until it is this long."),
          field<TrainingConfig>("history", &TrainingConfig::history, duration(kSpan),
                                "Data that a model is fitted to; shortened where it would be more "
                                "than 2,000,000 values."),
          field<TrainingConfig>("min_samples", &TrainingConfig::min_samples,
                                count({100, 1'000'000}),
                                "Ticks that a monitor has judged, and vectors in its data, before "
                                "its first model."),
          field<TrainingConfig>("cpu_budget", &TrainingConfig::cpu_budget, number({0.01, 1}),
                                "Share of one core that fitting may use."),
          field<TrainingConfig>("watch", &TrainingConfig::watch,
                                duration({std::chrono::minutes(1), std::chrono::hours(24 * 7)}),
                                "How long a new model is watched. One that calls far more vectors "
                                "anomalous than the one before is taken back."),
          field<TrainingConfig>("keep", &TrainingConfig::keep, count({1, 100}),
                                "Versions of a model that are kept as files."),
          field<TrainingConfig>("expire_after", &TrainingConfig::expire_after,
                                duration({std::chrono::hours(24), std::chrono::hours(24 * 730)}),
                                "Models of monitors and detectors that no configuration has named "
                                "for so long are removed."),
      },
      nullptr};
  return section;
}

std::string model_parameters(const MonitorConfig& monitor, std::string_view detector) {
  std::ostringstream text;
  text << detector << ":";
  for (const auto& f : detectors_section().fields) {
    if (f.doc.name == detector && f.show) text << f.show(monitor.detectors);
  }
  text << " interval=" << monitor.interval.count() << " window=" << monitor.window << " metrics=";
  for (const MetricConfig& metric : monitor.metrics) text << metric.request.metric << ",";
  text << " series=" << std::hex << core::crc32c(monitor.series_key());  // queries, grouping, ...
  return text.str();
}

}  // namespace anomaly_exporter::config
