#pragma once

#include <memory>
#include <string>
#include <vector>

#include "anomaly_exporter/core/labels.h"
#include "anomaly_exporter/exposition/snapshot.h"

namespace anomaly_exporter::support {

/// One row of a made-up snapshot. A negative score means "not scored".
struct FakeRow {
  std::string labels{};  ///< label text without monitor and metric, e.g. `instance="a"`
  std::uint16_t metric = 0;
  float score = -1;
  std::uint8_t severity = 0;
  detectors::Outcome outcome = detectors::Outcome::WarmingUp;
  std::uint8_t extra_flags = 0;
  float value = 42.5F;
};

/// A monitor with the metrics "us" and "idle" and two voting detectors.
inline std::shared_ptr<exposition::MonitorSnapshot> fake_snapshot(
    const std::string& name, const std::vector<FakeRow>& rows) {
  using exposition::MonitorSnapshot;
  auto s = std::make_shared<MonitorSnapshot>();
  s->monitor = name;
  s->source = "prom";
  s->source_up = true;
  s->evaluated = {1'700'000'000'000};
  s->interval = std::chrono::seconds(5);
  s->warmup_ratio = 0.5;
  s->backfill_ratio = 1;
  s->metrics = {{"us", "avg(rate(cpu[20s]))", rows.size(), "", ""},
                {"idle", "avg(idle)", 0, "", "no series; existing jobs: node, prometheus"}};
  s->detectors = {"zscore", "mad"};
  s->weights = {0.5, 0.5};
  s->confidence.resize(2);
  auto labels = std::make_shared<exposition::OutputLabels>();
  labels->row_begin.push_back(0);
  labels->entity_begin.push_back(0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const FakeRow& row = rows[i];
    const bool is_scored = row.score >= 0;
    labels->text +=
        "monitor=\"" + name + "\",metric=\"" + s->metrics[row.metric].name + "\"," + row.labels;
    labels->row_begin.push_back(static_cast<std::uint32_t>(labels->text.size()));
    labels->row.push_back(static_cast<std::uint32_t>(i));
    labels->entity_of_row.push_back(0);
    labels->metric_of_row.push_back(row.metric);
    s->flags.push_back(static_cast<std::uint8_t>(
        row.extra_flags | (is_scored ? MonitorSnapshot::kScored | MonitorSnapshot::kHasValue |
                                           MonitorSnapshot::kHasExpected
                                     : 0)));
    s->outcome.push_back(is_scored ? detectors::Outcome::Scored : row.outcome);
    s->score.push_back(row.score);
    s->value.push_back(row.value);
    s->expected.push_back(20.25F);
    s->lower.push_back(10);
    s->upper.push_back(30.5F);
    s->sigmas.push_back(6.5F);
    s->severity.push_back(row.severity);
    s->confidence[0].push_back(row.score);
    s->confidence[1].push_back(-1);
    ++s->outcome_counts[static_cast<std::size_t>(s->outcome.back())];
  }
  s->labels = std::move(labels);
  return s;
}

/// A label value made to break pages and JSON, and how the text format escapes it.
inline const std::string kHostileLabel = "<script>alert('x')</script>\"&\\\n\xE2\x82\xAC";
inline std::string hostile_label_text() {
  std::string text = "instance=\"";
  core::append_escaped_label_value(text, kHostileLabel);
  return text + "\"";
}

}  // namespace anomaly_exporter::support
