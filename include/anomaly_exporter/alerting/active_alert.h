#pragma once

#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/severity/severity.h"

namespace anomaly_exporter::alerting {

/// One series (or incident, or entity without samples) that is anomalous at a tick: what alerting
/// needs to know of it, free of where it comes from.
struct ActiveAlert {
  /// Identity of the series within its monitor, equal at every tick and after a restart: the label
  /// text that its results are exported with.
  std::string key;
  core::Labels labels;  ///< the same as labels: monitor, metric and the entity's
  std::string metric;   ///< empty for an incident and for missing samples
  severity::Level level = severity::Level::None;  ///< never None
  core::Timestamp onset;                          ///< first unusual tick; 0 = `opened`
  core::Timestamp opened;  ///< tick from which it is announced; 0 = this tick
  core::Timestamp sample;  ///< time of the newest sample at this tick; 0 = unknown
  bool has_value = false, has_expected = false;
  double score = 0, value = 0, expected = 0, lower = 0, upper = 0, sigmas = 0;
  std::vector<std::pair<std::string, double>> votes;  ///< detector and confidence, voting order
  double contribution = -1;          ///< part of the metric in its entity's anomaly; < 0 = unknown
  std::vector<std::string> company;  ///< other metrics of the entity that are anomalous too
  std::string incident;              ///< id of the open incident that it belongs to, or empty
  bool is_incident = false;          ///< it is the incident itself
  bool is_missing = false;           ///< samples of an entity are missing; `metric` is empty
  std::string summary, description;  ///< of an incident or missing samples; else written for it
};

/// What one monitor found at one tick. Ticks of one monitor come in the order of time, except when
/// the wall clock was set back.
struct TickAlerts {
  std::string monitor;
  core::Timestamp time;        ///< data time of the tick
  core::Duration interval{0};  ///< between two ticks
  core::Duration offset{0};    ///< from data time to evaluation
  std::vector<ActiveAlert> active;
  /// Of the keys that are open (AlertBook::open_keys): those judged at this tick and found normal.
  /// A key in neither list was not judged; its alert is held.
  std::vector<std::string> normal;
};

}  // namespace anomaly_exporter::alerting
