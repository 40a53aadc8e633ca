#include "anomaly_exporter/tools/generate_dashboard.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

namespace anomaly_exporter::tools {
namespace {

using nlohmann::json;

constexpr int kColumns = 24;
constexpr std::array<std::string_view, 6> kFamiliesRead = {
    "anomaly_score",          "anomaly_severity",    "anomaly_value",
    "anomaly_expected_value", "anomaly_lower_bound", "anomaly_upper_bound"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kUnits = {{
    {"percent", "percent"},
    {"ratio", "percentunit"},
    {"seconds", "s"},
    {"s", "s"},
    {"ms", "ms"},
    {"bytes", "bytes"},
    {"MiB", "mbytes"},
    {"Mbps", "Mbits"},
    {"packets per second", "pps"},
    {"requests per second", "reqps"},
}};

std::string grafana_unit(const std::string& unit) {
  if (unit.empty()) return "short";
  for (const auto& [ours, theirs] : kUnits) {
    if (unit == ours) return std::string(theirs);
  }
  return "suffix: " + unit;
}

json source() { return {{"type", "prometheus"}, {"uid", "${datasource}"}}; }

json target(std::size_t number, const std::string& expression, const std::string& legend) {
  return {{"datasource", source()},
          {"expr", expression},
          {"legendFormat", legend},
          {"refId", std::string(1, static_cast<char>('A' + number))}};
}

/// Puts panels into rows of 24 columns.
class Board {
 public:
  void row(const std::string& title) {
    next_line();
    json panel = {{"type", "row"}, {"title", title}, {"collapsed", false}};
    panel["panels"] = json::array();
    add(std::move(panel), kColumns, 1);
    next_line();
  }

  void add(json panel, int width, int height) {
    if (x_ + width > kColumns) next_line();
    panel["gridPos"] = {{"h", height}, {"w", width}, {"x", x_}, {"y", y_}};
    panel["id"] = panels_.size() + 1;
    panels_.push_back(std::move(panel));
    x_ += width;
    height_ = std::max(height_, height);
  }

  json take() { return std::move(panels_); }

 private:
  void next_line() {
    y_ += height_;
    x_ = height_ = 0;
  }

  json panels_ = json::array();
  int x_ = 0, y_ = 0, height_ = 0;
};

json lines(const std::string& title, const std::string& description, const std::string& unit,
           json targets) {
  const json custom = {{"fillOpacity", 0}, {"lineWidth", 1}, {"showPoints", "never"}};
  return {{"type", "timeseries"},
          {"title", title},
          {"description", description},
          {"datasource", source()},
          {"targets", std::move(targets)},
          {"fieldConfig",
           {{"defaults", {{"custom", custom}, {"unit", unit}}}, {"overrides", json::array()}}},
          {"options",
           {{"legend",
             {{"calcs", json::array({"lastNotNull", "max"})},
              {"displayMode", "table"},
              {"placement", "bottom"},
              {"showLegend", true}}},
            {"tooltip", {{"mode", "multi"}, {"sort", "desc"}}}}}};
}

json style(const std::string& series, json properties) {
  json list = json::array();
  for (const auto& [id, value] : properties.items()) list.push_back({{"id", id}, {"value", value}});
  return {{"matcher", {{"id", "byName"}, {"options", series}}}, {"properties", std::move(list)}};
}

json color(const char* name) { return {{"fixedColor", name}, {"mode", "fixed"}}; }

void draw_thresholds(json& panel, json steps) {
  json& defaults = panel["fieldConfig"]["defaults"];
  defaults["custom"]["thresholdsStyle"] = {{"mode", "dashed"}};
  defaults["thresholds"] = {{"mode", "absolute"}, {"steps", std::move(steps)}};
}

/// Label matchers of a monitor's outputs, the entity by the variables.
std::string matchers(const config::MonitorConfig& monitor) {
  std::string out = "monitor=" + json(monitor.name).dump();
  for (const std::string& label : monitor.group_by.value_or(std::vector<std::string>{})) {
    out += "," + label + "=~\"$" + label + "\"";
  }
  return out;
}

json score_panel(const config::MonitorConfig& monitor, const std::string& here) {
  json panel = lines(
      "Scores of " + monitor.name,
      "Highest score of each metric; an anomaly from the dashed line on.", "percentunit",
      json::array({target(0, "max by (metric) (anomaly_score{" + here + "})", "{{metric}}")}));
  panel["fieldConfig"]["defaults"]["min"] = 0;
  panel["fieldConfig"]["defaults"]["max"] = 1;
  json steps = json::array();
  steps.push_back({{"color", "green"}, {"value", nullptr}});
  steps.push_back({{"color", "red"}, {"value", monitor.ensemble.threshold}});
  draw_thresholds(panel, std::move(steps));
  return panel;
}

json severity_panel(const config::MonitorConfig& monitor, const std::string& here) {
  json panel = lines(
      "Severities of " + monitor.name,
      "Highest severity of each metric: 0 none, 1 info, 2 warning, 3 critical.", "short",
      json::array({target(0, "max by (metric) (anomaly_severity{" + here + "})", "{{metric}}")}));
  panel["fieldConfig"]["defaults"]["min"] = 0;
  panel["fieldConfig"]["defaults"]["max"] = 3;
  return panel;
}

json metric_panel(const config::MetricConfig& metric, const std::string& monitor) {
  const std::string here = "{" + monitor + ",metric=" + json(metric.request.metric).dump() + "}";
  json panel =
      lines(metric.request.metric, "Value, what was expected, and the band of ordinary values.",
            grafana_unit(metric.unit),
            json::array({target(0, "anomaly_value" + here, "Value"),
                         target(1, "anomaly_expected_value" + here, "Expected"),
                         target(2, "anomaly_lower_bound" + here + " > -Inf", "Lower bound"),
                         target(3, "anomaly_upper_bound" + here + " < Inf", "Upper bound")}));
  panel["fieldConfig"]["overrides"] = json::array(
      {style("Value", {{"color", color("blue")}, {"custom.lineWidth", 2}}),
       style("Expected", {{"color", color("text")}}),
       style("Lower bound", {{"color", color("semi-dark-green")}, {"custom.lineWidth", 0}}),
       style("Upper bound", {{"color", color("semi-dark-green")},
                             {"custom.fillBelowTo", "Lower bound"},
                             {"custom.fillOpacity", 15},
                             {"custom.lineWidth", 0}})});
  const bool has_below = std::isfinite(metric.critical.below);
  const bool has_above = std::isfinite(metric.critical.above);
  if (!has_below && !has_above) return panel;
  json steps = json::array();
  steps.push_back({{"color", has_below ? "red" : "green"}, {"value", nullptr}});
  if (has_below) steps.push_back({{"color", "green"}, {"value", metric.critical.below}});
  if (has_above) steps.push_back({{"color", "red"}, {"value", metric.critical.above}});
  draw_thresholds(panel, std::move(steps));
  return panel;
}

json variables(const config::Config& config) {
  json list = json::array({{{"name", "datasource"},
                            {"label", "Data source"},
                            {"type", "datasource"},
                            {"query", "prometheus"}}});
  std::set<std::string> known;
  for (const auto& monitor : config.monitors) {
    for (const std::string& label : monitor.group_by.value_or(std::vector<std::string>{})) {
      if (!known.insert(label).second) continue;
      const std::string query = "label_values(anomaly_score, " + label + ")";
      list.push_back({{"name", label},
                      {"label", label},
                      {"type", "query"},
                      {"datasource", source()},
                      {"query", {{"query", query}, {"refId", "StandardVariableQuery"}}},
                      {"refresh", 2},
                      {"sort", 1}});
    }
  }
  return list;
}

}  // namespace

core::Result<std::string> dashboard(const config::Config& config, const std::string& title) {
  const auto& families = config.exposition.families;
  for (const std::string_view family : kFamiliesRead) {
    if (std::find(families.begin(), families.end(), family) != families.end()) continue;
    return core::Error{
        core::ErrorCode::InvalidArgument,
        "exposition.families: lacks " + std::string(family) + ", which the panels read; add it"};
  }
  Board board;
  for (const auto& monitor : config.monitors) {
    const std::string here = matchers(monitor);
    board.row(monitor.name);
    board.add(score_panel(monitor, here), kColumns / 2, 8);
    board.add(severity_panel(monitor, here), kColumns / 2, 8);
    for (const auto& metric : monitor.metrics) {
      board.add(metric_panel(metric, here), kColumns / 3, 8);
    }
  }
  const json annotation = {
      {"datasource", source()},
      {"enable", true},
      {"expr", "ALERTS{alertname=~\".*Anomaly.*\",alertstate=\"firing\",severity=\"critical\"}"},
      {"iconColor", "red"},
      {"name", "Critical alerts"},
      {"titleFormat", "{{alertname}}"},
      {"textFormat", "{{monitor}} {{metric}}"}};
  const json out = {{"annotations", {{"list", json::array({annotation})}}},
                    {"editable", true},
                    {"graphTooltip", 1},
                    {"id", nullptr},
                    {"panels", board.take()},
                    {"refresh", "30s"},
                    {"schemaVersion", 39},
                    {"tags", json::array({"anomaly"})},
                    {"templating", {{"list", variables(config)}}},
                    {"time", {{"from", "now-6h"}, {"to", "now"}}},
                    {"title", title},
                    {"version", 1}};
  return out.dump(2) + "\n";
}

}  // namespace anomaly_exporter::tools
