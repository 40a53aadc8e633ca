#include <charconv>
#include <cmath>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/detectors/registry.h"
#include "detector_sections.h"
#include "sections.h"

namespace anomaly_exporter::config {
namespace {

using detectors::DetectorOptions;
using ensemble::AlarmBudget;
using ensemble::EnsembleOptions;
using ensemble::Method;

const std::vector<std::pair<std::string, Method>> kMethods = {{"evidence", Method::Evidence},
                                                              {"vote", Method::Vote}};

// As the options validate themselves; there the monitor's window is a further bound.
constexpr NumberRange kThresholdRange{1, 100};
constexpr CountRange kDetectorWindowRange{detectors::kLeastWindow, kWindowRange.most};
constexpr CountRange kSortedWindowRange{detectors::kLeastWindow, detectors::MadOptions::kMaxWindow};

struct Period {
  const char* name;
  core::Duration length;
};
constexpr Period kPeriods[] = {{"hour", std::chrono::hours(1)},
                               {"day", std::chrono::hours(24)},
                               {"week", std::chrono::hours(24 * 7)}};

/// `2/day`, `1/week`, `1/12h`.
std::optional<AlarmBudget> read_alarm_budget(const Cursor& at) {
  const auto written = read_text(at);
  if (!written) return std::nullopt;
  const std::size_t slash = written->find('/');
  const std::string period = slash == std::string::npos ? "" : written->substr(slash + 1);
  const auto alarms = core::parse_number(written->substr(0, slash));
  AlarmBudget budget{alarms.value_or(0), core::Duration(0)};
  for (const Period& known : kPeriods) {
    if (period == known.name) budget.per = known.length;
  }
  if (budget.per.count() == 0) {
    if (const auto length = core::parse_duration(period)) budget.per = *length;
  }
  if (!std::isfinite(budget.alarms) || budget.alarms <= 0 || budget.per.count() <= 0) {
    at.fail(in_quotes(*written) +
            " is not an alarm budget; write alarms per time, like 1/week, 2/day or 1/12h");
    return std::nullopt;
  }
  return budget;
}

std::string show_alarm_budget(const AlarmBudget& budget) {
  for (const Period& known : kPeriods) {
    if (budget.per == known.length) return core::number_text(budget.alarms) + "/" + known.name;
  }
  return core::number_text(budget.alarms) + "/" + core::format_duration(budget.per);
}

/// A mapping replaces all weights: a detector that is not named does not vote.
void decode_weights(const Cursor& at, EnsembleOptions& out) {
  std::vector<std::string> known;
  for (const auto& entry : detectors::registry()) known.emplace_back(entry.name);
  std::vector<ensemble::Weight> weights;
  at.for_each_entry([&](const std::string& detector, const Cursor& value) {
    if (std::find(known.begin(), known.end(), detector) == known.end()) {
      value.fail("unknown detector" + suggestion(detector, known));
      return;
    }
    const auto weight = read_number(value, {0, 1});
    if (!weight) return;
    if (*weight == 0) {
      value.fail("a weight is above 0; leave the detector out to switch it off");
      return;
    }
    weights.push_back({detector, *weight});
  });
  if (weights.empty() && at.node().items.empty()) {
    at.fail("names no detector; name at least one, like {zscore: 1}");
    return;
  }
  out.weights = std::move(weights);
}

/// The method brings its own weights; `weights` and `companions` are read after it.
void decode_method(const Cursor& at, EnsembleOptions& out) {
  static const Kind<Method> kind = choice<Method>(kMethods);
  const auto method = kind.read(at);
  if (!method) return;
  if (*method != out.method) {
    out.weights =
        *method == Method::Vote ? EnsembleOptions::specified_weights() : EnsembleOptions{}.weights;
  }
  out.method = *method;
}

/// Weights are a vote's: naming them chooses it.
void decode_vote_weights(const Cursor& at, EnsembleOptions& out) {
  out.method = Method::Vote;
  decode_weights(at, out);
}

void check_ensemble(const Cursor& at, const EnsembleOptions& options) {
  const auto method = at.find("method");
  if (at.find("weights") && method && read_text(*method) == "evidence") {
    at.fail_at("weights",
               "the evidence method has no weights; write `method: vote`, or `companions` to "
               "choose what runs along");
    return;
  }
  if (at.find("weights") && at.find("companions")) {
    at.fail_at("companions",
               "belongs to `method: evidence`, and `weights` to `method: vote`; write one of them");
    return;
  }
  check_by_validate(at, options);
}

void decode_companions(const Cursor& at, EnsembleOptions& out) {
  if (out.method != Method::Evidence) {
    at.fail("belongs to `method: evidence`; in a vote name the detectors in `weights`");
    return;
  }
  if (at.lacks_list()) return;
  std::vector<std::string> known;
  for (const auto& entry : detectors::registry()) known.emplace_back(entry.name);
  std::vector<std::string> companions;
  at.for_each_item([&](const Cursor& item) {
    const auto name = read_text(item);
    if (!name) return;
    if (std::find(known.begin(), known.end(), *name) == known.end()) {
      item.fail("unknown detector" + suggestion(*name, known));
    } else if (*name == "novelty" || *name == "forecaster") {
      item.fail(in_quotes(*name) + " always runs in the evidence method");
    } else if (std::find(companions.begin(), companions.end(), *name) != companions.end()) {
      item.fail(in_quotes(*name) + " is named twice");
    } else {
      companions.push_back(*name);
    }
  });
  out.weights = EnsembleOptions::evidence_weights(companions);
}

std::string show_companions(const EnsembleOptions& options) {
  std::vector<std::string> names;
  for (const ensemble::Weight& weight : options.weights) {
    if (weight.weight == 0) names.push_back(weight.detector);
  }
  std::string out = "[";
  out += joined(names);
  return out + "]";
}

std::string show_weights(const EnsembleOptions& options) {
  std::vector<std::string> words;
  for (const ensemble::Weight& weight : options.weights) {
    words.push_back(weight.detector + ": " + core::number_text(weight.weight));
  }
  std::string out = "{";
  out += joined(words);
  return out + "}";
}

const Section<detectors::ZScoreOptions>& zscore_section() {
  using Options = detectors::ZScoreOptions;
  static const Section<Options> section{
      "detectors.zscore",
      "Distance from the mean of the recent past, in standard deviations.",
      {field<Options>("window", &Options::window, count(kDetectorWindowRange),
                      "Samples of the recent past, at most the monitor's window. Longer is "
                      "steadier and slower to accept change."),
       field<Options>("threshold", &Options::threshold, number(kThresholdRange),
                      "Deviation that counts in full. Higher is quieter.")},
      nullptr};
  return section;
}

const Section<detectors::MadOptions>& mad_section() {
  using Options = detectors::MadOptions;
  static const Section<Options> section{
      "detectors.mad",
      "Distance from the median, in median absolute deviations scaled to standard deviations. "
      "Outliers in the past do not widen it.",
      {field<Options>("window", &Options::window, count(kSortedWindowRange),
                      "Samples of the recent past, at most the monitor's window."),
       field<Options>("threshold", &Options::threshold, number(kThresholdRange),
                      "Deviation that counts in full. Higher is quieter.")},
      nullptr};
  return section;
}

const Section<detectors::IqrOptions>& iqr_section() {
  using Options = detectors::IqrOptions;
  static const Section<Options> section{
      "detectors.iqr",
      "Distance outside the quartiles, in interquartile ranges.",
      {field<Options>("window", &Options::window, count(kSortedWindowRange),
                      "Samples of the recent past, at most the monitor's window."),
       field<Options>("threshold", &Options::threshold, number({0.5, 100}),
                      "Distance that counts in full. Higher is quieter.")},
      nullptr};
  return section;
}

const Section<detectors::MovingAverageOptions>& moving_average_section() {
  using Options = detectors::MovingAverageOptions;
  static const Section<Options> section{
      "detectors.moving_average",
      "Distance from a short moving average, in standard deviations of that distance.",
      {field<Options>("window", &Options::window, count(kDetectorWindowRange), "Samples averaged."),
       field<Options>("spread_window", &Options::spread_window, count({20, kWindowRange.most}),
                      "Samples over which the spread of the distance is measured, at most the "
                      "monitor's window."),
       field<Options>("threshold", &Options::threshold, number(kThresholdRange),
                      "Deviation that counts in full. Higher is quieter.")},
      nullptr};
  return section;
}

const Section<detectors::RegressionOptions>& regression_section() {
  using Options = detectors::RegressionOptions;
  static const Section<Options> section{
      "detectors.regression",
      "Distance from a straight line through the recent past, in standard errors of its "
      "prediction.",
      {field<Options>("window", &Options::window, count(kDetectorWindowRange),
                      "Samples the line is laid through, at most the monitor's window."),
       field<Options>("threshold", &Options::threshold, number(kThresholdRange),
                      "Deviation that counts in full. Higher is quieter.")},
      nullptr};
  return section;
}

}  // namespace

const Section<DetectorOptions>& detectors_section() {
  static const Section<DetectorOptions> section{
      "detectors",
      "Settings of each detector. Which of them run is said by `ensemble`. A monitor's "
      "own `detectors` replaces single keys.",
      {
          nested<DetectorOptions>("zscore", &DetectorOptions::zscore, zscore_section(),
                                  "Rolling z-score."),
          nested<DetectorOptions>("mad", &DetectorOptions::mad, mad_section(),
                                  "Rolling median and MAD."),
          nested<DetectorOptions>("iqr", &DetectorOptions::iqr, iqr_section(),
                                  "Rolling interquartile range."),
          nested<DetectorOptions>("moving_average", &DetectorOptions::moving_average,
                                  moving_average_section(), "Moving average."),
          nested<DetectorOptions>("regression", &DetectorOptions::regression, regression_section(),
                                  "Linear regression."),
          nested<DetectorOptions>("novelty", &DetectorOptions::novelty, novelty_section(),
                                  "Novelty against the whole past."),
          nested<DetectorOptions>("forecaster", &DetectorOptions::forecaster, forecaster_section(),
                                  "Forecast of an entity's next values."),
          nested<DetectorOptions>("seasonal_esd", &DetectorOptions::seasonal_esd,
                                  seasonal_esd_section(), "Seasonal ESD."),
          nested<DetectorOptions>("isolation_forest", &DetectorOptions::isolation_forest,
                                  isolation_forest_section(), "Isolation forest."),
          nested<DetectorOptions>("lstm_autoencoder", &DetectorOptions::lstm_autoencoder,
                                  lstm_autoencoder_section(), "LSTM autoencoder."),
          nested<DetectorOptions>("multi_window", &DetectorOptions::multi_window,
                                  multi_window_section(), "Averages of several lengths."),
          nested<DetectorOptions>("one_class_svm", &DetectorOptions::one_class_svm,
                                  one_class_svm_section(), "One-class SVM."),
          nested<DetectorOptions>("autoencoder", &DetectorOptions::autoencoder,
                                  autoencoder_section(), "Dense or linear autoencoder."),
      },
      nullptr};
  return section;
}

std::vector<SectionDoc> detector_section_docs() {
  return {doc_of(zscore_section()),
          doc_of(mad_section()),
          doc_of(iqr_section()),
          doc_of(moving_average_section()),
          doc_of(regression_section()),
          doc_of(novelty_section()),
          doc_of(forecaster_section()),
          doc_of(seasonal_esd_section()),
          doc_of(isolation_forest_section()),
          doc_of(lstm_autoencoder_section()),
          doc_of(multi_window_section()),
          doc_of(one_class_svm_section()),
          doc_of(autoencoder_section())};
}

const Section<EnsembleOptions>& ensemble_section() {
  static const Section<EnsembleOptions> section{
      "ensemble",
      "How the detectors vote. A monitor's own `ensemble` replaces single keys.",
      {
          custom<EnsembleOptions>(
              {"method", "word", "evidence", "one of evidence, vote",
               "How the detectors' verdicts become one score. `evidence` adds up what `novelty` "
               "and `forecaster` find over metrics and time; `vote` is the weighted vote of "
               "calibrated confidences.",
               "", false},
              decode_method),
          field<EnsembleOptions>("threshold", &EnsembleOptions::threshold, number({0.01, 0.99}),
                                 "Score from which a value is an anomaly. 0.5 raises more alarms, "
                                 "0.7 fewer."),
          field<EnsembleOptions>(
              "alarm_budget", &EnsembleOptions::alarm_budget,
              Kind<AlarmBudget>{"rate", "alarms per hour, day, week or duration", read_alarm_budget,
                                show_alarm_budget},
              "False alarms that are acceptable, per entity (with method vote per series); scores "
              "are scaled so that 0.6 is reached this often on ordinary data."),
          custom<EnsembleOptions>(
              {"companions", "list of detectors", show_companions(EnsembleOptions{}), "",
               "Method evidence: detectors that run beside `novelty` and `forecaster`. They give "
               "the expected value and scores of their own, and do not vote.",
               "", false},
              decode_companions),
          custom<EnsembleOptions>({"weights", "mapping of detector to number",
                                   show_weights({.weights = EnsembleOptions::specified_weights()}),
                                   "above 0, at most 1 each",
                                   "Method vote, which naming them chooses: who votes, and with "
                                   "what weight. They should "
                                   "sum to 1.",
                                   "", false},
                                  decode_vote_weights),
      },
      check_ensemble};
  return section;
}

}  // namespace anomaly_exporter::config
