#!/usr/bin/env python3
"""Every alert has a runbook page of the agreed shape whose queries parse, and rules and runbooks
name only metrics of ours that exist."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "runbooks"
SECTIONS = ["## How bad", "## Check in three steps", "## Quiet it rightly", "## False alarms"]
NAME = re.compile(r"\banomaly_[a-z_]+")
OTHER_NAMES = {  # names that are not metrics
    "anomaly_exporter",
}
# Rules name it with an `or` for exporters that do not have it: which monitor reads which source.


def known_metrics() -> set[str]:
    """Families that the sources declare, with the suffixes of histograms."""
    names = set()
    for path in [*ROOT.glob("src/**/*.cc"), *ROOT.glob("include/**/*.h"), *ROOT.glob("src/**/*.h")]:
        if path.parts[-2] == "tools":
            continue
        text = path.read_text()
        names |= {"anomaly_exporter_" + n for n in re.findall(r'AE_NAME\("([a-z_]+)"\)', text)}
        names |= set(re.findall(r'"(anomaly_[a-z_]+)"', text))
    return names | {n + s for n in names for s in ("_bucket", "_sum", "_count")}


def queries_of(text: str) -> list[str]:
    return [line.strip() for block in re.findall(r"```\n(.*?)```", text, re.S)
            for line in block.splitlines() if line.strip()]


def main() -> int:
    found, queries = [], []
    alerts = set()
    for rules in ROOT.glob("rules/*.yml"):
        alerts |= set(re.findall(r"- alert: (\w+)", rules.read_text()))
    index = (PAGES / "README.md").read_text()
    for alert in sorted(alerts):
        page = PAGES / f"{alert}.md"
        if not page.exists():
            found.append(f"{alert} has no runbook page")
            continue
        text = page.read_text()
        headings = [line for line in text.splitlines() if line.startswith("## ")]
        if headings != SECTIONS:
            found.append(f"{page.name}: sections are {headings}")
        if len(re.findall(r"(?m)^\d\. ", text)) != 3 or not queries_of(text):
            found.append(f"{page.name}: wants three steps with a query to copy")
        if f"({page.name})" not in index:
            found.append(f"README.md of the runbooks does not name {alert}")
        queries += [(page.name, query) for query in queries_of(text)]
    for page in PAGES.glob("Anomaly*.md"):
        if page.stem not in alerts:
            found.append(f"{page.name} is of no alert")
    known = known_metrics()
    texts = [(p.name, "\n".join(re.findall(r"expr: .*(?:\n          .*)*", p.read_text())))
             for p in ROOT.glob("rules/*.yml")]
    for name, text in texts + queries:
        for metric in set(NAME.findall(re.sub(r"\w+:anomaly_\w+:\w+", "", text))):
            if metric not in known | OTHER_NAMES:
                found.append(f"{name}: {metric} does not exist")
    if shutil.which("promtool"):
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write("groups:\n  - name: runbooks\n    rules:\n")
            for number, (_, query) in enumerate(queries):
                quoted = query.replace("'", "''")
                file.write(f"      - {{record: 'query:{number}', expr: '{quoted}'}}\n")
            file.flush()
            done = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True,
                                  text=True)
            if done.returncode != 0:
                found.append(done.stdout + done.stderr)
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
