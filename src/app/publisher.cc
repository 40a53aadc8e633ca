#include "anomaly_exporter/app/publisher.h"

#include <algorithm>

#include "anomaly_exporter/exposition/label_text.h"

namespace anomaly_exporter::app {

using exposition::MonitorSnapshot;
using series::kLanes;
using series::Row;

namespace {

template <class T, class U>
void gather(const exposition::OutputLabels& labels, const series::Column<T>& from,
            std::vector<U>& to) {
  to.resize(labels.rows());
  for (std::size_t i = 0; i < labels.rows(); ++i) to[i] = static_cast<U>(from[labels.row[i]]);
}

void gather_episodes(const exposition::OutputLabels& labels, const severity::Episodes& episodes,
                     MonitorSnapshot& out) {
  out.onset.resize(labels.rows());
  out.opened.resize(labels.rows());
  out.peak_score.resize(labels.rows());
  for (std::size_t i = 0; i < labels.rows(); ++i) {
    const Row row = labels.row[i];
    if (episodes.is_at_rest(row)) continue;
    out.onset[i] = episodes.onset(row);
    out.opened[i] = episodes.opened(row);
    out.peak_score[i] = episodes.peak_score(row);
  }
}

}  // namespace

void Publisher::rebuild_labels(const MonitorState& monitor) {
  auto out = std::make_shared<exposition::OutputLabels>();
  const auto& table = *monitor.table;
  const std::string& name = monitor.config.name;
  std::uint32_t entities = 0;
  std::string entity_texts;
  std::vector<std::uint32_t> entity_lengths;
  for (series::Entity e = 0; e < table.capacity(); ++e) {
    const std::size_t block = series::block_of(e);
    const series::LaneMask lane = series::bit(series::lane_of(e));
    if ((table.live(block) & lane) == 0 || !table.is_output(e)) continue;
    const core::Labels labels = table.output_labels(e);
    bool has_rows = false;
    for (std::size_t m = 0; m < monitor.metrics(); ++m) {
      if ((table.known(block, m) & lane) == 0) continue;
      has_rows = true;
      out->row_begin.push_back(static_cast<std::uint32_t>(out->text.size()));
      exposition::append_label_text(out->text, name, monitor.config.metrics[m].request.metric,
                                    labels);
      out->row.push_back(series::row_of(e, m, monitor.metrics()));
      out->entity_of_row.push_back(entities);
      out->metric_of_row.push_back(static_cast<std::uint16_t>(m));
    }
    if (!has_rows) continue;
    const std::size_t before = entity_texts.size();
    exposition::append_label_text(entity_texts, name, "", labels);
    entity_lengths.push_back(static_cast<std::uint32_t>(entity_texts.size() - before));
    ++entities;
  }
  // Rows first, entities behind them, so that each kind is one contiguous run of offsets.
  auto at = static_cast<std::uint32_t>(out->text.size());
  out->row_begin.push_back(at);
  out->text += entity_texts;
  for (const std::uint32_t length : entity_lengths) {
    out->entity_begin.push_back(at);
    at += length;
  }
  out->entity_begin.push_back(at);
  labels_ = std::move(out);
  generation_ = table.generation();
}

std::shared_ptr<const MonitorSnapshot> Publisher::snapshot(const MonitorState& monitor,
                                                           const RunnerStatus& status) {
  if (!labels_ || generation_ != monitor.table->generation()) rebuild_labels(monitor);
  auto out = std::make_shared<MonitorSnapshot>();
  const auto& config = monitor.config;
  out->monitor = config.name;
  out->source = config.source;
  out->evaluated = monitor.time;
  out->interval = config.interval;
  out->source_up = status.source_up;
  out->backfill_ratio = status.backfill_ratio;
  out->is_oversampled = status.is_oversampled;
  out->not_ready = status.not_ready;
  out->remarks = status.remarks;
  out->incidents = status.incidents;
  for (std::size_t m = 0; m < monitor.metrics(); ++m) {
    exposition::MetricStatus metric;
    metric.name = config.metrics[m].request.metric;
    metric.request = monitor.shown_request(m);
    metric.series = monitor.table->series_per_metric()[m];
    if (m < status.metric_errors.size()) metric.last_error = status.metric_errors[m];
    if (m < status.metric_hints.size()) metric.hint = status.metric_hints[m];
    out->metrics.push_back(std::move(metric));
  }
  for (const auto& weight : config.ensemble.weights) {
    out->detectors.push_back(weight.detector);
    out->weights.push_back(weight.weight);
  }
  out->threshold = config.ensemble.threshold;
  out->models = monitor.model_versions;

  out->labels = labels_;
  const auto& labels = *labels_;
  const RowResults& results = monitor.results;
  gather(labels, results.flags, out->flags);
  gather(labels, results.outcome, out->outcome);
  gather(labels, results.score, out->score);
  gather(labels, results.value, out->value);
  gather(labels, results.expected, out->expected);
  gather(labels, results.lower, out->lower);
  gather(labels, results.upper, out->upper);
  gather(labels, results.sigmas, out->sigmas);
  gather(labels, results.level, out->severity);
  gather(labels, results.muted, out->muted);
  gather(labels, results.contribution, out->contribution);
  gather_episodes(labels, monitor.episodes, *out);
  out->confidence.resize(results.confidence.size());
  for (std::size_t d = 0; d < results.confidence.size(); ++d) {
    gather(labels, results.confidence[d], out->confidence[d]);
  }
  if (!status.source_up) {
    // Nothing is known of now: no score is repeated, and nothing is called missing that was not.
    for (std::uint8_t& flags : out->flags) {
      flags = static_cast<std::uint8_t>(flags & MonitorSnapshot::kMissing);
    }
    std::fill(out->outcome.begin(), out->outcome.end(), detectors::Outcome::NoData);
  }
  out->entity_score.assign(labels.entities(), -1.0F);
  std::size_t judged = 0;
  for (std::size_t i = 0; i < labels.rows(); ++i) {
    ++out->outcome_counts[static_cast<std::size_t>(out->outcome[i])];
    if ((out->flags[i] & MonitorSnapshot::kScored) == 0) continue;
    ++judged;
    const std::size_t row = labels.row[i];
    const std::size_t entity = row / (monitor.metrics() * kLanes) * kLanes + row % kLanes;
    out->entity_score[labels.entity_of_row[i]] = static_cast<float>(results.entity_score[entity]);
  }
  out->warmup_ratio =
      labels.rows() == 0 ? 0 : static_cast<double>(judged) / static_cast<double>(labels.rows());
  return out;
}

std::size_t Publisher::memory_bytes() const {
  // Label text once; two snapshots of numbers live at a time (the published one and the next).
  const std::size_t rows = labels_ ? labels_->rows() : 0;
  constexpr std::size_t kBytesPerRow = 2 * (4 + 10 * sizeof(float) + 2 * sizeof(core::Timestamp));
  return (labels_ ? labels_->memory_bytes() : 0) + rows * kBytesPerRow;
}

}  // namespace anomaly_exporter::app
