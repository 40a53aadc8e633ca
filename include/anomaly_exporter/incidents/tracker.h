#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "anomaly_exporter/incidents/incident.h"
#include "anomaly_exporter/stats/correlation.h"

namespace anomaly_exporter::incidents {

/// One series that is anomalous at this tick.
struct Sighting {
  std::uint32_t row = 0;
  severity::Level level = severity::Level::None;
  double score = 0;
  float value = 0, expected = 0;
  bool has_expected = false;
  core::Timestamp opened;  ///< when its episode began
};

/// What the tracker asks about a row; called for newcomers only.
struct RowSource {
  std::function<std::string(std::uint32_t row)> metric;
  std::function<core::Labels(std::uint32_t row)> labels;  ///< the entity's group_by labels
  /// Fills `out` with the row's last values, newest last, NaN where none is known.
  std::function<void(std::uint32_t row, std::span<float> out)> recent;
};

/// Folds the anomalies of one monitor into incidents.
///
/// An anomaly joins, in this order: the open incident that has a member of its entity; an open
/// incident whose newest member opened within `join_within` and with one of whose first members its
/// values correlate; else it opens its own. When `storm` entities that share a label value opened
/// within `join_within`, their incidents become one; so do those of `storm` or more entities that
/// are in no such group. Two open incidents that share the same labels are one too, since they
/// would be exported as one. The older one stays and keeps its id.
///
/// Members that ended `join_within` ago count no more for the shared labels: an incident of which
/// one host is left has the labels of that host.
///
/// An incident resolves when its last member has. A monitor that starts anew rebuilds its open
/// incidents from the sightings of the first tick, whose episodes say when they began.
///
/// Threads: one thread at a time. Cost: a look-up per sighting, and per open member at a tick with
/// newcomers; correlations only for newcomers outside a storm that were not refused before, hence
/// at most storm^2 * (2 most_lag + 1) * correlated_ticks products a tick.
class Tracker {
 public:
  /// REQUIRES: options.validate().
  Tracker(std::string monitor, IncidentOptions options);

  /// Takes over changed options; what is open stays.
  void configure(IncidentOptions options);

  /// Takes in one tick: `sightings` are all series anomalous now, by ascending row. A member that
  /// is not among them has ended. True when anything but values changed.
  bool update(core::Timestamp now, std::span<const Sighting> sightings, const RowSource& rows);

  /// Open ones by age, the oldest first.
  [[nodiscard]] const std::vector<Incident>& open() const { return open_; }
  /// The newest last.
  [[nodiscard]] const std::deque<std::shared_ptr<const Incident>>& resolved() const {
    return resolved_;
  }
  /// Anomalies that found no place at `most_open`.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  using Identity = std::pair<std::uint32_t, std::int64_t>;  ///< row and opening
  struct Group;
  using Groups = std::map<core::Label, Group>;
  /// Entity -> index of the open incident in which an anomaly of it goes on, if there is one.
  using Homes = std::map<core::Labels, std::optional<std::size_t>>;

  void take_in(std::span<const Sighting> sightings, core::Timestamp opened, const RowSource& rows,
               std::set<Identity>& refused);
  std::optional<std::size_t> place(Member& newcomer, std::optional<std::size_t> home,
                                   std::span<Group* const> storms, const RowSource& rows,
                                   std::set<Identity>& refused);
  [[nodiscard]] std::optional<std::size_t> correlated(const Member& newcomer,
                                                      const RowSource& rows) const;
  [[nodiscard]] stats::LaggedCorrelation compare(std::uint32_t first, std::uint32_t second,
                                                 const RowSource& rows) const;
  void note_shift(const Incident& incident, Member& newcomer, const RowSource& rows) const;
  void fold_storms(const Groups& storms);
  void merge_equal();
  bool narrow_all(core::Timestamp now);
  void finish(core::Timestamp now);

  std::string monitor_;
  IncidentOptions options_;
  std::vector<Incident> open_;
  std::deque<std::shared_ptr<const Incident>> resolved_;
  std::set<Identity> refused_rows_;  ///< of the last tick, so that each is counted once
  std::uint64_t refused_ = 0;
};

}  // namespace anomaly_exporter::incidents
