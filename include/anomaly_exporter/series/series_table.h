#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/core/time.h"
#include "anomaly_exporter/series/column.h"
#include "anomaly_exporter/series/drops.h"
#include "anomaly_exporter/series/layout.h"
#include "anomaly_exporter/series/sample.h"
#include "anomaly_exporter/series/series_limits.h"

namespace anomaly_exporter::series {

struct SeriesTableOptions {
  std::string monitor;
  std::string source;
  std::vector<std::string> metrics;  ///< names, in row order
  /// Labels that name an entity. Nothing = all labels but `__name__`, each label set its own
  /// entity.
  std::optional<std::vector<std::string>> group_by;
  /// Further source labels to carry on the outputs. Nothing = those equal across the entity's
  /// series.
  std::optional<std::vector<std::string>> labels;
  /// A series that was not seen for this long is forgotten, and with its last one the entity. > 0.
  core::Duration expire_after = std::chrono::hours(1);
  /// Samples older than this against the tick count as late, and absent.
  core::Duration max_age = std::chrono::minutes(5);
  /// Samples further ahead of the tick than this are refused.
  core::Duration max_ahead = std::chrono::seconds(10);
  /// Names of our own families: a series whose `__name__` is one of them is refused. Nothing = all
  /// may come in.
  std::vector<std::string> own_families;
};

/// What one tick brought, in the columnar shape of layout.h: per block and metric 64 values and a
/// presence word.
///
/// Ownership: owns its buffers; reused from tick to tick so that a steady state allocates nothing.
struct TickValues {
  std::vector<float> values;      ///< by row
  std::vector<LaneMask> present;  ///< by block * metrics + metric
  /// Newest source sample time used, for the latency histogram; ms. 0 = none.
  core::Timestamp newest_sample;
};

/// The registry of a monitor's entities and series: label sets to rows, admission, limits, expiry.
///
/// One entity is one combination of the `group_by` labels and has at most one series per metric;
/// any non-empty subset of the metrics forms it. Numbers of removed entities are used again, the
/// lowest first, so output order depends on the order of arrival only, never on a hash.
///
/// A row belongs to the series that brought it. Another series of the same entity and metric is a
/// duplicate, until the owner is absent from an answer (or ended, or too old): then the other one
/// takes the row over, as after a restart under another label. `__name__` is never part of an
/// entity's key nor of the outputs.
///
/// Sample times. Equal to the newest of the row: the same scrape read again, which is normal where
/// ticks come more often than scrapes; the value is used and counted as DuplicateSample. Older:
/// OutOfOrder, refused; unless the newest one lies in the future of the tick, because then the
/// clock was set back, and the row starts over from the tick's time.
///
/// Places. Each series takes one place of the SeriesBudget; an entity restored without series takes
/// one, which its first series uses. A newcomer that finds none evicts the entity unseen longest,
/// if that one has missed at least one whole tick of a source that was up.
///
/// Expiry runs on the time during which the source was up, so an outage expires nothing. A single
/// series whose entity goes on without it for so long gives back its place and its row is no longer
/// known, but what the row's other columns have learned stays for its return.
///
/// Errors: nothing fails; what cannot be used is counted by reason, and named once in `remarks`.
/// Threads: one thread at a time; const members may be called while no other member runs.
/// Cost: a known series is one pointer look-up per tick; a series that is refused costs a look-up
/// by content. About 600 B per series for labels and tables.
class SeriesTable {
 public:
  SeriesTable(SeriesTableOptions options, SeriesBudget& budget, DropCounters& drops);
  ~SeriesTable();
  SeriesTable(const SeriesTable&) = delete;
  SeriesTable& operator=(const SeriesTable&) = delete;

  /// Takes over changed options. REQUIRES: monitor, source, metrics and group_by are as they were.
  void reconfigure(SeriesTableOptions options);

  /// Starts a tick: clears `out` and forgets which rows have a value already.
  void begin(core::Timestamp tick, TickValues& out);

