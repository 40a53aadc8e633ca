#include "anomaly_exporter/incidents/incident.h"

#include <algorithm>

#include "anomaly_exporter/core/number_text.h"

namespace anomaly_exporter::incidents {
namespace {

core::Error invalid(std::string message) {
  return {core::ErrorCode::InvalidArgument, std::move(message)};
}

}  // namespace

core::Status IncidentOptions::validate() const {
  constexpr std::size_t kLeastTicks = 10, kMostTicks = 1000;
  if (join_within.count() <= 0) return invalid("join_within: must be longer than 0");
  if (!(correlation > 0 && correlation <= 1)) {
    return invalid("correlation: " + core::number_text(correlation) +
                   " is not above 0 and at most 1");
  }
  if (correlated_ticks < kLeastTicks || correlated_ticks > kMostTicks) {
    return invalid("correlated_ticks: " + std::to_string(correlated_ticks) +
                   " is not between 10 and 1000");
  }
  if (most_lag * 2 >= correlated_ticks) {
    return invalid("most_lag: " + std::to_string(most_lag) +
                   " is not less than half of correlated_ticks " +
                   std::to_string(correlated_ticks));
  }
  if (storm < 2) return invalid("storm: " + std::to_string(storm) + " is less than 2 entities");
  if (most_open < 1) return invalid("most_open: must be at least 1");
  return {};
}

std::string_view to_string(Cause cause) {
  switch (cause) {
    case Cause::Alone:
      return "alone";
    case Cause::Entity:
      return "entity";
    case Cause::Correlation:
      return "correlation";
    case Cause::Storm:
      return "storm";
  }
  return "alone";
}

severity::Level Incident::level() const {
  auto highest = severity::Level::None;
  for (const auto& member : members) {
    if (member.is_open()) highest = std::max(highest, member.level);
  }
  return highest;
}

std::size_t Incident::open_members() const {
  return static_cast<std::size_t>(
      std::count_if(members.begin(), members.end(), [](const Member& m) { return m.is_open(); }));
}

}  // namespace anomaly_exporter::incidents
