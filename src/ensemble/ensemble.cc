#include "anomaly_exporter/ensemble/ensemble.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "anomaly_exporter/ensemble/band.h"
#include "anomaly_exporter/ensemble/vote.h"

namespace anomaly_exporter::ensemble {
namespace {

using detectors::kLanes;
using detectors::LaneMask;
using detectors::Outcome;
using detectors::Tick;
using detectors::VerdictColumns;

constexpr std::size_t kMaxVoters = EnsembleOptions::kMaxVoters;

/// Share of the state that a metric's blame must have for the metric to have the entity's score.
constexpr double kLingering = 0.5;

constexpr const char* kNovelty = EnsembleOptions::kNovelty;
constexpr const char* kForecaster = EnsembleOptions::kForecaster;

/// Calls `f(lane)` for every bit set.
template <class F>
void for_each_lane(LaneMask lanes, F f) {
  for (; lanes != 0; lanes &= lanes - 1) f(static_cast<std::size_t>(std::countr_zero(lanes)));
}

/// How much an outcome tells about why there is no score, by its number; the highest is shown.
constexpr std::array<int, detectors::kOutcomes> kTelling = [] {
  std::array<int, detectors::kOutcomes> rank{};
  int next = 0;
  for (const Outcome outcome :
       {Outcome::NoData, Outcome::Untrained, Outcome::InputMissing, Outcome::WarmingUp,
        Outcome::Sparse, Outcome::Failed, Outcome::Scored}) {
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

/// Contributions of one lane become parts of their total.
void divide_contributions(const Tick& tick, std::size_t lane, double total, EnsembleColumns& out) {
  for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
    float& part = out.contribution[metric * kLanes + lane];
    if (part < 0 || !(total > 0)) {
      part = -1;
    } else {
      part = static_cast<float>(static_cast<double>(part) / total);
    }
  }
}

}  // namespace

void EnsembleColumns::resize(std::size_t metrics, std::size_t detector_count) {
  const std::size_t n = metrics * kLanes;
  outcome.assign(n, Outcome::NoData);
  score.assign(n, 0.0);
  expected.assign(n, 0.0F);
  lower.assign(n, 0.0F);
  upper.assign(n, 0.0F);
  scale.assign(n, 0.0F);
  has_expectation.assign(n, 0);
  hold.assign(n, 0.0);
  contribution.assign(n, -1.0F);
  entity_score.assign(kLanes, -1.0);
  confidence.assign(detector_count, std::vector<double>(n, -1.0));
}

Ensemble::Ensemble(EnsembleOptions options, std::vector<Significance> per_metric)
    : options_(std::move(options)), significance_(std::move(per_metric)) {}

void Ensemble::combine(const Tick& tick, std::span<const Voter> voters,
                       std::span<const VerdictColumns> verdicts, double log_p0,
                       const EvidenceParts& evidence, EnsembleColumns& out, Detail detail) const {
  const bool is_vote = options_.method == Method::Vote;
  if (is_vote) detail = Detail::Full;
  if (!is_vote) weigh_evidence(tick, voters, verdicts, evidence, out);
  const double least_score = detail == Detail::Lean ? options_.threshold / 2 : 0;
  const std::span<const double> score = is_vote ? std::span<const double>() : out.score;
  for (std::size_t v = 0; v < voters.size(); ++v) {
    judge_ballots(tick, voters[v], verdicts[v], log_p0, least_score, score, out.confidence[v]);
  }
  expect(tick, voters, verdicts, log_p0, detail, out);
  if (!is_vote) return;
  count_votes(tick, voters, verdicts, out);
  share_votes(tick, voters, out);
}

/// Turns one detector's raw scores into its votes. Where there are scores already, rows below
/// `least_score` get 0.
void Ensemble::judge_ballots(const Tick& tick, const Voter& voter, const VerdictColumns& verdict,
                             double log_p0, double least_score, std::span<const double> score,
                             std::vector<double>& confidence) const {
  const bool is_shared = voter.detector->scope() == detectors::Scope::Entity;
  const auto largest = is_shared ? largest_shares(tick, verdict) : std::array<float, kLanes>{};
  for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
    const Significance& significance = significance_[metric];
    const LaneMask present = tick.present[metric] & tick.active;
    for_each_lane(tick.active, [&](std::size_t lane) {
      const std::size_t i = metric * kLanes + lane;
      confidence[i] = -1;
      if ((present & series::bit(lane)) == 0 || verdict.outcome[i] != Outcome::Scored) return;
      if (tick.is_sparse(metric, lane)) return;
      confidence[i] = 0;
      if (!score.empty() && score[i] < least_score) return;
      if (!significance.counts(tick.values[i], verdict.expected[i])) return;
      const double raw =
          verdict.raw[i] / significance.widening(tick.values[i], verdict.expected[i]);
      confidence[i] = voter.calibration->confidence(raw, log_p0);
      if (is_shared) {
        confidence[i] *=
            largest[lane] > 0 ? static_cast<double>(verdict.share[i] / largest[lane]) : 0;
      }
    });
  }
}

/// Expected value, scale and band from the detector of the lowest rank among those that scored.
void Ensemble::expect(const Tick& tick, std::span<const Voter> voters,
                      std::span<const VerdictColumns> verdicts, double log_p0, Detail detail,
                      EnsembleColumns& out) const {
  std::array<std::size_t, kMaxVoters> by_rank{};
  std::array<double, kMaxVoters> raw_at_threshold{};
  for (std::size_t v = 0; v < voters.size(); ++v) by_rank[v] = v;
  std::sort(by_rank.begin(), by_rank.begin() + static_cast<std::ptrdiff_t>(voters.size()),
            [&](std::size_t a, std::size_t b) {
              const int of_a = voters[a].detector->expectation_rank();
              const int of_b = voters[b].detector->expectation_rank();
              return of_a != of_b ? of_a < of_b : a < b;  // std::stable_sort would allocate
            });
  for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
    for_each_lane(tick.active, [&](std::size_t lane) {
      const std::size_t i = metric * kLanes + lane;
      std::size_t k = 0;
      while (k < voters.size() && out.confidence[by_rank[k]][i] < 0) ++k;
      out.has_expectation[i] = k < voters.size() ? 1 : 0;
      if (k == voters.size()) return;
      const std::size_t v = by_rank[k];
      const VerdictColumns& verdict = verdicts[v];
      out.expected[i] = verdict.expected[i];
      out.scale[i] = verdict.scale[i];
      if (detail == Detail::Lean) return;
      double& reach = raw_at_threshold[v];
      if (reach == 0) reach = voters[v].calibration->raw_at(options_.threshold, log_p0);
      const Significance& significance = significance_[metric];
      const double distance = reach * static_cast<double>(verdict.scale[i]);
      Band band = band_around(verdict.expected[i], distance, significance);
      if (significance.is_valid(tick.values[i])) {
        const bool is_alarm = out.confidence[v][i] >= options_.threshold;
        band = agree_with(band, tick.values[i], verdict.expected[i], is_alarm);
      }
      out.lower[i] = band.lower;
      out.upper[i] = band.upper;
    });
  }
}

