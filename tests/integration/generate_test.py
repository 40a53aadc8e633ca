"""`anomalytool generate`: the shipped rules are its output, and what it writes for every shipped
configuration is accepted by promtool and amtool. AE_UPDATE_GOLDEN=1 rewrites the shipped rules."""
import os
import re
import subprocess

import servers
import yaml

CONFIG = servers.SOURCE_DIR / "config"
RULES = servers.SOURCE_DIR / "rules"
EXAMPLES = [CONFIG / "anomaly_exporter.yml", CONFIG / "compose.yml",
            *sorted((CONFIG / "examples").glob("*.yml"))]
EXACT_TEST = """
rule_files: [rules.yml]
evaluation_interval: 15s
tests:
  - interval: 15s
    input_series:
      - {series: 'anomaly_severity{monitor="checkout",metric="latency",service="pay",team="x"}', values: '3'}
      - {series: 'anomaly_value{monitor="checkout",metric="latency",service="pay",team="x"}', values: '7.5'}
      - {series: 'anomaly_expected_value{monitor="checkout",metric="latency",service="pay",team="x"}', values: '0.2'}
    alert_rule_test:
      - eval_time: 0s
        alertname: AnomalyCritical
        exp_alerts:
          - exp_labels: {severity: critical, monitor: checkout, metric: latency, service: pay, team: x}
            exp_annotations:
              summary: latency of service pay is critically unusual
              description: |-
                latency of service pay (monitor checkout) is 7.5 seconds, expected 0.2 seconds.
                Score unknown of 1: an alarm from 0.7, a warning from 0.7 and 3 sigma, critical above 0.9 and 5 sigma or beyond a critical limit. Votes: none (a crossed limit needs none).
                Unusual since 1970-01-01 00:00:00 UTC. Nothing else is unusual there.
                Look first at the graph of value and band: did it jump (a fault, a deploy), creep (a leak, growth) or only twitch (noise)? What changed on service pay just before?
              runbook_url: https://wiki/run/AnomalyCritical.md
              dashboard_url: https://grafana/d/x?var-service=pay
"""


class Generate(servers.TestCase):
    def generate(self, *arguments):
        code, out, err = servers.run_tool("generate", *arguments)
        self.assertEqual((code, err), (0, ""))
        return out

    def check(self, *command):
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True,
                              cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_shipped_rules_are_what_it_writes_without_a_configuration(self):
        for part, file in (("anomalies", "anomaly.yml"), ("exporter", "anomaly_exporter.yml")):
            text = self.generate("rules", "--part", part)
            if os.environ.get("AE_UPDATE_GOLDEN"):
                (RULES / file).write_text(text)
            self.assertEqual(text, (RULES / file).read_text(), file)

    def test_the_shipped_alertmanager_files_inhibit_and_route_alike(self):
        rules = yaml.safe_load(self.generate("inhibit-rules"))["inhibit_rules"]
        files = [yaml.safe_load((CONFIG / name).read_text())
                 for name in ("alertmanager.yml", "compose_alertmanager.yml")]
        for file in files:
            self.assertEqual(file["inhibit_rules"], rules)
        self.assertEqual(files[0]["route"], files[1]["route"])

    def test_the_shipped_inhibition_knows_every_label_that_shipped_files_group_by(self):
        equal = yaml.safe_load(self.generate("inhibit-rules"))["inhibit_rules"][0]["equal"]
        for file in EXAMPLES:
            known = yaml.safe_load(self.generate("inhibit-rules", "--config", file))
            alerting = yaml.safe_load(file.read_text()).get("alerting", {})
            missing = (set(known["inhibit_rules"][0]["equal"]) - set(equal) -
                       set(alerting.get("external_labels", {})))
            self.assertEqual(missing, set(), file.name)

    def test_the_scrape_job_of_compose_is_what_it_writes(self):
        made = yaml.safe_load(self.generate("scrape-config", "--config", CONFIG / "compose.yml",
                                            "--address", "anomaly-exporter:10097"))[0]
        shipped = yaml.safe_load((CONFIG / "prometheus.yml").read_text())
        job = [j for j in shipped["scrape_configs"] if j["job_name"] == "anomaly_exporter"][0]
        self.assertEqual(made["metric_relabel_configs"][1]["target_label"], "job")
        for own, want in zip(job["metric_relabel_configs"], made["metric_relabel_configs"]):
            families = [set(re.search(r"(\(.*\));", rule["regex"])[1].replace("anomaly_", "")
                            .strip("()").split("|")) for rule in (own, want)]
            self.assertEqual(*families)
        self.assertEqual(made["scrape_interval"], shipped["global"]["scrape_interval"])

    def test_every_shipped_configuration_gets_files_that_the_programs_accept(self):
        (self.folder / "templates").mkdir()
        for file in EXAMPLES:
            with self.subTest(file.name):
                rules = self.folder / "rules.yml"
                rules.write_text(self.generate("rules", "--config", file))
                self.check("promtool", "check", "rules", rules)
                names = {r["alert"] for g in yaml.safe_load(rules.read_text())["groups"]
                         for r in g["rules"] if "alert" in r}
                for name in names:
                    self.assertIn("Anomaly", name)
                    self.assertTrue((servers.SOURCE_DIR / f"docs/runbooks/{name}.md").exists(), name)
                scrape = self.generate("scrape-config", "--config", file)
                prometheus = self.folder / "prometheus.yml"
                prometheus.write_text("rule_files: [rules.yml]\nscrape_configs:\n" + scrape)
                self.check("promtool", "check", "config", prometheus)
                alertmanager = self.folder / "alertmanager.yml"
                alertmanager.write_text("route: {receiver: x}\nreceivers: [{name: x}]\n" +
                                        self.generate("inhibit-rules", "--config", file))
                self.check("amtool", "check-config", alertmanager)

    def test_rules_of_a_configuration_say_its_units_thresholds_and_links(self):
        text = self.generate("rules", "--config", CONFIG / "examples" / "own_queries.yml",
                             "--runbook-url-base", "https://wiki/run/",
                             "--dashboard-url", "https://grafana/d/x?var-service={service}")
        (self.folder / "rules.yml").write_text(text)
        (self.folder / "test.yml").write_text(EXACT_TEST)
        self.check("promtool", "test", "rules", "test.yml")

    def test_mistakes_are_named(self):
        code, _, err = servers.run_tool("generate", "rules", "--config", self.folder / "none.yml")
        self.assertEqual(code, 1)
        self.assertIn("none.yml", err)
        self.assertEqual(servers.run_tool("generate", "rules", "--part", "some")[0], 2)
        self.assertEqual(servers.run_tool("generate")[0], 2)


if __name__ == "__main__":
    servers.main(servers.TOOL, "promtool", "amtool")
