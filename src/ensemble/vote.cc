#include "anomaly_exporter/ensemble/vote.h"

#include <algorithm>

namespace anomaly_exporter::ensemble {
namespace {

/// Rounding must not lift a score to 1: every score stays distinguishable from certainty.
constexpr double kBelowOne = 1.0 - 0x1p-53;

}  // namespace

double vote(std::span<const Ballot> ballots) {
  double all = 0;
  double present = 0;
  double sum = 0;
  for (const Ballot& ballot : ballots) {
    all += ballot.weight;
    if (ballot.confidence < 0) continue;
    present += ballot.weight;
    sum += ballot.weight * ballot.confidence;
  }
  if (!(present > 0)) return -1;
  return std::min(sum * (all / present), kBelowOne);
}

}  // namespace anomaly_exporter::ensemble
