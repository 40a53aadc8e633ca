#include "anomaly_exporter/ensemble/ensemble.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string>

#include "anomaly_exporter/core/number_text.h"
#include "anomaly_exporter/ensemble/band.h"
#include "anomaly_exporter/ensemble/vote.h"

namespace anomaly_exporter::ensemble {
namespace {

using detectors::kLanes;
using detectors::LaneMask;
using detectors::Outcome;
using detectors::Tick;
using detectors::VerdictColumns;

/// Rounding of a sum of weights written in decimal.
constexpr double kWeightSumTolerance = 1e-9;
constexpr std::size_t kMaxVoters = 32;

/// Share of the state that a metric's blame must have for the metric to have the entity's score.
constexpr double kLingering = 0.5;

constexpr const char* kNovelty = "novelty";
constexpr const char* kForecaster = "forecaster";

core::Error invalid(std::string message) {
  return {core::ErrorCode::InvalidArgument, std::move(message)};
}

/// Calls `f(lane)` for every bit set.
template <class F>
void for_each_lane(LaneMask lanes, F f) {
  for (; lanes != 0; lanes &= lanes - 1) f(static_cast<std::size_t>(std::countr_zero(lanes)));
}

/// How much an outcome tells about why there is no score, by its number; the highest is shown.
constexpr std::array<int, detectors::kOutcomes> kTelling = [] {
  std::array<int, detectors::kOutcomes> rank{};
  int next = 0;
  for (const Outcome outcome : {Outcome::NoData, Outcome::Untrained, Outcome::InputMissing,
                                Outcome::WarmingUp, Outcome::Failed, Outcome::Scored}) {
    rank[static_cast<std::size_t>(outcome)] = next++;
  }
  return rank;
}();

int telling(Outcome outcome) { return kTelling[static_cast<std::size_t>(outcome)]; }

/// Per lane the largest share that a metric has in a multivariate verdict.
std::array<float, kLanes> largest_shares(const Tick& tick, const VerdictColumns& verdict) {
  std::array<float, kLanes> largest{};
  for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
    for_each_lane(tick.present[metric] & tick.active, [&](std::size_t lane) {
      const std::size_t i = metric * kLanes + lane;
      if (verdict.outcome[i] == Outcome::Scored) {
        largest[lane] = std::max(largest[lane], verdict.share[i]);
      }
    });
  }
  return largest;
}

}  // namespace

core::Status Significance::validate() const {
  const auto is_deviation = [](double d) { return d >= 0 && std::isfinite(d); };
  if (!is_deviation(min_deviation_absolute)) {
    return invalid("min_deviation: " + core::number_text(min_deviation_absolute) +
                   " is not a finite number >= 0");
  }
  if (!is_deviation(min_deviation_relative)) {
    return invalid("min_relative_deviation: " + core::number_text(min_deviation_relative) +
                   " is not a finite number >= 0");
  }
  if (!(valid_min < valid_max)) {
    return invalid("valid_range: minimum " + core::number_text(valid_min) +
                   " is not below maximum " + core::number_text(valid_max));
  }
  return {};
}

double Significance::min_deviation(double expected) const {
  return std::max(min_deviation_absolute, min_deviation_relative * std::abs(expected));
}

bool Significance::counts(double value, double expected) const {
  if (direction == Direction::Above && value < expected) return false;
  if (direction == Direction::Below && value > expected) return false;
  return std::abs(value - expected) >= min_deviation(expected);
}

