"""anomalytool against files and a real Prometheus."""
import datetime
import subprocess

import history
import servers

PROMETHEUS = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ["127.0.0.1:{node}"]}}]
"""

NODE = """
sources: [{{name: prom, url: "{url}"}}]
monitors: [{{preset: node, selector: '{{job="{job}"}}'}}]
"""

SPIKE = """
global: {{interval: 30s, window: 60}}
sources: [{{name: prom, url: "http://127.0.0.1:1"}}]
detectors: {{zscore: {{window: 30}}, mad: {{window: 30}}}}
monitors:
  - {{name: past, metrics: {{load: {{query: 'load{{job="past"}}'}}}}}}
"""


class CheckConfig(servers.TestCase):
    def write(self, text):
        path = self.folder / "anomaly.yml"
        path.write_text(text)
        return path

    def test_a_good_file_is_called_valid(self):
        path = self.write(NODE.format(url="http://127.0.0.1:1", job="node"))
        code, out, err = servers.run_tool("check", "config", path)
        self.assertEqual((code, err), (0, ""))
        self.assertIn(f"{path}: valid", out)
        self.assertIn("monitor node: 8 metrics of source prom every 10s", out)

    def test_every_shipped_configuration_is_valid(self):
        folder = servers.SOURCE_DIR / "config"
        shipped = [folder / "anomaly_exporter.yml", folder / "compose.yml"]
        for path in shipped + sorted((folder / "examples").glob("*.yml")):
            with self.subTest(path.name):
                code, _, err = servers.run_tool("check", "config", path)
                self.assertEqual((code, err), (0, ""))

    def test_a_bad_file_is_refused_with_line_and_key(self):
        path = self.write("global:\n  interval: 10\n" + NODE.format(url="http://x", job="node"))
        code, out, err = servers.run_tool("check", "config", path)
        self.assertEqual((code, out), (1, ""))
        self.assertIn(f"{path}:2: global.interval: ", err)

    def test_a_missing_file_and_a_missing_argument(self):
        code, _, err = servers.run_tool("check", "config", self.folder / "none.yml")
        self.assertEqual(code, 1)
        self.assertIn("none.yml", err)
        self.assertEqual(servers.run_tool("check", "config")[0], 2)

    def test_files_that_the_program_could_not_read_are_found(self):
        path = self.write(NODE.format(url="https://x", job="node").replace(
            'url: "https://x"', 'url: "https://x", tls_config: {ca_file: none.pem}'))
        code, out, err = servers.run_tool("check", "config", path)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("ca_file: cannot read", err)
        path = self.write("sources: [{name: files, type: csv, path: none}]\n"
                          "monitors: [{name: m, metrics: {a: {column: a}}}]\n")
        code, out, err = servers.run_tool("check", "config", path)
        self.assertEqual((code, err), (0, ""))  # the files may come later
        self.assertIn("note: source files: ", out)

    def test_live_against_a_source_that_is_down(self):
        path = self.write(NODE.format(url=f"http://127.0.0.1:{servers.free_port()}", job="node"))
        code, out, err = servers.run_tool("check", "config", "--live", path)
        self.assertEqual(code, 1, out)
        self.assertIn("does not answer", out)

    def test_live_names_the_nearest_job(self):
        port = servers.free_port()
        node = self.run_server(servers.Server(
            "node_exporter", ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"],
            self.folder))
        prometheus = self.run_server(servers.Prometheus(self.folder, PROMETHEUS.format(node=port)))
        self.wait_until(lambda: prometheus.query("rate(node_cpu_seconds_total[20s])"),
                        "rates of the host", servers=[node, prometheus])
        code, out, err = servers.run_tool("check", "config", "--live",
                                          self.write(NODE.format(url=prometheus.url, job="nodes")))
        self.assertEqual(code, 0, err)
        self.assertIn('job "nodes" does not exist, did you mean "node"?', out)
        self.assertIn("0 series", out)
        code, out, err = servers.run_tool("check", "config", "--live",
                                          self.write(NODE.format(url=prometheus.url, job="node")))
        self.assertEqual(code, 0, err)
        self.assertIn("scrape interval: 1s", out)
        self.assertRegex(out, r"us: 1 series, history .*, 12 output lines")
        self.assertRegex(out, r"in all: 1 entity, [5-8] series")


class BacktestRange(servers.TestCase):
    """A spike in the past of a real Prometheus is found, at its time."""

    def test_an_injected_spike_is_found(self):
        at = history.times(hours=3)
        spike_at = at[-120]
        text = self.folder / "plain.om"
        history.write_openmetrics(text, at, gauges=5, counters=0)
        needle = 'load{job="past",host="3"} '
        lines = [needle + f"500 {spike_at}" if l.startswith(needle) and l.endswith(f" {spike_at}")
                 else l for l in text.read_text().splitlines()]
        text.write_text("\n".join(lines) + "\n")
        subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", text,
                        self.folder / "prometheus"], check=True, capture_output=True, timeout=120)
        prometheus = self.run_server(servers.Prometheus(
            self.folder, "global: {scrape_interval: 1h}\n"))
        config = self.folder / "spike.yml"
        config.write_text(SPIKE.format())
        code, out, err = servers.run_tool("backtest", "--config", config, "--prometheus",
                                          prometheus.url, "--from", at[150], "--to", at[-60])
        self.assertEqual(code, 0, err)
        time = datetime.datetime.fromtimestamp(spike_at, datetime.timezone.utc)
        found = [l for l in out.splitlines() if l.startswith(time.strftime("%Y-%m-%dT%H:%M:%S"))]
        self.assertEqual(len(found), 1, out)
        self.assertIn('host="3"', found[0])
        self.assertIn("value 500", found[0])
        self.assertIn("5 series", out)

    def test_arguments_are_checked(self):
        code, _, err = servers.run_tool("backtest", "--prometheus", "http://127.0.0.1:1")
        self.assertEqual(code, 1)
        self.assertIn("--config, --from and --to", err)
        code, _, err = servers.run_tool("backtest", "--input", "a", "--output", "b", "--from", "1")
        self.assertEqual(code, 2)
        self.assertIn("--prometheus", err)
        code, _, err = servers.run_tool("evaluate", "--noise", "normal", "--html", "r.html")
        self.assertEqual(code, 2)
        self.assertIn("--html", err)


if __name__ == "__main__":
    servers.main(servers.TOOL, "prometheus", "promtool", "prometheus-node-exporter")
