#!/usr/bin/env python3
"""Writes the dashboards beside it: `python3 dashboards/build.py`.

The JSON is what is shipped and loaded; this file is what is read and changed. One place says how a
panel looks, so the boards look alike. A test holds that the files are what this script writes.
"""
import json
import pathlib

SCHEMA_VERSION = 39  # Grafana 10.4 and later load it; older files are migrated, newer ones are not
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
THRESHOLD = 0.6  # of the score, as ensemble.threshold has it by default
NONE, INFO, WARNING, CRITICAL = "green", "blue", "orange", "red"
SEVERITIES = {"Info": INFO, "Warning": WARNING, "Critical": CRITICAL}


def steps(*pairs):
    """Thresholds: the first colour from the lowest value on, then (value, colour)."""
    return {"mode": "absolute", "steps": [{"color": pairs[0], "value": None}] +
            [{"color": color, "value": value} for value, color in pairs[1:]]}


GOOD_UNTIL = {"none": steps(NONE), "any": steps(NONE, (1, CRITICAL)),
              "score": steps(NONE, (THRESHOLD / 2, INFO), (THRESHOLD, WARNING), (0.9, CRITICAL)),
              "latency": steps(NONE, (15, WARNING), (60, CRITICAL)),
              "up": steps(CRITICAL, (1, NONE))}


class Board:
    """A dashboard in the making; panels flow into 24 columns from left to right."""

    def __init__(self, uid, title, description, variables, refresh="30s", since="now-6h"):
        self.x = self.y = self.row_height = 0
        self.panels = []
        self.json = {
            "annotations": {"list": [critical_alerts()]}, "description": description,
            "editable": False, "fiscalYearStartMonth": 0, "graphTooltip": 1, "id": None,
            "links": [{"asDropdown": False, "icon": "external link", "includeVars": False,
                       "keepTime": True, "tags": ["anomaly"], "targetBlank": False,
                       "title": "Anomaly dashboards", "tooltip": "", "type": "dashboards",
                       "url": ""}],
            "panels": self.panels, "refresh": refresh, "schemaVersion": SCHEMA_VERSION,
            "tags": ["anomaly"], "templating": {"list": [datasource_variable(), *variables]},
            "time": {"from": since, "to": "now"}, "timepicker": {}, "timezone": "browser",
            "title": title, "uid": uid, "version": 1, "weekStart": ""}

    def row(self, title):
        self._place(24, 1)
        self.panels.append({"collapsed": False, "gridPos": self._grid, "id": self._id,
                            "panels": [], "title": title, "type": "row"})

    def add(self, kind, title, description, queries, unit, width, height=8, *, options=None,
            thresholds="none", custom=None, overrides=(), defaults=None, transformations=None,
            repeat=None):
        self._place(width, height)
        panel = {
            "datasource": DATASOURCE, "description": description, "gridPos": self._grid,
            "fieldConfig": {
                "defaults": {"color": {"mode": "palette-classic"}, "custom": custom or {},
                             "mappings": [], "thresholds": GOOD_UNTIL[thresholds], "unit": unit,
                             **(defaults or {})},
                "overrides": list(overrides)},
            "id": self._id, "options": options or {},
            "targets": [target(chr(ord("A") + i), *q) for i, q in enumerate(queries)],
            "title": title, "type": kind}
        if transformations:
            panel["transformations"] = transformations
        if repeat:
            panel.update({"maxPerRow": 2, "repeat": repeat, "repeatDirection": "h"})
        self.panels.append(panel)

    def lines(self, title, description, queries, unit, width, height=8, *, stack=False, bars=False,
              legend=("lastNotNull",), least=0, threshold_line=False, **more):
        custom = {"drawStyle": "bars" if bars else "line", "fillOpacity": 60 if bars else 10,
                  "lineWidth": 1, "showPoints": "never", "spanNulls": False,
                  "stacking": {"group": "A", "mode": "normal" if stack else "none"}}
        if threshold_line:
            custom["thresholdsStyle"] = {"mode": "dashed"}
            more.setdefault("thresholds", "score")
        defaults = more.pop("defaults", {})
        if least is not None:
            defaults = {"min": least, **defaults}
        self.add("timeseries", title, description, queries, unit, width, height, custom=custom,
                 defaults=defaults,
                 options={"legend": {"calcs": list(legend), "displayMode": "table",
                                     "placement": "bottom", "showLegend": True},
                          "tooltip": {"mode": "multi", "sort": "desc"}}, **more)

    def stat(self, title, description, query, unit, width=4, height=4, *, thresholds="none",
             **more):
        defaults = {"color": {"mode": "thresholds"}, **more.pop("defaults", {})}
        self.add("stat", title, description, [(query, "", "instant")], unit, width, height,
                 thresholds=thresholds, defaults=defaults,
                 options={"colorMode": "value", "graphMode": "none", "justifyMode": "auto",
                          "orientation": "auto", "reduceOptions": last_value(),
                          "textMode": "auto"}, **more)

    def write(self):
        folder = pathlib.Path(__file__).parent
        name = self.json["uid"].removeprefix("anomaly-") + ".json"
        (folder / name).write_text(json.dumps(self.json, indent=2, sort_keys=True) + "\n")

    def _place(self, width, height):
        if self.x + width > 24:
            self.x, self.y, self.row_height = 0, self.y + self.row_height, 0
        self._grid = {"h": height, "w": width, "x": self.x, "y": self.y}
        self._id = len(self.panels) + 1
        self.x, self.row_height = self.x + width, max(self.row_height, height)


