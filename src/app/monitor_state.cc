#include "anomaly_exporter/app/monitor_state.h"

#include <algorithm>
#include <utility>

#include "anomaly_exporter/detectors/registry.h"

namespace anomaly_exporter::app {

namespace {

std::vector<ensemble::Significance> significance_of(const config::MonitorConfig& config) {
  std::vector<ensemble::Significance> out;
  for (const auto& metric : config.metrics) out.push_back(metric.significance);
  return out;
}

severity::Policies make_policies(const config::MonitorConfig& config) {
  // Half of the highest state: a single metric's alarm comes from its onset, which the state that
  // follows never reaches.
  constexpr double kEvidenceHoldShare = 0.5;
  severity::Policy defaults;
  defaults.threshold = config.ensemble.threshold;
  defaults.options = config.severity;
  defaults.hold_share = config.ensemble.method == ensemble::Method::Vote ? 1 : kEvidenceHoldShare;
  std::vector<severity::Policies::Metric> metrics;
  for (const auto& metric : config.metrics) {
    metrics.push_back({metric.request.metric, metric.critical});
  }
  return {config.name, std::move(defaults), metrics, config.thresholds, config.mutes};
}

bool has_min_rate(const config::MonitorConfig& config) {
  return std::ranges::any_of(config.metrics, [](const auto& m) { return m.min_rate > 0; });
}

double log_budget(const config::MonitorConfig& config) {
  return ensemble::log_budget_probability(config.ensemble.alarm_budget.alarms,
                                          config.ensemble.alarm_budget.per, config.interval);
}

std::uint32_t ticks_until_accepted(
    const config::MonitorConfig& config,
    const std::vector<std::unique_ptr<detectors::Detector>>& detectors) {
  auto ticks = static_cast<std::size_t>(config.accept_shift_after / config.interval);
  for (const auto& detector : detectors) {
    const std::size_t window = detector->look_back();
    const std::size_t spare = window - std::min(window, detector->least_in_look_back());
    ticks = std::min({ticks, window / 2, spare});
  }
  return static_cast<std::uint32_t>(ticks);
}

template <class Use>
void for_each_live(const series::SeriesTable& table, const Use& use) {
  for (series::Entity e = 0; e < table.capacity(); ++e) {
    if ((table.live(series::block_of(e)) & series::bit(series::lane_of(e))) != 0) use(e);
  }
}

series::SeriesTableOptions table_options(const config::MonitorConfig& config) {
  series::SeriesTableOptions options;
  options.monitor = config.name;
  options.source = config.source;
  for (const auto& metric : config.metrics) options.metrics.push_back(metric.request.metric);
  options.group_by = config.group_by;
  options.labels = config.labels;
  options.expire_after = config.expire_after;
  // How old a sample may be is the source's to say: its look-back, the rate window, a file's step.
  // Only what is nonsense is refused here.
  options.max_age = std::chrono::hours(24 * 365);
  options.max_ahead = std::max<core::Duration>(config.interval, std::chrono::seconds(10));
  if (!config.allow_own_metrics) options.own_families = config.own_families;
  return options;
}

}  // namespace

void RowResults::resize(std::size_t rows, std::size_t entities) {
  flags.resize(rows);
  outcome.resize(rows);
  level.resize(rows);
  muted.resize(rows);
  contribution.resize(rows);
  score.resize(rows);
  value.resize(rows);
  expected.resize(rows);
  lower.resize(rows);
  upper.resize(rows);
  sigmas.resize(rows);
  for (auto& column : confidence) column.resize(rows);
  entity_score.resize(entities);
}

std::size_t RowResults::memory_bytes() const {
  std::size_t bytes = flags.bytes() + outcome.bytes() + level.bytes() + score.bytes() +
                      value.bytes() + expected.bytes() + lower.bytes() + upper.bytes() +
                      sigmas.bytes() + entity_score.bytes() + muted.bytes() + contribution.bytes();
  for (const auto& column : confidence) bytes += column.bytes();
  return bytes;
}

void EvaluationCounts::add(const EvaluationCounts& other) {
  samples += other.samples;
  budgeted += other.budgeted;
  expected_alarms += other.expected_alarms;
  seen_alarms += other.seen_alarms;
  muted += other.muted;
  for (std::size_t i = 0; i < suppressed.size(); ++i) suppressed[i] += other.suppressed[i];
  for (std::size_t i = 0; i < outcome.size(); ++i) outcome[i] += other.outcome[i];
  for (std::size_t i = 0; i < other.detector_seconds.size(); ++i) {
    detector_seconds[i] += other.detector_seconds[i];
    detector_verdicts[i] += other.detector_verdicts[i];
  }
  for (std::size_t i = 0; i < other.episodes.size(); ++i) episodes[i] += other.episodes[i];
}

void EvaluationCounts::clear() {
  samples = 0;
  queued = {};
  outcome.fill(0);
  budgeted = 0;
  expected_alarms = 0;
  seen_alarms = 0;
  muted = 0;
  suppressed.fill(0);
  std::fill(detector_seconds.begin(), detector_seconds.end(), 0.0);
  std::fill(detector_verdicts.begin(), detector_verdicts.end(), 0);
  std::fill(episodes.begin(), episodes.end(), 0);
}

BlockScratch::BlockScratch(std::size_t metrics, std::size_t detectors)
    : scale_floor(metrics * series::kLanes),
      present(metrics),
      learnable(metrics),
      sparse(metrics),
      verdicts(detectors),
      seen(detectors),
      counts(metrics, detectors) {
  for (auto& v : verdicts) v.resize(metrics);
  scores.resize(metrics, detectors);
  severity.resize(metrics);
}

core::Result<std::unique_ptr<MonitorState>> MonitorState::create(config::MonitorConfig config,
                                                                 series::SeriesBudget& budget,
                                                                 series::DropCounters& drops) {
  const detectors::Shape shape{
      .metrics = config.metrics.size(), .window = config.window, .interval = config.interval};
  if (auto status = config.ensemble.validate(); !status.ok()) {
    return status.error().within("monitor " + config.name + ": ensemble");
  }
  std::vector<std::unique_ptr<detectors::Detector>> made;
  for (const auto& weight : config.ensemble.weights) {
    auto detector = detectors::create_detector(weight.detector, config.detectors, shape);
    if (!detector.ok()) return detector.error().within("monitor " + config.name);
    made.push_back(std::move(detector).value());
  }
  auto state = std::unique_ptr<MonitorState>(new MonitorState(std::move(config), budget, drops));
  state->detectors = std::move(made);
  state->model_versions.resize(state->detectors.size());
  state->accepted_ticks = ticks_until_accepted(state->config, state->detectors);
  // The voters point into these vectors, which never change size again.
  for (const auto& detector : state->detectors) {
    state->calibrations.emplace_back(state->config.calibration_map, detector->threshold());
  }
  for (std::size_t d = 0; d < state->detectors.size(); ++d) {
    state->voters.push_back({.detector = state->detectors[d].get(),
                             .calibration = &state->calibrations[d],
                             .weight = state->config.ensemble.weights[d].weight});
  }
  state->results.confidence.resize(state->detectors.size());
  state->totals = EvaluationCounts(state->metrics(), state->detectors.size());
  return state;
}

MonitorState::MonitorState(config::MonitorConfig c, series::SeriesBudget& budget,
                           series::DropCounters& drops)
    : config(std::move(c)),
      table(std::make_unique<series::SeriesTable>(table_options(config), budget, drops)),
      windows(config.metrics.size(), config.window),
      ensemble(config.ensemble, significance_of(config)),
      evidence(config.metrics.size(), config.interval),
      budget_map(ensemble::EvidenceColumns::kAnchor, log_budget(config)),
      judge(significance_of(config)),
      policies(make_policies(config)),
      log_p0(log_budget(config)) {
  for (const auto& metric : config.metrics) requests.push_back(metric.request);
  answered.resize(metrics());
}

void MonitorState::adopt(config::MonitorConfig changed) {
  config = std::move(changed);
  ensemble = ensemble::Ensemble(config.ensemble, significance_of(config));
  judge = severity::Judge(significance_of(config));
  policies = make_policies(config);
  table->reconfigure(table_options(config));
  grow();  // a metric may have got its first `min_rate`
  choose_all_policies();
  log_p0 = log_budget(config);
  budget_map.set_budget(log_p0);
  accepted_ticks = ticks_until_accepted(config, detectors);
  for (std::size_t d = 0; d < voters.size(); ++d) {
    voters[d].weight = config.ensemble.weights[d].weight;
  }
}

void MonitorState::follow_table() {
  const auto changes = table->take_changes();
  for (const auto entity : changes.removed) forget(entity);
  for (const auto row : changes.forgotten) {
    episodes.forget(row);
    results.level[row] = 0;
  }
  std::erase_if(newcomers, [&](series::Entity e) {
    return std::find(changes.removed.begin(), changes.removed.end(), e) != changes.removed.end();
  });
  grow();
  for (const auto entity : changes.admitted) {
    for (auto& detector : detectors) detector->name_entity(entity, table->key(entity).hash());
  }
  if (policies.looks_at_entities() && policy_generation_ != table->generation()) {
    choose_all_policies();
  } else {
    for (const auto entity : changes.admitted) choose_policies(entity);
  }
  newcomers.insert(newcomers.end(), changes.admitted.begin(), changes.admitted.end());
}

void MonitorState::choose_policies(series::Entity entity) {
  const core::Labels labels =
      policies.looks_at_entities() ? table->output_labels(entity) : core::Labels{};
  for (std::size_t m = 0; m < metrics(); ++m) {
    const series::Row row = series::row_of(entity, m, metrics());
    policy_of_row[row] = policies.number_of(m, labels);
    const bool is_muted = policies[policy_of_row[row]].is_muted;
    results.muted[row] = is_muted ? 1 : 0;
    results.level[row] = is_muted ? 0 : static_cast<std::uint8_t>(episodes.level(row));
  }
}

void MonitorState::choose_all_policies() {
  for_each_live(*table, [this](series::Entity e) { choose_policies(e); });
  policy_generation_ = table->generation();
}

void MonitorState::grow() {
  const std::size_t entities = table->capacity();
  windows.resize(entities);
  const std::size_t rows = windows.blocks() * metrics() * series::kLanes;
  profiles.resize(rows);
  smallest_step.resize(rows);
  abnormal_ticks.resize(rows);
  if (has_min_rate(config)) density.resize(rows);
  policy_of_row.resize(rows);
  episodes.resize(rows);
  episodes_until.resize(windows.blocks() * series::kLanes);
  results.resize(rows, windows.blocks() * series::kLanes);
  for (auto& detector : detectors) detector->resize(windows.blocks());
  evidence.resize(windows.blocks());
  if (replayed_evidence) replayed_evidence->resize(windows.blocks());
  known_until.resize(windows.blocks() * series::kLanes);
  values.values.resize(rows);
  values.present.resize(windows.blocks() * metrics());
}

void MonitorState::forget(series::Entity entity) {
  if (series::block_of(entity) >= blocks()) return;
  relearn(entity);
  for (std::size_t m = 0; m < metrics(); ++m) {
    const series::Row row = series::row_of(entity, m, metrics());
    episodes.forget(row);
    results.level[row] = 0;
    results.muted[row] = 0;
    untaught.forget(row);
  }
  episodes_until[entity] = 0;
}

void MonitorState::relearn(series::Entity entity) {
  if (series::block_of(entity) >= blocks()) return;
  bool is_at_rest = true;
  windows.forget(entity);
  for (std::size_t m = 0; m < metrics(); ++m) {
    const series::Row row = series::row_of(entity, m, metrics());
    profiles.forget(row);
    smallest_step[row] = 0;
    abnormal_ticks[row] = 0;
    results.flags[row] = 0;
    if (density.size() > 0) density[row] = {};
    is_at_rest = is_at_rest && episodes.is_at_rest(row);
  }
  results.entity_score[entity] = -1;
  evidence.forget(entity);
  if (replayed_evidence) replayed_evidence->forget(entity);
  known_until[entity] = 0;
  if (is_at_rest) episodes_until[entity] = 0;  // the history may show one that goes on
  for (auto& detector : detectors) {
    detector->forget(series::block_of(entity), series::bit(series::lane_of(entity)));
  }
}

void MonitorState::begin_replay() {
  counts_episodes = false;
  const bool was_restored =
      std::ranges::any_of(known_until.span(), [](std::int64_t until) { return until > 0; });
  if (!was_restored) return;
  replayed_evidence = std::make_unique<ensemble::EvidenceColumns>(metrics(), config.interval);
  replayed_evidence->resize(blocks());
}

void MonitorState::end_replay() {
  counts_episodes = true;
  replayed_evidence.reset();
}

void MonitorState::teach_no_more_until(core::Timestamp until) {
  calibrated_until = std::max(calibrated_until, until);
  for_each_live(*table,
                [&](series::Entity e) { known_until[e] = std::max(known_until[e], until.ms); });
}

void MonitorState::set_back(core::Timestamp to) {
  time = to;
  calibrated_until = std::min(calibrated_until, to);
  episodes.set_back(to);
  for (auto* column : {&episodes_until, &known_until}) {
    for (std::int64_t& until : column->span()) until = std::min(until, to.ms);
  }
}

void MonitorState::forget_all() {
  for (series::Entity e = 0; e < blocks() * series::kLanes; ++e) windows.forget(e);
  std::ranges::fill(density.span(), Density{});
  for (auto& detector : detectors) {
    if (detector->remembers()) continue;
    for (std::size_t b = 0; b < blocks(); ++b) detector->forget(b, ~series::LaneMask{0});
  }
}

std::string MonitorState::shown_request(std::size_t metric) const {
  constexpr std::string_view kPlaceholder = "$rate_window";
  std::string text = requests[metric].text;
  for (auto at = text.find(kPlaceholder); at != std::string::npos; at = text.find(kPlaceholder)) {
    text.replace(at, kPlaceholder.size(), core::format_duration(requests[metric].rate_window));
  }
  return text;
}

std::size_t MonitorState::memory_bytes() const {
  std::size_t bytes = table->memory_bytes() + windows.memory_bytes() + profiles.memory_bytes() +
                      smallest_step.bytes() + abnormal_ticks.bytes() + results.memory_bytes() +
                      evidence.memory_bytes() + known_until.bytes() + density.bytes() +
                      policy_of_row.bytes() + episodes.memory_bytes() + episodes_until.bytes() +
                      values.values.capacity() * sizeof(float) +
                      values.present.capacity() * sizeof(series::LaneMask);
  for (const auto& detector : detectors) bytes += detector->memory_bytes();
  return bytes;
}

}  // namespace anomaly_exporter::app
