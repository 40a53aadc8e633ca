"""anomalytool evaluate: table, JSON and a page that is well-formed and needs nothing but itself."""
import html.parser
import json
import math
import random
import re

import history
import servers

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(html.parser.HTMLParser):
    """Collects what is wrong with a page."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.problems, self.tags, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "action", "data", "poster"):
                self.problems.append(f"<{tag} {name}={value}>")
            if re.search(r"//|url\(", value or ""):
                self.problems.append(f"<{tag} {name}={value}>")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> does not close what is open")

    def handle_data(self, data):
        self.text.append(data)


def write_history(path, rows=1500, seed=2):
    rng = random.Random(seed)
    lines = ["timestamp,requests,<b>cpu</b>"]
    for k in range(rows):
        day = math.sin(2 * math.pi * k / 288)
        lines.append(f"{1_700_006_400 + 300 * k},{200 + 50 * day + rng.gauss(0, 5):.3f},"
                     f"{40 + 9 * day + rng.gauss(0, 1):.3f}")
    path.write_text("\n".join(lines) + "\n")


class Evaluate(servers.TestCase):
    def run_exam(self, *more):
        path = self.folder / "history.csv"
        write_history(path)
        return servers.run_tool("evaluate", "--input", path, "--per-kind", "2", *more)

    def test_the_table_names_every_kind_and_judge(self):
        code, out, err = self.run_exam()
        self.assertEqual((code, err), (0, ""))
        self.assertIn("2 series of 1 entity", out)
        for word in ("ensemble", "spike", "drop", "level_shift", "ramp", "silence", "noise_burst",
                     "broken_correlation", "false alarms", "per series and week"):
            self.assertIn(word, out)

    def test_the_json_holds_every_figure(self):
        file = self.folder / "exam.json"
        self.assertEqual(self.run_exam("--json", file, "--faults", "spike,drop")[0], 0)
        exam = json.loads(file.read_text())
        self.assertEqual(exam["series"], 2)
        self.assertEqual(exam["judges"][0]["name"], "ensemble")
        for judge in exam["judges"]:
            self.assertEqual(list(judge["kinds"]), ["spike", "drop"])
            self.assertEqual(judge["total"]["faults"], 4)
            self.assertLessEqual(judge["total"]["found"], 4)

    def test_the_page_is_well_formed_and_refers_to_nothing_outside(self):
        file = self.folder / "exam.html"
        self.assertEqual(self.run_exam("--html", file)[0], 0)
        text = file.read_text()
        page = Page()
        page.feed(text)
        page.close()
        self.assertEqual(page.problems, [])
        self.assertEqual(page.open, [])
        self.assertEqual(page.tags.count("figure"), 7)
        self.assertNotIn("script", page.tags)
        self.assertNotRegex(text, r"@import|url\(|https?:")
        self.assertIn("prefers-color-scheme:dark", text)
        self.assertIn("<b>cpu</b>", "".join(page.text))  # as text, not as markup

    def test_equal_seeds_give_equal_bytes(self):
        pages = []
        for threads in ("1", "2"):
            file = self.folder / f"exam{threads}.html"
            self.assertEqual(self.run_exam("--html", file, "--threads", threads)[0], 0)
            pages.append(file.read_bytes())
        self.assertEqual(pages[0], pages[1])

    def test_noise_prints_budget_and_alarms(self):
        file = self.folder / "noise.json"
        code, out, err = servers.run_tool(
            "evaluate", "--noise", "normal,poisson", "--series-weeks", "10", "--interval", "10m",
            "--entities", "64", "--burn-in", "1d", "--json", file)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("Poisson 99.9 %", out)
        noise = json.loads(file.read_text())
        self.assertEqual([n["family"] for n in noise], ["normal", "poisson"])
        for family in noise:
            self.assertGreaterEqual(family["series_weeks"], 10)
            self.assertLess(family["low"], family["expected"])
            self.assertGreater(family["high"], family["expected"])

    def test_what_is_missing_or_unknown_is_said(self):
        for arguments, reason in (
                ((), "evaluate needs --input, or --config with --start and --end, or --noise"),
                (("--input", "/nowhere.csv"), "/nowhere.csv: No such file or directory"),
                (("--noise", "pink"), '--noise: "pink" is not a noise family'),
                (("--input", "x", "--faults", "sneeze"),
                 '--faults: "sneeze" is not a kind of fault')):
            code, _, err = servers.run_tool("evaluate", *arguments)
            self.assertEqual(code, 1)
            self.assertIn(reason, err)


PAST = """
global: {{interval: 30s, window: 60}}
sources: [{{name: prom, url: "{url}"}}]
detectors: {{zscore: {{window: 30}}, mad: {{window: 30}}}}
monitors:
  - {{name: other, metrics: {{up: {{query: 'up'}}}}}}
  - {{name: past, metrics: {{load: {{query: 'load{{job="past"}}'}}}}}}
"""


class EvaluatePrometheus(servers.TestCase):
    """The history of a monitor is read from its Prometheus, all its entities together."""

    def test_a_monitor_is_examined_on_its_own_history(self):
        at = history.times(hours=8)
        history.create_blocks(self.folder, self.folder / "prometheus", at, gauges=3)
        prometheus = self.run_server(servers.Prometheus(
            self.folder, "global: {scrape_interval: 1h}\n"))
        config = self.folder / "past.yml"
        config.write_text(PAST.format(url=prometheus.url))
        file = self.folder / "exam.json"
        end = at[-1] - history.AHEAD_SECONDS - 60
        code, out, err = servers.run_tool(
            "evaluate", "--config", config, "--monitor", "past", "--start", at[0], "--end", end,
            "--per-kind", "3", "--json", file)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("3 series of 3 entities", out)
        exam = json.loads(file.read_text())
        self.assertEqual(exam["interval_seconds"], 30)
        self.assertEqual(exam["not_placed"]["spike"], 0)
        self.assertEqual(exam["judges"][0]["kinds"]["ramp"]["faults"], 3)
        code, _, err = servers.run_tool("evaluate", "--config", config, "--monitor", "none",
                                        "--start", at[0], "--end", end)
        self.assertEqual(code, 1)
        self.assertIn('no monitor "none"', err)


if __name__ == "__main__":
    servers.main(servers.TOOL, "prometheus", "promtool")
