"""The shipped rules and the shipped Alertmanager configuration in the real programs, with receivers
that speak Slack's, PagerDuty's, the webhook's and the mail server's language. Times of Alertmanager
are a hundredth of the shipped ones (group_interval 3 s for 5 min), texts and routes untouched."""
import re
import time

import receivers
import servers

GROUP_INTERVAL, REPEAT_CRITICAL = 3.0, 18.0  # 5 min and 30 min, a hundredth


def a_hundredth(match):
    number, unit = int(match[2]), match[3]
    return f"{match[1]}: {number * {'s': 10, 'm': 600, 'h': 36000}[unit]}ms"


class TestCase(servers.TestCase):
    """A running Alertmanager and its receivers; `self.prometheus` is for the test to start."""

    def setUp(self):
        super().setUp()
        self.inbox = receivers.Inbox()
        self.http = receivers.HttpReceivers(self.inbox)
        self.addCleanup(self.http.stop)
        self.mail = receivers.MailServer(self.inbox)
        self.addCleanup(self.mail.stop)
        self.alertmanager_port = port = servers.free_port()
        self.alerts_url = f"http://127.0.0.1:{port}/api/v2/alerts"
        self.alertmanager = self.run_server(servers.Server("alertmanager", [
            "prometheus-alertmanager", f"--config.file={self.config_file()}",
            f"--storage.path={self.folder}/alertmanager", "--cluster.listen-address=",
            "--log.level=debug", f"--web.external-url=http://alertmanager.test:{port}/",
            "--web.route-prefix=/", f"--web.listen-address=127.0.0.1:{port}"], self.folder))
        self.wait_until(lambda: servers.answers(f"http://127.0.0.1:{port}/-/ready"),
                        "Alertmanager is ready", servers=[self.alertmanager])

    def config_file(self):
        """The shipped file with addresses of this test and times a hundredth of its own."""
        folder = servers.SOURCE_DIR / "config"
        text = (folder / "alertmanager.yml").read_text()
        text, changed = re.subn(r"(group_wait|group_interval|repeat_interval): (\d+)([smh])\b",
                                a_hundredth, text)
        self.assertEqual(changed, 5)
        secrets = {"slack_url": self.http.url + "/slack", "pagerduty_key": "k" * 32}
        for name, secret in secrets.items():
            (self.folder / name).write_text(secret)
            text = text.replace(f"/etc/alertmanager/secrets/{name}", str(self.folder / name))
        text = text.replace("smtp.example.org:587", self.mail.address)
        # A relay on this host: no password.
        text = re.sub(r"  smtp_auth_\w+: .*\n", "", text)
        text = text.replace("global:", "global:\n  smtp_require_tls: false\n"
                            f"  pagerduty_url: {self.http.url}/v2/enqueue", 1)
        text = text.replace("http://localhost:10097/api/v1/alertmanager/webhook",
                            self.http.url + "/webhook")
        text = text.replace('"templates/*.tmpl"', f'"{folder}/templates/*.tmpl"')
        file = self.folder / "alertmanager.yml"
        file.write_text(text)
        return file

    def prometheus_config(self, exporter):
        """The shipped file with addresses of this test, a scrape and two evaluations a second."""
        self.write_rules()
        text = (servers.SOURCE_DIR / "config" / "prometheus.yml").read_text()
        for old, new in (("/etc/prometheus/rules", str(self.folder / "rules")),
                         ("scrape_interval: 5s", "scrape_interval: 1s"),
                         ("evaluation_interval: 5s", "evaluation_interval: 500ms"),
                         ("anomaly-exporter:10097", f"127.0.0.1:{exporter}"),
                         ("alertmanager:9093", f"127.0.0.1:{self.alertmanager_port}")):
            self.assertIn(old, text)
            text = text.replace(old, new)
        return text

    def write_rules(self):
        """The shipped rules, evaluated twice a second; holds of minutes become a second."""
        folder = self.folder / "rules"
        folder.mkdir()
        for name in ("anomaly.yml", "anomaly_exporter.yml"):
            text = (servers.SOURCE_DIR / "rules" / name).read_text()
            text = re.sub(r"(?m)^    interval: \w+$", "    interval: 500ms", text)
            text = re.sub(r"(?m)^        for: \w+$", "        for: 1s", text)
            (folder / name).write_text(text)

    def alerts(self, **labels):
        """Firing alerts of Alertmanager that carry `labels`."""
        found = servers.json.loads(servers.get(self.alerts_url)[1])
        return [a for a in found if labels.items() <= a["labels"].items()
                and a["endsAt"] > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())]

    def arrived(self, kind, count=1, seconds=20):
        self.wait_until(lambda: len(self.inbox.of(kind)) >= count, f"{count} of {kind}", seconds,
                        servers=[self.prometheus, self.alertmanager])
        return self.inbox.of(kind)