core::Status EnsembleOptions::validate() const {
  if (!(threshold > 0 && threshold < 1)) {
    return invalid("threshold: " + core::number_text(threshold) + " is not between 0 and 1");
  }
  if (!(alarm_budget.alarms > 0 && std::isfinite(alarm_budget.alarms))) {
    return invalid("alarm_budget: " + core::number_text(alarm_budget.alarms) +
                   " alarms is not a positive number");
  }
  if (alarm_budget.per <= core::Duration::zero()) {
    return invalid("alarm_budget: the period must be longer than 0");
  }
  const bool is_vote = method == Method::Vote;
  if (weights.empty()) return invalid("weights: at least one detector must vote");
  if (weights.size() > kMaxVoters) {
    return invalid("weights: at most " + std::to_string(kMaxVoters) + " detectors can vote");
  }
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Weight& w = weights[i];
    if (!(w.weight >= 0 && w.weight <= 1) || (is_vote && w.weight == 0)) {
      return invalid("weights." + w.detector + ": " + core::number_text(w.weight) +
                     " is not above 0 and at most 1");
    }
    for (std::size_t k = 0; k < i; ++k) {
      if (weights[k].detector == w.detector) {
        return invalid("weights." + w.detector + ": named twice");
      }
    }
    sum += w.weight;
  }
  if (sum > 1 + kWeightSumTolerance) {
    return invalid("weights: they sum to " + core::number_text(sum) + ", more than 1");
  }
  if (!is_vote) {
    for (const char* needed : {kNovelty, kForecaster}) {
      const bool is_there = std::ranges::any_of(
          weights, [&](const Weight& w) { return w.detector == needed && w.weight > 0; });
      if (!is_there) {
        return invalid(std::string("weights: the evidence method needs ") + needed);
      }
    }
    return {};
  }
  if (sum + kWeightSumTolerance < threshold) {
    return invalid("weights: they sum to " + core::number_text(sum) +
                   ", so that no vote can reach the threshold " + core::number_text(threshold));
  }
  return {};
}

std::vector<Weight> EnsembleOptions::evidence_weights(const std::vector<std::string>& companions) {
  std::vector<Weight> weights{{kNovelty, 0.5}, {kForecaster, 0.5}};
  for (const std::string& name : companions) weights.push_back({name, 0});
  return weights;
}

std::vector<Weight> EnsembleOptions::specified_weights() {
  return {
      {"isolation_forest", 0.3}, {"lstm_autoencoder", 0.3}, {"zscore", 0.2}, {"seasonal_esd", 0.2}};
}

void EnsembleColumns::resize(std::size_t metrics, std::size_t detector_count) {
  const std::size_t n = metrics * kLanes;
  outcome.assign(n, Outcome::NoData);
  score.assign(n, 0.0);
  expected.assign(n, 0.0F);
  lower.assign(n, 0.0F);
  upper.assign(n, 0.0F);
  scale.assign(n, 0.0F);
  has_expectation.assign(n, 0);
  entity_score.assign(kLanes, -1.0);
  confidence.assign(detector_count, std::vector<double>(n, -1.0));
}

Ensemble::Ensemble(EnsembleOptions options, std::vector<Significance> per_metric)
    : options_(std::move(options)), significance_(std::move(per_metric)) {}

void Ensemble::combine(const Tick& tick, std::span<const Voter> voters,
                       std::span<const VerdictColumns> verdicts, double log_p0,
                       const EvidenceParts& evidence, EnsembleColumns& out) const {
  for (std::size_t v = 0; v < voters.size(); ++v) {
    judge_ballots(tick, voters[v], verdicts[v], log_p0, out.confidence[v]);
  }
  expect(tick, voters, verdicts, log_p0, out);
  if (options_.method == Method::Vote) {
    count_votes(tick, voters, verdicts, out);
  } else {
    weigh_evidence(tick, voters, verdicts, evidence, out);
  }
}

