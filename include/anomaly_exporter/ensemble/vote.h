#pragma once

#include <span>

namespace anomaly_exporter::ensemble {

/// One detector's word on one row.
struct Ballot {
  double weight = 0;
  /// In [0, 1); negative when the detector did not score. A silent one that is ready says 0.
  double confidence = -1;
};

/// The specification's weighted vote: the sum of weight x confidence. A detector that did not score
/// shares its weight among those that did, in proportion; one that is ready and silent keeps it.
/// Returns a score in [0, 1), or a negative number when nobody scored.
/// REQUIRES: weights > 0, their sum at most 1 (see EnsembleOptions::validate).
double vote(std::span<const Ballot> ballots);

}  // namespace anomaly_exporter::ensemble