  /// Places the answer for one metric: finds or admits each series' row, refuses what cannot be
  /// used (see DropReason), and writes values and presence bits. New series are admitted in label
  /// order, so the outcome does not depend on the order of the answer. At a limit, the entity that
  /// has gone unseen longest makes room, if there is one that is unseen in this tick; otherwise the
  /// newcomer is refused and counted.
  /// REQUIRES: begin was called for this tick.
  void place(std::size_t metric, std::span<const LabelledSample> samples, TickValues& out);

  /// Ends a tick: updates last-seen times, removes expired series and entities. `source_up` false
  /// keeps everything as it is (a source that is down is not a thousand missing series).
  void end(core::Timestamp tick, bool source_up);

  /// The row of a series already admitted.
  [[nodiscard]] std::optional<Row> find(std::size_t metric, const core::LabelsPtr& labels) const;

  /// Entities removed or admitted since the last call; the engine resets or backfills their rows.
  /// A number in both lists was removed and used again. Restored entities count as admitted. Both
  /// lists ascend. `forgotten`: rows of single series that expired.
  struct Changes {
    std::vector<Entity> removed;
    std::vector<Entity> admitted;
    std::vector<Row> forgotten;
  };
  Changes take_changes();

  /// Size of the number space: every live entity is below it. A multiple of nothing in particular.
  [[nodiscard]] std::size_t capacity() const;
  /// Live entities and series.
  [[nodiscard]] std::size_t entities() const;
  [[nodiscard]] std::size_t series() const;
  [[nodiscard]] std::size_t metrics() const { return options_.metrics.size(); }
  [[nodiscard]] const SeriesTableOptions& options() const { return options_; }

  /// Live lanes of a block.
  [[nodiscard]] LaneMask live(std::size_t block) const;
  /// Lanes of a block that have a series for the metric: it was seen within `expire_after`.
  [[nodiscard]] LaneMask known(std::size_t block, std::size_t metric) const;

  /// Labels that name the entity. REQUIRES: entity is live.
  [[nodiscard]] const core::Labels& key(Entity entity) const;
  /// Output labels of a row without `monitor` and `metric`, or of the entity as a whole: the
  /// group_by labels and the chosen source labels, colliding names (`monitor`, `metric`,
  /// `detector`, `alertname`, `severity`, `scope`) prefixed with `exported_`, as often as it takes
  /// to be unique. A chosen label on whose value the entity's series disagree is left out.
  /// REQUIRES: entity is live.
  [[nodiscard]] core::Labels output_labels(Entity entity) const;
  /// False for a live entity whose output labels equal those of an entity that came before it:
  /// publishing both would break the page. Up to date after `end` and `restore_entity`.
  [[nodiscard]] bool is_output(Entity entity) const;
  /// Number of admitted series per metric.
  [[nodiscard]] std::span<const std::size_t> series_per_metric() const;
  /// Last tick at which a sample was used for the row; nothing before the first.
  [[nodiscard]] std::optional<core::Timestamp> last_seen(Row row) const;

  /// Changes whenever labels, admissions or removals changed what `output_labels` or `is_output`
  /// return.
  [[nodiscard]] std::uint64_t generation() const;

  /// Sentences for the log and the status page that were not given before: a duplicate series, a
  /// label collision, a limit reached; each names the series. At most 100 are kept between calls.
  std::vector<std::string> take_remarks();

  [[nodiscard]] std::size_t memory_bytes() const;

  /// Admits an entity by its key when state is restored, before any tick. Series follow when they
  /// are seen. With `number` it gets that number, so that state kept by block can be restored lane
  /// by lane. Nothing when a limit refuses it, the key has labels that this table's keys do not, or
  /// the number is taken or not below limits.series. A known key keeps its number.
  std::optional<Entity> restore_entity(const core::Labels& key,
                                       std::optional<Entity> number = std::nullopt);

 private:
  struct Impl;
  SeriesTableOptions options_;  // read by Impl
  std::unique_ptr<Impl> impl_;
};

}  // namespace anomaly_exporter::series