def last_value():
    return {"calcs": ["lastNotNull"], "fields": "", "values": False}


def target(reference, query, legend, how="range"):
    out = {"datasource": DATASOURCE, "editorMode": "code", "expr": query, "legendFormat": legend,
           "refId": reference}
    if how == "range":
        return {**out, "range": True, "instant": False}
    return {**out, "range": False, "instant": True,
            "format": "table" if how == "table" else "time_series"}


def colored(name, color, **properties):
    """An override that gives the series of a legend its colour."""
    values = [{"id": "color", "value": {"fixedColor": color, "mode": "fixed"}}]
    values += [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": values}


def severity_colors():
    return [colored(name, color) for name, color in SEVERITIES.items()]


def severity_names():
    words = {"0": ("None", NONE), "1": ("Info", INFO), "2": ("Warning", WARNING),
             "3": ("Critical", CRITICAL)}
    return [{"type": "value", "options": {value: {"color": color, "index": i, "text": text}
                                          for i, (value, (text, color)) in enumerate(words.items())}}]


def critical_alerts():
    return {"datasource": DATASOURCE, "enable": True, "hide": False, "iconColor": CRITICAL,
            "expr": 'ALERTS{alertname=~".*Anomaly.*",alertstate="firing",severity="critical"}',
            "name": "Critical alerts", "step": "30s", "tagKeys": "monitor,metric,instance,cluster",
            "titleFormat": "{{alertname}}", "textFormat": "{{metric}} {{cluster}} {{instance}}"}


def datasource_variable():
    return {"hide": 0, "includeAll": False, "label": "Data source", "multi": False,
            "name": "datasource", "options": [], "query": "prometheus", "refresh": 1, "regex": "",
            "skipUrlSync": False, "type": "datasource"}


def variable(name, query, *, many=True, all_value=".+"):
    """Values of a label; read anew when the time range changes."""
    out = {"datasource": DATASOURCE, "hide": 0, "includeAll": many, "label": name, "multi": many,
           "name": name, "options": [], "query": {"query": query, "refId": "StandardVariableQuery"},
           "refresh": 2, "regex": "", "skipUrlSync": False, "sort": 1, "type": "query"}
    if many:
        out.update({"allValue": all_value,
                    "current": {"selected": True, "text": ["All"], "value": ["$__all"]}})
    return out


def severity_variable():
    choices = [("Info or worse", "1"), ("Warning or worse", "2"), ("Critical", "3")]
    return {"current": {"selected": True, "text": choices[0][0], "value": choices[0][1]},
            "hide": 0, "includeAll": False, "label": "severity", "multi": False,
            "name": "severity", "query": ", ".join(f"{text} : {value}" for text, value in choices),
            "options": [{"selected": i == 0, "text": text, "value": value}
                        for i, (text, value) in enumerate(choices)],
            "skipUrlSync": False, "type": "custom"}


def entries(selector, level, over):
    """Times that series rose to `level`: 1 while below, so a rise is a drop, which resets counts."""
    return f"sum(resets((anomaly_severity{selector} < bool {level})[{over}]))"


def dwcp():
    here = '{monitor=~"$monitor",cluster=~"$cluster"}'
    board = Board(
        "anomaly-dwcp", "Anomalies: DWCP",
        "Anomalies of the seven metrics of an overlay network, by cluster.",
        [variable("monitor",
                  'label_values(anomaly_exporter_monitor_metric_series{metric="bandwidth"}, monitor)'),
         variable("cluster", 'label_values(anomaly_score{monitor=~"$monitor"}, cluster)',
                  all_value=".*"),
         severity_variable()])
    latency = "anomaly_exporter_detection_latency_seconds"
    of_ticks = '{stage="publish",origin="tick"}[$__rate_interval]'
    board.stat("Anomalies in the last hour",
               "Times that a metric rose to the chosen severity within the last hour.",
               entries(here, "$severity", "1h:30s"), "short", 6, thresholds="any")
    board.stat("Critical anomalies", "Metrics that are critical now.",
               f"count(anomaly_severity{here} == 3) or vector(0)", "short", 6, thresholds="any")
    board.stat("Metrics processed", "Values judged per second, in all clusters of the monitors.",
               'sum(rate(anomaly_exporter_samples_processed_total{monitor=~"$monitor"}'
               '[$__rate_interval]))', "cps", 6)
    board.stat("Average detection latency",
               "Mean time from a tick's data to its published scores, over the whole exporter.",
               f"sum(rate({latency}_sum{of_ticks})) / sum(rate({latency}_count{of_ticks}))", "s", 6,
               thresholds="latency")
    board.lines("Anomaly timeline by severity", "Metrics in each severity, from the chosen one on.",
                [(f"count((anomaly_severity{here} == {level}) >= $severity) or vector(0)", name)
                 for level, name in enumerate(SEVERITIES, 1)],
                "short", 16, stack=True, bars=True, legend=("max",), overrides=severity_colors())
    board.add("piechart", "Severity distribution",
              "Anomalies in the time shown, by the highest severity each reached.",
              [(f"{entries(here, 1, '$__range:1m')} - {entries(here, 2, '$__range:1m')}", "Info",
                "instant"),
               (f"{entries(here, 2, '$__range:1m')} - {entries(here, 3, '$__range:1m')}", "Warning",
                "instant"),
               (entries(here, 3, "$__range:1m"), "Critical", "instant")],
              "short", 8, overrides=severity_colors(),
              options={"displayLabels": ["percent"], "pieType": "donut",
                       "legend": {"displayMode": "table", "placement": "right", "showLegend": True,
                                  "values": ["value", "percent"]},
                       "reduceOptions": last_value(),
                       "tooltip": {"mode": "single", "sort": "none"}})
    board.add("bargauge", "Anomalies by metric",
              "Times that each metric rose to the chosen severity in the time shown.",
              [(entries(here, "$severity", "$__range:1m").replace("sum(", "sum by (metric) (", 1),
                "{{metric}}", "instant")],
              "short", 8, thresholds="any", defaults={"color": {"mode": "thresholds"}, "min": 0},
              options={"displayMode": "gradient", "minVizHeight": 10, "minVizWidth": 0,
                       "orientation": "horizontal", "reduceOptions": last_value(),
                       "showUnfilled": True, "valueMode": "color"})
    board.add("table", "Confidence heatmap: metric by model",
              "Highest confidence of each model that a metric is anomalous now, over the clusters.",
              [(f"max by (metric, detector) (anomaly_detector_score{here})", "", "table")],
              "percentunit", 16, thresholds="score",
              custom={"align": "center", "cellOptions": {"mode": "gradient",
                                                         "type": "color-background"}},
              defaults={"color": {"mode": "continuous-GrYlRd"}, "max": 1, "min": 0},
              options={"cellHeight": "sm", "footer": {"show": False}, "showHeader": True},
              transformations=[{"id": "groupingToMatrix", "options": {
                  "columnField": "detector", "rowField": "metric", "valueField": "Value",
                  "emptyValue": "null"}}])
    board.lines("Detections per model", "Metrics that each model holds to be anomalous, stacked.",
                [(f"sum by (detector) (anomaly_detector_score{here} >= bool {THRESHOLD})",
                  "{{detector}}")], "short", 12, stack=True, legend=("max",))
    board.lines("Detection latency", "Percentiles of the time from a tick's data to its published "
                "scores, over the whole exporter.",
                [(f"histogram_quantile({q}, sum by (le) (rate({latency}_bucket{of_ticks})))",
                  f"p{int(q * 100)}") for q in (0.5, 0.95, 0.99)],
                "s", 12, legend=("lastNotNull", "max"))
    board.lines("Trends of the seven metrics",
                "Highest score of each metric; an anomaly from the dashed line on.",
                [(f"max by (metric) (anomaly_score{here})", "{{metric}}")],
                "percentunit", 24, 9, legend=("max",), threshold_line=True, defaults={"max": 1})
    board.write()


def nodes():
    everything = '{monitor=~"$monitor",instance=~"$instance"}'
    here = '{monitor=~"$monitor",instance=~"$instance",metric=~"$metric"}'
    board = Board(
        "anomaly-nodes", "Anomalies: nodes",
        "One instance at a time: every metric with what was expected, and why it is unusual.",
        [variable("monitor", "label_values(anomaly_score, monitor)", many=False),
         variable("instance", 'label_values(anomaly_score{monitor=~"$monitor"}, instance)',
                  many=False),
         variable("metric", f"label_values(anomaly_score{everything}, metric)")])
    board.stat("Score of the instance", "Highest score now; an anomaly from 60 % on.",
               f"max(anomaly_entity_score{everything})", "percentunit", thresholds="score",
               defaults={"decimals": 1})
    board.stat("Severity", "Highest severity among the metrics now.",
               f"max(anomaly_severity{everything})", "short",
               defaults={"mappings": severity_names()}, thresholds="any")
    board.stat("Metrics with a score", "Metrics that are judged; the others still warm up.",
               f"count(anomaly_score{everything})", "short")
    board.stat("Missing series", "Series that were there before and have no sample now.",
               f"sum(anomaly_series_missing{everything})", "short", thresholds="any")
    board.stat("Open incidents", "Incidents of the monitor that stand for several series.",
               'count(anomaly_incident_severity{monitor=~"$monitor"}) or vector(0)', "short",
               thresholds="any")
    board.stat("Largest deviation", "Distance from the expected value, in standard deviations.",
               f"max(anomaly_deviation_sigmas{here})", "suffix: σ", defaults={"decimals": 1})
    board.lines("Scores", "Score of each metric; an anomaly from the dashed line on.",
                [(f"anomaly_score{here}", "{{metric}}")], "percentunit", 12, 9,
                legend=("lastNotNull", "max"), threshold_line=True, defaults={"max": 1})
    board.add("state-timeline", "Severity of each metric", "Since when, and how bad.",
              [(f"anomaly_severity{here}", "{{metric}}")], "short", 12, 9,
              custom={"fillOpacity": 80, "lineWidth": 0}, thresholds="any",
              defaults={"color": {"mode": "thresholds"}, "mappings": severity_names()},
              options={"alignValue": "left", "mergeValues": True, "rowHeight": 0.9,
                       "showValue": "never", "tooltip": {"mode": "single", "sort": "none"},
                       "legend": {"displayMode": "list", "placement": "bottom",
                                  "showLegend": True}})
    board.row("Value, expected value and band")
    board.lines("$metric", "The value, what was expected, and the band of ordinary values, in the "
                "unit of the metric. A side on which nothing is unusual has no bound.",
                [(f"anomaly_value{here}", "Value"), (f"anomaly_expected_value{here}", "Expected"),
                 (f"anomaly_lower_bound{here} > -Inf", "Lower bound"),
                 (f"anomaly_upper_bound{here} < Inf", "Upper bound")],
                "short", 12, 8, least=None, repeat="metric", legend=("lastNotNull",),
                overrides=[colored("Value", "blue", custom__lineWidth=2, custom__fillOpacity=0),
                           colored("Expected", "text", custom__fillOpacity=0,
                                   custom__lineStyle={"dash": [6, 6], "fill": "dash"}),
                           colored("Lower bound", "semi-dark-green", custom__lineWidth=0,
                                   custom__fillOpacity=0),
                           colored("Upper bound", "semi-dark-green", custom__lineWidth=0,
                                   custom__fillBelowTo="Lower bound", custom__fillOpacity=15)])
    board.x, board.y = 0, board.y + 8
    board.row("Why")
    board.lines("Confidence of each detector", "Highest over the chosen metrics.",
                [(f"max by (detector) (anomaly_detector_score{here})", "{{detector}}")],
                "percentunit", 8, 9, legend=("lastNotNull", "max"), threshold_line=True,
                defaults={"max": 1})
    board.lines("Contributions", "Share of each metric in what the detectors see that look at all "
                "metrics together. Needs anomaly_contribution_ratio in exposition.families.",
                [(f"avg by (metric) (anomaly_contribution_ratio{here})", "{{metric}}")],
                "percentunit", 8, 9, stack=True, legend=("lastNotNull", "max"))
    board.lines("Anomaly rate", "Share of the metrics of the instance that are anomalous: one that "
                "twitches, or all that moved.",
                [(f"avg(anomaly_severity{everything} > bool 0)", "Anomalous")],
                "percentunit", 8, 9, legend=("lastNotNull", "max"), defaults={"max": 1})
    board.write()


def exporter():
    of = 'job=~"$job",instance=~"$instance"'
    here = "{" + of + "}"
    rate = "{" + of + "}[$__rate_interval]"
    own = "anomaly_exporter_"
    board = Board(
        "anomaly-exporter", "Anomaly exporter",
        "Health of anomaly_exporter itself: does it see, judge and tell in time?",
        [variable("job", "label_values(anomaly_exporter_build_info, job)"),
         variable("instance", 'label_values(anomaly_exporter_build_info{job=~"$job"}, instance)')])

    def per(label, name):
        return f"sum by ({label}) (rate({own}{name}{rate}))"

    def quantile(q, name, by):
        return f"histogram_quantile({q}, sum by (le, {by}) (rate({own}{name}_bucket{rate})))"

    board.stat("Exporters up", "Exporters that Prometheus can scrape.", f"sum(up{here} and on (job, instance) last_over_time({own}build_info[1d]))", "short",
               thresholds="up")
    board.stat("Sources up", "Share of the sources that answered their last request.",
               f"min({own}source_up{here})", "percentunit", thresholds="up")
    board.stat("Last reload", "Whether the configuration in the file is the one in force.",
               f"min({own}config_last_reload_successful{here})", "bool_yes_no", thresholds="up")
    board.stat("Series", "Series watched.", f"sum({own}series{here})", "short")
    board.stat("Warm", "Share of the series that have a score.",
               f"avg({own}warmup_ratio{here})", "percentunit")
    board.stat("Memory", "Resident memory of the process.",
               f"sum(process_resident_memory_bytes{here} and on (job, instance) {own}build_info)",
               "bytes")
    board.row("Ticks")
    board.lines("Age of the last tick", "Time since the data of the last evaluated tick. It grows "
                "when the source does not answer or a tick takes too long.",
                [(f"time() - {own}last_evaluation_timestamp_seconds{here}", "{{monitor}}")], "s", 8)
    board.lines("Evaluation time", "95th percentile of the time to score a tick.",
                [(quantile(0.95, "evaluation_duration_seconds", "monitor"), "{{monitor}}")], "s", 8)
    board.lines("Missed ticks", "Ticks not evaluated in time; they are read later where possible.",
                [(per("monitor", "missed_ticks_total"), "{{monitor}}")], "cps", 8)
    board.lines("Detection latency by stage", "95th percentile from a tick's data to the end of "
                "each stage.",
                [(quantile(0.95, "detection_latency_seconds", "stage"), "{{stage}}")], "s", 12,
                legend=("lastNotNull", "max"))
    board.lines("Time per detector", "95th percentile of the time of a detector for one tick.",
                [(quantile(0.95, "detector_duration_seconds", "detector"), "{{detector}}")], "s", 12,
                legend=("lastNotNull", "max"))
    board.row("Sources")
    board.lines("Source up", "1 when the source answered its last request.",
                [(f"min by (source) ({own}source_up{here})", "{{source}}")], "short", 8,
                defaults={"max": 1})
    board.lines("Requests and failures", "HTTP requests sent to the sources, and those that failed.",
                [(per("source", "source_requests_total"), "{{source}} requests"),
                 (per("source", "source_failures_total"), "{{source}} failures")], "reqps", 8)
    board.lines("Samples not used", "Samples and series dropped, by reason.",
                [(per("reason", "samples_dropped_total"), "{{reason}}")], "cps", 8)
    board.row("Alarms against the budget")
    board.lines("Alarms expected and seen", "What the alarm budget allows in a day, and what there "
                "was. Far more seen than expected: noisy data, or real trouble.",
                [(f"sum by (monitor) (increase({own}expected_alarms_total{here}[1d]))",
                  "{{monitor}} expected"),
                 (f"sum by (monitor) (increase({own}seen_alarms_total{here}[1d]))",
                  "{{monitor}} seen")], "short", 12)
    board.lines("Anomalies by severity", "Entries of series into a severity, per hour.",
                [(f'sum by (severity) (increase({own}anomalies_total{{detector="ensemble",{of}}}'
                  '[1h]))', "{{severity}}")], "short", 12, stack=True)
    board.row("Models and memory")
    board.lines("Age of models", "Time since the model in use was fitted.",
                [(f"{own}model_age_seconds{here}", "{{monitor}} {{detector}}")], "s", 8)
    board.lines("Trainings", "Attempts to fit a model in a day, by what came of them.",
                [(f"sum by (result) (increase({own}trainings_total{here}[1d]))", "{{result}}")],
                "short", 8)
    board.lines("Memory of series", "Memory that each monitor's series take, and the process.",
                [(f"{own}series_bytes{here}", "{{monitor}}"),
                 (f"process_resident_memory_bytes{here} and on (job, instance) {own}build_info",
                  "process")], "bytes", 8)
    board.lines("Series and limit", "Series admitted, and the most that are (limits.series).",
                [(f"{own}series{here}", "series"), (f"{own}series_limit{here}", "limit")],
                "short", 12)
    board.lines("Processor", "Cores in use by the process.",
                [(f"rate(process_cpu_seconds_total{rate}) and on (job, instance) {own}build_info",
                  "{{instance}}")], "short", 12)
    board.row("Notifications and pages")
    board.lines("Notifications", "Alerts sent to Alertmanager, failed and dropped, in push mode.",
                [(f"sum(rate({own}notifications_{what}_total{rate})) or vector(0)", what)
                 for what in ("sent", "errors", "dropped", "suppressed")], "cps", 8)
    board.lines("Notification queue", "Alerts that wait to be sent, in push mode.",
                [(f"sum({own}notifications_queue_length{here}) or vector(0)", "waiting")],
                "short", 8)
    board.lines("Requests served", "HTTP requests by page and status.",
                [(per("handler, code", "http_requests_total"), "{{handler}} {{code}}")], "reqps", 8)
    board.write()


if __name__ == "__main__":
    dwcp()
    nodes()
    exporter()
