#include "sections.h"

namespace anomaly_exporter::config {

const Section<incidents::IncidentOptions>& incidents_section() {
  using incidents::IncidentOptions;
  static const Section<IncidentOptions> section{
      "incidents",
      "Which anomalies are one incident. A monitor's own `incidents` replaces single keys.",
      {
          field<IncidentOptions>(
              "join_within", &IncidentOptions::join_within,
              duration({std::chrono::seconds(1), std::chrono::hours(24)}),
              "An anomaly joins an incident whose newest member opened at most so long before."),
          field<IncidentOptions>(
              "correlation", &IncidentOptions::correlation, number({0.1, 1}),
              "Anomalies of different entities are one incident when their values correlate at "
              "least this strongly at some shift."),
          field<IncidentOptions>("most_lag", &IncidentOptions::most_lag, count({0, 100}),
                                 "Largest shift tried, in ticks; less than half of "
                                 "`correlated_ticks`."),
          field<IncidentOptions>("correlated_ticks", &IncidentOptions::correlated_ticks,
                                 count({10, 1000}), "Ticks of history that are correlated."),
          field<IncidentOptions>("storm", &IncidentOptions::storm, count({2, 1'000'000}),
                                 "So many entities that open within `join_within` are one incident "
                                 "without a look at correlation."),
          field<IncidentOptions>("most_open", &IncidentOptions::most_open, count({1, 100'000}),
                                 "Incidents open at a time per monitor; anomalies beyond join none "
                                 "and are counted in `anomaly_exporter_incidents_refused_total`."),
          field<IncidentOptions>("most_resolved", &IncidentOptions::most_resolved,
                                 count({0, 10'000}),
                                 "Resolved incidents kept for `/api/v1/incidents`."),
      },
      check_by_validate<IncidentOptions>};
  return section;
}

}  // namespace anomaly_exporter::config
