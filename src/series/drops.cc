#include "anomaly_exporter/series/drops.h"

namespace anomaly_exporter::series {

std::string_view to_string(DropReason reason) {
  switch (reason) {
    case DropReason::StaleMarker:
      return "stale_marker";
    case DropReason::NotFinite:
      return "not_finite";
    case DropReason::TooLarge:
      return "too_large";
    case DropReason::TooOld:
      return "too_old";
    case DropReason::OutOfOrder:
      return "out_of_order";
    case DropReason::InFuture:
      return "in_future";
    case DropReason::DuplicateSeries:
      return "duplicate_series";
    case DropReason::DuplicateSample:
      return "duplicate_sample";
    case DropReason::SeriesLimit:
      return "series_limit";
    case DropReason::InvalidLabels:
      return "invalid_labels";
    case DropReason::LabelLimit:
      return "label_limit";
    case DropReason::OwnOutput:
      return "own_output";
    case DropReason::NotANumber:
      return "not_a_number";
    case DropReason::LabelCollision:
      return "label_collision";
  }
  return "unknown";
}

}  // namespace anomaly_exporter::series