/// Turns one detector's raw scores into its votes.
void Ensemble::judge_ballots(const Tick& tick, const Voter& voter, const VerdictColumns& verdict,
                             double log_p0, std::vector<double>& confidence) const {
  const bool is_shared = voter.detector->scope() == detectors::Scope::Entity;
  const auto largest = is_shared ? largest_shares(tick, verdict) : std::array<float, kLanes>{};
  for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
    const Significance& significance = significance_[metric];
    const LaneMask present = tick.present[metric] & tick.active;
    for_each_lane(tick.active, [&](std::size_t lane) {
      const std::size_t i = metric * kLanes + lane;
      confidence[i] = -1;
      if ((present & series::bit(lane)) == 0 || verdict.outcome[i] != Outcome::Scored) return;
      confidence[i] = 0;
      if (!significance.counts(tick.values[i], verdict.expected[i])) return;
      confidence[i] = voter.calibration->confidence(verdict.raw[i], log_p0);
      if (is_shared) {
        confidence[i] *=
            largest[lane] > 0 ? static_cast<double>(verdict.share[i] / largest[lane]) : 0;
      }
    });
  }
}

/// Expected value, scale and band from the detector of the lowest rank among those that scored.
void Ensemble::expect(const Tick& tick, std::span<const Voter> voters,
                      std::span<const VerdictColumns> verdicts, double log_p0,
                      EnsembleColumns& out) const {
  std::array<std::size_t, kMaxVoters> by_rank{};
  std::array<double, kMaxVoters> raw_at_threshold{};
  for (std::size_t v = 0; v < voters.size(); ++v) by_rank[v] = v;
  std::stable_sort(by_rank.begin(), by_rank.begin() + static_cast<std::ptrdiff_t>(voters.size()),
                   [&](std::size_t a, std::size_t b) {
                     return voters[a].detector->expectation_rank() <
                            voters[b].detector->expectation_rank();
                   });
  for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
    for_each_lane(tick.active, [&](std::size_t lane) {
      const std::size_t i = metric * kLanes + lane;
      std::size_t k = 0;
      while (k < voters.size() && out.confidence[by_rank[k]][i] < 0) ++k;
      out.has_expectation[i] = k < voters.size() ? 1 : 0;
      if (k == voters.size()) return;
      const std::size_t v = by_rank[k];
      double& reach = raw_at_threshold[v];
      if (reach == 0) reach = voters[v].calibration->raw_at(options_.threshold, log_p0);
      const VerdictColumns& verdict = verdicts[v];
      const Significance& significance = significance_[metric];
      const double distance = reach * static_cast<double>(verdict.scale[i]);
      Band band = band_around(verdict.expected[i], distance, significance);
      if (significance.is_valid(tick.values[i])) {
        const bool is_alarm = out.confidence[v][i] >= options_.threshold;
        band = agree_with(band, tick.values[i], verdict.expected[i], is_alarm);
      }
      out.expected[i] = verdict.expected[i];
      out.scale[i] = verdict.scale[i];
      out.lower[i] = band.lower;
      out.upper[i] = band.upper;
    });
  }
}

void Ensemble::count_votes(const Tick& tick, std::span<const Voter> voters,
                           std::span<const VerdictColumns> verdicts, EnsembleColumns& out) const {
  std::array<Ballot, kMaxVoters> ballots{};
  for (std::size_t v = 0; v < voters.size(); ++v) ballots[v].weight = voters[v].weight;
  for_each_lane(tick.active, [&](std::size_t lane) { out.entity_score[lane] = -1; });
  for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
    const LaneMask present = tick.present[metric] & tick.active;
    for_each_lane(tick.active, [&](std::size_t lane) {
      const std::size_t i = metric * kLanes + lane;
      out.score[i] = 0;
      out.outcome[i] = Outcome::NoData;
      if ((present & series::bit(lane)) == 0) return;
      for (std::size_t v = 0; v < voters.size(); ++v) {
        ballots[v].confidence = out.confidence[v][i];
        const Outcome outcome = verdicts[v].outcome[i];
        if (telling(outcome) > telling(out.outcome[i])) out.outcome[i] = outcome;
      }
      if (out.outcome[i] != Outcome::Scored) return;
      out.score[i] = vote(std::span(ballots).first(voters.size()));
      if (!significance_[metric].is_valid(tick.values[i])) {
        out.score[i] = std::max(out.score[i], kInvalidValueScore);
      }
      out.entity_score[lane] = std::max(out.entity_score[lane], out.score[i]);
    });
  }
}

