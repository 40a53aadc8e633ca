#pragma once

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/time.h"

namespace anomaly_exporter::series {

/// A raw value as the upstream stores it, time in ms UTC.
struct Sample {
  core::Timestamp time;
  double value = 0;

  friend bool operator==(const Sample&, const Sample&) = default;
};

/// One series' value in an answer for one tick. `time` is the sample's own timestamp where the
/// source knows it (selectors), otherwise the evaluation time (queries).
struct LabelledSample {
  core::LabelsPtr labels;  ///< never null; shared between ticks for the same series
  Sample sample;
};

}  // namespace anomaly_exporter::series
