#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "anomaly_exporter/alerting/active_alert.h"
#include "anomaly_exporter/alerting/alert.h"
#include "anomaly_exporter/alerting/options.h"
#include "anomaly_exporter/alerting/throttle.h"
#include "anomaly_exporter/core/result.h"

namespace anomaly_exporter::alerting {

/// Why an anomaly is not told to Alertmanager.
enum class Suppression : std::uint8_t { None, Incident, Silence, Throttle, Limit };
inline constexpr std::size_t kSuppressions = 5;
std::string_view to_string(Suppression reason);

/// What is open and what was resolved of late: turns the ticks of monitors into the alerts that are
/// due, by Prometheus's rules (rules/alerting.go, notifier):
/// * a firing alert is sent when it opens and again before `resend_delay` is over, with
///   endsAt = tick + 4 x max(interval, resend_delay), so that three lost posts resolve nothing;
/// * a resolved one is sent with the time of its end, and again for `resolve_for`, unless it fires
///   again;
/// * startsAt stays as it was at the opening, also over a restart (`save`, `restore`) and a reload.
///
/// A change of level is a change of identity, since `severity` is a label: the old alert is
/// resolved and the new one opened at the same tick and in the same batch; neither a silence nor
/// the throttle holds back the successor of an alert that was told. So is an incident whose shared
/// labels change. An alert whose series is not judged (source down, series gone, restart) is held
/// open for `hold`. One that was restored is resolved only after it has been normal for kSettle, or
/// `hold` if that is shorter: the episode behind it may have been forgotten and need a few ticks to
/// open again.
///
/// All times are ticks' own (data time + offset), never the moment of sending, so that two
/// exporters on the same data produce equal bytes. When the clock is set they move with it; a start
/// never lies after its tick, because Alertmanager refuses an end before the start.
///
/// Openings pass, in this order: the storm guard (members of an incident are told by the incident's
/// alert), silences, `open_limit`, the throttle (incidents are not throttled: their members are
/// silent for them). An alert that is open stays open when it comes under a silence or into an
/// incident; Alertmanager's silences and inhibition mute it. A row that a rule mutes is normal.
///
/// Threads: one at a time. Cost: per tick O(active + open) look-ups in ordered maps.
class AlertBook {
 public:
  static constexpr core::Duration kSettle = std::chrono::minutes(2);

  using IsSilenced = std::function<bool(const core::Labels& identity)>;

  AlertBook(AlertingOptions options, std::string external_url);

  /// Takes over changed options. Alerts whose identity changes by it are resolved and opened anew
  /// with their old start; all are due again at once, because senders may be new.
  void configure(AlertingOptions options);
  /// Keeps only these monitors with these metrics (name -> metrics); resolves the rest at `now`.
  void retain(const std::map<std::string, std::vector<std::string>>& monitors, core::Timestamp now);

  /// Takes in one tick; returns what is due, in the order of the keys. A tick seen before changes
  /// nothing.
  std::vector<Alert> update(const TickAlerts& tick, const IsSilenced& is_silenced);

  /// What is due of monitors that have not ticked for a while: the start-up, a source that is down.
  std::vector<Alert> idle(core::Timestamp now);

  /// The wall clock was set, by `step`: all times of the book move along, so that neither `hold`
  /// nor the throttle take the step for time that passed; everything open is due again at once.
  void clock_stepped(core::Duration step);

  /// What `configure` made due, at each monitor's last tick.
  std::vector<Alert> flush();

  /// Keys of a monitor's open episodes, suppressed ones included.
  [[nodiscard]] std::vector<std::string> open_keys(const std::string& monitor) const;

  /// An episode as the notification loop sees it.
  struct Episode {
    std::string key;
    ActiveAlert latest;         ///< of the last tick on which it was active
    core::Labels identity;      ///< label set of its alert
    core::Timestamp opened;     ///< of the episode, at any level
    core::Timestamp began;      ///< first unusual tick, or the tick of the last rise
    core::Timestamp sample;     ///< sample that `began` is due to; 0 = unknown
    core::Timestamp starts_at;  ///< of the present identity
    core::Timestamp last_sent;  ///< tick; 0 = never
    core::Timestamp last_seen;  ///< tick at which it was last judged
    /// Restored and not yet seen anomalous again; then since when it was found normal.
    bool is_restored = false;
    core::Timestamp normal_since;
    Suppression suppressed = Suppression::None;
    core::Timestamp notified;  ///< when Alertmanager's notification of it came back; 0 = not yet
  };
  /// The open episode whose series' labels all stand among `labels`, of several the one with most
  /// labels; of the level that the label `severity` names, where it names one of ours. Null = none.
  Episode* find(const core::Labels& labels);
  [[nodiscard]] std::vector<const Episode*> open() const;

  [[nodiscard]] std::size_t open_alerts() const { return open_alerts_; }
  /// Openings not told, by reason; Limit also counts ends that found no room.
  [[nodiscard]] const std::array<std::uint64_t, kSuppressions>& suppressed() const {
    return suppressed_;
  }
  /// Changes whenever `save` would write something that matters after a restart.
  [[nodiscard]] std::uint64_t version() const { return version_; }

  [[nodiscard]] std::string save() const;
  /// REQUIRES: nothing was taken in yet. Restored alerts are due at once.
  /// Errors: Corrupt, Unsupported (another format); the book is then empty.
  core::Status restore(std::string_view bytes);

 private:
  struct Resolved {
    Alert alert;
    core::Timestamp last_sent;
  };
  struct Monitor {
    core::Timestamp due;  ///< of the last tick
    core::Duration interval{0}, offset{0};
    std::map<std::string, Episode> episodes;
    std::map<core::Labels, Resolved> resolved;
  };

  static void follow_incident(Monitor& monitor, const ActiveAlert& active);
  void take_in(Monitor& monitor, const ActiveAlert& active, core::Timestamp due,
               const IsSilenced& is_silenced);
  Suppression suppression_of(const ActiveAlert& active, const core::Labels& identity,
                             core::Timestamp due, const IsSilenced& is_silenced, bool succeeds);
  void resolve(Monitor& monitor, Episode& episode, core::Timestamp due);
  void collect(Monitor& monitor, core::Timestamp due, std::vector<Alert>& out);
  [[nodiscard]] bool has_settled(Episode& episode, core::Timestamp due) const;
  void let_go(Monitor& monitor, core::Timestamp due);
  [[nodiscard]] Alert firing(const Episode& episode, const Monitor& monitor,
                             core::Timestamp due) const;
  [[nodiscard]] bool is_due(core::Timestamp last, core::Timestamp now,
                            core::Duration interval) const;

  AlertingOptions options_;
  std::string external_url_;
  Throttle throttle_;
  std::map<std::string, Monitor> monitors_;
  std::size_t open_alerts_ = 0;
  std::array<std::uint64_t, kSuppressions> suppressed_{};
  std::uint64_t version_ = 0;
};

}  // namespace anomaly_exporter::alerting