/// What multivariate detectors blame each metric for, weighted as they vote.
void Ensemble::share_votes(const Tick& tick, std::span<const Voter> voters,
                           EnsembleColumns& out) const {
  for_each_lane(tick.active, [&](std::size_t lane) {
    double total = 0;
    for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
      const std::size_t i = metric * kLanes + lane;
      double votes = -1;
      for (std::size_t v = 0; v < voters.size(); ++v) {
        if (voters[v].detector->scope() != detectors::Scope::Entity) continue;
        if (out.confidence[v][i] < 0) continue;
        votes = std::max(votes, 0.0) + voters[v].weight * out.confidence[v][i];
      }
      out.contribution[i] = static_cast<float>(votes);
      total += std::max(votes, 0.0);
    }
    divide_contributions(tick, lane, total, out);
  });
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
      out.hold[i] = 0;
      out.outcome[i] = Outcome::NoData;
      if ((present & series::bit(lane)) == 0) return;
      if (tick.is_sparse(metric, lane)) {
        out.outcome[i] = Outcome::Sparse;
        return;
      }
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
      out.hold[i] = out.score[i];
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
      return (tick.present[metric] & series::bit(lane)) != 0 && !tick.is_sparse(metric, lane);
    };
    // What a verdict brings after significance; 0 where it does not count.
    const auto brings = [&](const VerdictColumns& verdict, std::size_t metric) {
      const std::size_t i = metric * kLanes + lane;
      const Significance& significance = significance_[metric];
      if (verdict.outcome[i] != Outcome::Scored ||
          !significance.counts(tick.values[i], verdict.expected[i])) {
        return 0.0;
      }
      return verdict.raw[i] / significance.widening(tick.values[i], verdict.expected[i]);
    };
    Evidence seen{.metrics = 0};
    bool is_scored = false;
    for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
      const std::size_t i = metric * kLanes + lane;
      out.score[i] = 0;
      out.hold[i] = 0;
      out.contribution[i] = -1;
      out.outcome[i] = Outcome::NoData;
      if (!is_present(metric)) {
        if ((tick.present[metric] & series::bit(lane)) != 0) out.outcome[i] = Outcome::Sparse;
        continue;
      }
      ++seen.metrics;
      for (const Outcome outcome : {novelty.outcome[i], forecast.outcome[i]}) {
        if (telling(outcome) > telling(out.outcome[i])) out.outcome[i] = outcome;
      }
      is_scored = is_scored || out.outcome[i] == Outcome::Scored;
      seen.novelty += brings(novelty, metric);
      seen.excess += brings(forecast, metric) * static_cast<double>(forecast.share[i]);
    }
    out.entity_score[lane] = -1;
    if (!is_scored) return;

    const auto count = static_cast<double>(seen.metrics);
    seen.novelty /= count;
    const bool is_repeated = (tick.repeated & series::bit(lane)) != 0;
    EvidenceColumns* const repeated = is_repeated ? evidence.repeated : nullptr;
    EvidenceColumns& columns = repeated != nullptr ? *repeated : *evidence.columns;
    const double before = columns.last_score(entity);
    double score = before;
    double state = 0;
    double lasting = 0;
    if (!is_repeated || repeated != nullptr) {
      const Condition condition = columns.advance(entity, tick.time, seen);
      score = condition.score;
      state = condition.state;
      lasting = condition.lasting;
      const bool teaches = !is_repeated && (evidence.silenced & series::bit(lane)) == 0;
      if (teaches && columns.is_grown(entity)) evidence.rises->add(before, score);
    }
    const double confidence = evidence.map->confidence(score);
    out.entity_score[lane] = confidence;

    const double held = evidence.map->confidence(lasting);
    double largest = 0;
    double all_blame = 0;
    for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
      const std::size_t i = metric * kLanes + lane;
      if (!is_present(metric)) continue;
      const double brought = EvidenceColumns::kNoveltyWeight * brings(novelty, metric) / count +
                             brings(forecast, metric) * static_cast<double>(forecast.share[i]);
      out.score[i] = columns.blame(entity, metric, brought);  // its score takes its place
      out.contribution[i] = static_cast<float>(out.score[i]);
      all_blame += out.score[i];
      largest = std::max(largest, out.score[i]);
    }
    divide_contributions(tick, lane, all_blame, out);
    // The entity may still be in a bad state when none of its metrics stands out any more.
    if (tick.metrics > 1) largest = std::max(largest, kLingering * state);
    for (std::size_t metric = 0; metric < tick.metrics; ++metric) {
      const std::size_t i = metric * kLanes + lane;
      if (!is_present(metric)) continue;
      if (out.outcome[i] != Outcome::Scored) {
        out.score[i] = 0;
        continue;
      }
      const double part = largest > 0 ? out.score[i] / largest : 1;
      out.score[i] = confidence * part;
      out.hold[i] = held * part;
      if (!significance_[metric].is_valid(tick.values[i])) {
        out.score[i] = std::max(out.score[i], kInvalidValueScore);
        out.hold[i] = out.score[i];
      }
      out.entity_score[lane] = std::max(out.entity_score[lane], out.score[i]);
    }
  });
}

}  // namespace anomaly_exporter::ensemble