void Ensemble::weigh_evidence(const Tick& tick, std::span<const Voter> voters,
                              std::span<const VerdictColumns> verdicts,
                              const EvidenceParts& evidence, EnsembleColumns& out) const {
  const auto verdict_of = [&](std::string_view name) -> const VerdictColumns& {
    std::size_t v = 0;
    while (voters[v].detector->name() != name) ++v;
    return verdicts[v];
  };
  const VerdictColumns& novelty = verdict_of(kNovelty);
  const VerdictColumns& forecast = verdict_of(kForecaster);
  for_each_lane(tick.active, [&](std::size_t lane) {
    const auto entity = static_cast<series::Entity>(tick.block * kLanes + lane);
    const auto is_present = [&](std::size_t metric) {
      return (tick.present[metric] & series::bit(lane)) != 0;
    };
    const auto counted = [&](const VerdictColumns& verdict, std::size_t metric) {
      const std::size_t i = metric * kLanes + lane;
      return verdict.outcome[i] == Outcome::Scored &&
             significance_[metric].counts(tick.values[i], verdict.expected[i]);
    };
    Evidence seen{.metrics = 0};
    bool is_scored = false;
    for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
      const std::size_t i = metric * kLanes + lane;
      out.score[i] = 0;
      out.outcome[i] = Outcome::NoData;
      if (!is_present(metric)) continue;
      ++seen.metrics;
      for (const Outcome outcome : {novelty.outcome[i], forecast.outcome[i]}) {
        if (telling(outcome) > telling(out.outcome[i])) out.outcome[i] = outcome;
      }
      is_scored = is_scored || out.outcome[i] == Outcome::Scored;
      if (counted(novelty, metric)) seen.novelty += novelty.raw[i];
      if (counted(forecast, metric)) {
        seen.excess += forecast.raw[i] * static_cast<double>(forecast.share[i]);
      }
    }
    out.entity_score[lane] = -1;
    if (!is_scored) return;

    const auto count = static_cast<double>(seen.metrics);
    seen.novelty /= count;
    const double before = evidence.columns->last_score(entity);
    double score = before;
    double state = 0;
    if ((tick.repeated & series::bit(lane)) == 0) {
      const Condition condition = evidence.columns->advance(entity, tick.time, seen);
      score = condition.score;
      state = condition.state;
      if (evidence.columns->is_grown(entity)) evidence.rises->add(before, score);
    }
    const double confidence = evidence.map->confidence(score);
    out.entity_score[lane] = confidence;

    double largest = 0;
    for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
      const std::size_t i = metric * kLanes + lane;
      if (!is_present(metric)) continue;
      double brought = 0;
      if (counted(novelty, metric))
        brought += EvidenceColumns::kNoveltyWeight * novelty.raw[i] / count;
      if (counted(forecast, metric))
        brought += forecast.raw[i] * static_cast<double>(forecast.share[i]);
      out.score[i] = evidence.columns->blame(entity, metric, brought);  // its score takes its place
      largest = std::max(largest, out.score[i]);
    }
    // The entity may still be in a bad state when none of its metrics stands out any more.
    if (tick.metrics > 1) largest = std::max(largest, kLingering * state);
    for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
      const std::size_t i = metric * kLanes + lane;
      if (!is_present(metric)) continue;
      if (out.outcome[i] != Outcome::Scored) {
        out.score[i] = 0;
        continue;
      }
      out.score[i] = largest > 0 ? confidence * (out.score[i] / largest) : confidence;
      if (!significance_[metric].is_valid(tick.values[i])) {
        out.score[i] = std::max(out.score[i], kInvalidValueScore);
      }
      out.entity_score[lane] = std::max(out.entity_score[lane], out.score[i]);
    }
  });
}

}  // namespace anomaly_exporter::ensemble
