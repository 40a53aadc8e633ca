#include "detector_sections.h"

namespace anomaly_exporter::config {
namespace {

// As the options validate themselves.
constexpr NumberRange kSigmas{1, 100};
constexpr NumberRange kContamination{1e-4, 0.5};
constexpr DurationRange kPeriod{core::Duration(0), std::chrono::hours(24 * 7)};

/// Ascending numbers of ticks.
Kind<std::vector<std::size_t>> lengths(CountRange range) {
  const Kind<std::uint64_t> one = count(range);
  const auto read = [one](const Cursor& at) -> std::optional<std::vector<std::size_t>> {
    std::vector<std::size_t> values;
    const std::size_t before = at.faults();
    at.for_each_item([&](const Cursor& item) {
      if (const auto value = one.read(item)) values.push_back(*value);
    });
    if (at.faults() != before) return std::nullopt;
    return values;
  };
  const auto show = [](const std::vector<std::size_t>& values) {
    std::string text;
    for (const std::size_t v : values) text += (text.empty() ? "" : ", ") + std::to_string(v);
    return text;
  };
  return {"list of numbers", one.range + ", ascending", read, show};
}

}  // namespace

const Section<detectors::NoveltyOptions>& novelty_section() {
  using Options = detectors::NoveltyOptions;
  static const Section<Options> section{
      "detectors.novelty",
      "Distance from everything a series has done so far, and from the usual at this time of day.",
      {field<Options>("threshold", &Options::threshold, number({0.01, 2}),
                      "Mean log excess that counts in full. Higher is quieter.")},
      check_by_validate<Options>};
  return section;
}

const Section<detectors::ForecasterOptions>& forecaster_section() {
  using Options = detectors::ForecasterOptions;
  static const Section<Options> section{
      "detectors.forecaster",
      "What an entity's metrics do next, judged together.",
      {field<Options>("threshold", &Options::threshold, number({0.1, 100}),
                      "Mean excess sigmas that count in full. Higher is quieter.")},
      check_by_validate<Options>};
  return section;
}

const Section<detectors::MultiWindowOptions>& multi_window_section() {
  using Options = detectors::MultiWindowOptions;
  static const Section<Options> section{
      "detectors.multi_window",
      "Drifts and long episodes of modest size: distance from a slow baseline, averaged over "
      "several "
      "lengths.",
      {field<Options>("windows", &Options::windows, lengths({1, 4096}),
                      "Ticks that are averaged, at most 8 lengths; 1 is the value itself. The "
                      "longest also decides how slowly the baseline follows."),
       field<Options>("threshold", &Options::threshold, number(kSigmas),
                      "Sigmas of the average that strays most. Higher is quieter.")},
      check_by_validate<Options>};
  return section;
}

const Section<detectors::SeasonalEsdOptions>& seasonal_esd_section() {
  using Options = detectors::SeasonalEsdOptions;
  static const Section<Options> section{
      "detectors.seasonal_esd",
      "Distance from the seasonal pattern (STL), tested by generalised ESD.",
      {field<Options>("period", &Options::period, duration(kPeriod),
                      "Length of the season, 1h to 7d in half hours. 0s finds it in the data."),
       field<Options>("max_anomalies", &Options::max_anomalies, count({1, 100}),
                      "Anomalies per period that do not teach; what comes beyond is learned."),
       field<Options>("alpha", &Options::alpha, number({1e-6, 0.5}),
                      "Level of the test. Smaller is quieter.")},
      check_by_validate<Options>};
  return section;
}

const Section<detectors::IsolationForestOptions>& isolation_forest_section() {
  using Options = detectors::IsolationForestOptions;
  static const Section<Options> section{
      "detectors.isolation_forest",
      "Odd combinations of an entity's metrics.",
      {field<Options>("scope", &Options::scope,
                      choice<Options::Scope>({{"monitor", Options::Scope::Monitor},
                                              {"entity", Options::Scope::Entity}}),
                      "`entity`: beside the monitor's forest a smaller one for each entity of the "
                      "training set, which judges it alone."),
       field<Options>("trees", &Options::trees, count({8, 1000}), "Trees."),
       field<Options>("sample", &Options::sample, count({16, 4096}), "Vectors per tree."),
       field<Options>("contamination", &Options::contamination, number(kContamination),
                      "Share of the training vectors that count in full. Smaller is quieter."),
       field<Options>("entity_trees", &Options::entity_trees, count({8, 1000}),
                      "Trees of an entity's own forest."),
       field<Options>("entity_bytes", &Options::entity_bytes, bytes({0, std::uint64_t{1} << 30}),
                      "Bound of the own forests in a model. Entities beyond it are judged by the "
                      "monitor's forest.")},
      check_by_validate<Options>};
  return section;
}

const Section<detectors::LstmAutoencoderOptions>& lstm_autoencoder_section() {
  using Options = detectors::LstmAutoencoderOptions;
  static const Section<Options> section{
      "detectors.lstm_autoencoder",
      "Broken temporal patterns: an LSTM encoder and decoder over the last ticks of all metrics.",
      {field<Options>("window", &Options::window, count({2, 100}), "Ticks."),
       field<Options>("hidden", &Options::hidden, count({16, 64}), "Hidden units: 16, 32 or 64."),
       field<Options>("epochs", &Options::epochs, count({1, 1000}),
                      "Passes over the training windows at most; training stops early."),
       field<Options>("threshold", &Options::threshold, number(kSigmas),
                      "Sigmas of the reconstruction error that count in full.")},
      check_by_validate<Options>};
  return section;
}

const Section<detectors::OneClassSvmOptions>& one_class_svm_section() {
  using Options = detectors::OneClassSvmOptions;
  static const Section<Options> section{
      "detectors.one_class_svm",
      "A one-class support vector machine with a radial kernel.",
      {field<Options>("contamination", &Options::contamination, number(kContamination),
                      "Share of the training vectors outside. Smaller is quieter."),
       field<Options>("gamma", &Options::gamma, number({0, 1000}),
                      "Of the kernel exp(-gamma |x - y|^2). 0 takes it from the data."),
       field<Options>("sample", &Options::sample, count({100, 5000}), "Training vectors at most.")},
      check_by_validate<Options>};
  return section;
}

const Section<detectors::AutoencoderOptions>& autoencoder_section() {
  using Options = detectors::AutoencoderOptions;
  static const Section<Options> section{
      "detectors.autoencoder",
      "What an entity's usual directions of change, or a dense network, do not explain.",
      {field<Options>("form", &Options::form,
                      choice<Options::Form>(
                          {{"linear", Options::Form::Linear}, {"dense", Options::Form::Dense}}),
                      "`linear`: principal components of the residuals."),
       field<Options>("window", &Options::window, count({1, 60}), "Dense: ticks it sees."),
       field<Options>("hidden", &Options::hidden, count({8, 256}), "Dense: hidden units."),
       field<Options>("code", &Options::code, count({2, 64}), "Dense: units in the middle."),
       field<Options>("variance", &Options::variance, number({0.1, 0.999}),
                      "Linear: share of the variance that the components explain."),
       field<Options>("threshold", &Options::threshold, number(kSigmas),
                      "Sigmas that count in full. Higher is quieter.")},
      check_by_validate<Options>};
  return section;
}

}  // namespace anomaly_exporter::config
