#!/usr/bin/env python3
"""The shipped dashboards: well-formed, in the manner of Grafana's linter, with valid PromQL.

Checks without a Grafana: the files are what dashboards/build.py writes; their structure,
as far as the types of dashboard_types.py say nothing of it; the rules of the dashboard linter, with
the exceptions of EXCEPTIONS and their reasons; every expression through promtool. With the path of
anomalytool as argument, what `generate dashboard` writes for the example configurations too. That
panels show data is checked on a live Prometheus by tests/integration/dashboards_test.py, which uses
`expressions` from here.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "dashboards"

# Rule of the linter, board -> why it does not hold there.
EXCEPTIONS = {
    ("template-job", "dwcp"): "results carry the labels of what they judge, not of the exporter",
    ("template-job", "nodes"): "results carry the labels of what they judge, not of the exporter",
    ("template-instance", "dwcp"): "boards of results are chosen by monitor and cluster",
    ("template-instance", "nodes"): "one instance at a time, or panels could not be repeated",
}
PANEL_TYPES = {"bargauge", "piechart", "row", "stat", "state-timeline", "table", "timeseries"}
TARGET_KEYS = {"datasource", "editorMode", "expr", "format", "instant", "legendFormat", "range",
               "refId"}
# Units that Grafana knows, as far as they are used, and those made of a word.
UNITS = {"Mbits", "bool_yes_no", "bytes", "cps", "mbytes", "ms", "percent", "percentunit", "pps",
         "reqps", "s", "short"}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def load(folder=FOLDER):
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def substituted(expression, values=None):
    """The expression as Grafana sends it with every variable at `values`, or at All."""
    for name, value in {"__rate_interval": "5m", "__interval": "30s", "__range": "1h",
                        "severity": "1", **(values or {})}.items():
        expression = re.sub(rf"\$\{{?{name}\b\}}?", lambda _: value, expression)
    return re.sub(r"\$\{?\w+\}?", ".+", expression)


def expressions(board):
    """(panel title, expression) of every target."""
    return [(panel["title"], target["expr"]) for panel in board["panels"]
            for target in panel.get("targets", [])]


def variables(board):
    return {v["name"]: v for v in board["templating"]["list"]}


def check_structure(name, board):
    if not 39 <= board["schemaVersion"] <= 42:
        yield f"schemaVersion {board['schemaVersion']} is not between 39 and 42"
    if board["uid"] != "anomaly-" + name:
        yield f"uid {board['uid']} does not follow the file's name"
    ids, cells = set(), {}
    for panel in board["panels"]:
        title = panel.get("title")
        if panel["type"] not in PANEL_TYPES:
            yield f"panel {title}: unknown type {panel['type']}"
        if panel["id"] in ids:
            yield f"panel {title}: id {panel['id']} twice"
        ids.add(panel["id"])
        grid = panel["gridPos"]
        if grid.keys() != {"h", "w", "x", "y"} or not all(type(v) is int for v in grid.values()) \
                or grid["x"] + grid["w"] > 24 or min(grid.values()) < 0:
            yield f"panel {title}: bad gridPos {grid}"
            continue
        for x in range(grid["x"], grid["x"] + grid["w"]):
            for y in range(grid["y"], grid["y"] + grid["h"]):
                if cells.setdefault((x, y), title) != title:
                    yield f"panel {title} lies over {cells[x, y]}"
        for target in panel.get("targets", []):
            for key in target.keys() - TARGET_KEYS:
                yield f"panel {title}: unknown key {key} of a target"
        for override in panel.get("fieldConfig", {}).get("overrides", []):
            legends = {t["legendFormat"] for t in panel["targets"]}
            if override["matcher"]["options"] not in legends:
                yield f"panel {title}: override of {override['matcher']['options']}, not a series"


def check_rules(name, board):
    """Violations as (rule, message)."""
    known = variables(board)
    source = known.get("datasource", {})
    if source.get("type") != "datasource" or source.get("label") != "Data source":
        yield "template-datasource", "no variable datasource labelled Data source"
    for label in ("job", "instance"):
        v = known.get(label)
        if not v or v["label"] != label or not v.get("multi") or v.get("allValue") != ".+" or \
                v.get("datasource") != DATASOURCE:
            yield f"template-{label}", f"variable {label} is not one of many values"
    for v in known.values():
        if v["type"] == "query" and v.get("refresh") != 2:
            yield "template-on-time-change-reload", f"variable {v['name']} is not read anew"
    if board["editable"]:
        yield "uneditable", "the board is editable"
    for panel in board["panels"]:
        title = panel["title"]
        if panel["type"] == "row":
            continue
        if panel["datasource"] != DATASOURCE or \
                any(t["datasource"] != DATASOURCE for t in panel["targets"]):
            yield "panel-datasource", f"{title}: another data source than $datasource"
        if not title or not panel.get("description", "").endswith("."):
            yield "panel-title-description", f"{title}: no title, or no sentence that describes it"
        unit = panel["fieldConfig"]["defaults"].get("unit")
        if unit not in UNITS and not str(unit).startswith("suffix:"):
            yield "panel-units", f"{title}: unit {unit}"
        if not panel["targets"]:
            yield "panel-no-targets", title
        if panel["type"] == "timeseries" and not panel["options"]["legend"]["showLegend"]:
            yield "legend", f"{title}: no legend"
        if panel["type"] == "timeseries" and not all(t["legendFormat"] for t in panel["targets"]):
            yield "legend", f"{title}: a series without a name"
        for target in panel["targets"]:
            yield from check_target(name, title, target["expr"], known)


def check_target(name, title, expression, known):
    for variable in re.findall(r"\$\{?(\w+)", expression):
        if variable not in known and variable not in ("__rate_interval", "__interval", "__range"):
            yield "target-promql", f"{title}: unknown variable {variable}"
    for inside in re.findall(r"\brate\([^()]*\[([^\]]*)\]\)", expression):
        if inside != "$__rate_interval":
            yield "target-rate-interval", f"{title}: rate over {inside}"
    for counter in re.finditer(r"\w+_(?:total|count|sum|bucket)\b(?=\{)", expression):
        if not re.search(r"\b(?:rate|irate|increase)\($", expression[:counter.start()]):
            yield "target-counter-agg", f"{title}: {counter[0]} without rate or increase"
    if name != "exporter":
        return
    for selector in re.findall(r"\{[^{}]*\}", expression):
        if 'job=~"$job"' not in selector or 'instance=~"$instance"' not in selector:
            if "monitor=~" not in selector:
                yield "target-job", f"{title}: {selector} without job and instance"


def check_promql(boards):
    """Every expression as a recording rule, all at once."""
    if not shutil.which("promtool"):
        print("missing: promtool")
        sys.exit(1 if os.environ.get("AE_INTEGRATION_REQUIRED") == "ON" else 77)
    rules, places = [], []
    for name, board in boards.items():
        for title, expression in expressions(board) + [
                ("annotation", a["expr"]) for a in board["annotations"]["list"]]:
            places.append(f"{name}: {title}")
            rules.append({"record": f"check:{len(rules)}", "expr": substituted(expression)})
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump({"groups": [{"name": "dashboards", "rules": rules}]}, file)
        file.flush()
        done = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True,
                              text=True)
    if done.returncode != 0:
        yield f"promtool: {done.stderr.strip()}\nrules in order: {places}"


def check_is_built():
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "build.py"
        shutil.copy(FOLDER / "build.py", copy)
        subprocess.run([sys.executable, copy], check=True)
        built = {p.name: p.read_text() for p in pathlib.Path(folder).glob("*.json")}
    shipped = {p.name: p.read_text() for p in FOLDER.glob("*.json")}
    for name in sorted(built.keys() | shipped.keys()):
        if built.get(name) != shipped.get(name):
            yield f"{name} is not what dashboards/build.py writes; run it"


def check_generated(tool, boards):
    """`anomalytool generate dashboard` for every example: panels for every metric, and valid."""
    for config in sorted((ROOT / "config" / "examples").glob("*.yml")):
        done = subprocess.run([tool, "generate", "dashboard", "--config", config],
                              capture_output=True, text=True)
        if done.returncode != 0:
            yield f"{config.name}: {done.stderr}"
            continue
        board = boards[f"generated for {config.name}"] = json.loads(done.stdout)
        if done.stdout != json.dumps(board, indent=2, sort_keys=True, ensure_ascii=False) + "\n":
            yield f"{config.name}: not sorted and indented like the shipped boards"
        for rule, message in check_rules("generated", board):
            if rule not in ("template-job", "template-instance", "uneditable"):
                yield f"{config.name}: {rule}: {message}"
        cells = [(p["gridPos"]["x"] + x, p["gridPos"]["y"] + y) for p in board["panels"]
                 for x in range(p["gridPos"]["w"]) for y in range(p["gridPos"]["h"])]
        if len(cells) != len(set(cells)) or max(x for x, _ in cells) > 23:
            yield f"{config.name}: panels lie over each other"
        metrics = set(re.findall(r"^    +(\w+):(?: \{| *$)", config.read_text(), re.M)) - {
            "metrics", "detectors", "zscore", "labels"}
        shown = {p["title"] for p in board["panels"]}
        if not board["panels"] or "metrics:" in config.read_text() and not metrics & shown:
            yield f"{config.name}: shows {shown}, written were {metrics}"


def violations(name, board):
    yield from check_structure(name, board)
    for rule, message in check_rules(name, board):
        if (rule, name) not in EXCEPTIONS:
            yield f"{rule}: {message}"


def self_test(board):
    """A broken copy of a good board must be found out, each fault by its rule."""
    def broken(change):
        copy = json.loads(json.dumps(board))
        change(copy, next(p for p in copy["panels"] if p["type"] == "timeseries"))
        return " ".join(violations("dwcp", copy))
    for word, change in {
            "panel-datasource": lambda b, p: p.update(datasource={"uid": "prometheus"}),
            "panel-title-description": lambda b, p: p.update(description=""),
            "panel-units": lambda b, p: p["fieldConfig"]["defaults"].pop("unit"),
            "target-rate-interval": lambda b, p: p["targets"][0].update(expr="rate(a_total[5m])"),
            "target-counter-agg": lambda b, p: p["targets"][0].update(expr="sum(a_total{})"),
            "unknown variable": lambda b, p: p["targets"][0].update(expr="a{b=~\"$c\"}"),
            "legend": lambda b, p: p["targets"][0].update(legendFormat=""),
            "schemaVersion": lambda b, p: b.update(schemaVersion=16),
            "unknown key": lambda b, p: p["targets"][0].update(graph=1),
            "lies over": lambda b, p: p["gridPos"].update(x=0, y=0),
            "uneditable": lambda b, p: b.update(editable=True)}.items():
        if word not in broken(change):
            yield f"self test: {word} is not found"


def main():
    boards = load()
    found = list(check_is_built())
    for name, board in boards.items():
        found += [f"{name}: {v}" for v in violations(name, board)]
    found += self_test(boards["dwcp"])
    if len(boards) != 3:
        found.append(f"boards: {sorted(boards)}")
    if len(sys.argv) > 1:
        found += check_generated(sys.argv[1], boards)
    found += check_promql(boards)
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
