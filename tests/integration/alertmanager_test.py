"""What the shipped rules and the shipped Alertmanager configuration tell whom, and how often."""
import alerting
import exposed
import servers
from alerting import GROUP_INTERVAL, REPEAT_CRITICAL


def series(name, metric=None, **labels):
    labels = {"monitor": "node", **({"metric": metric} if metric else {}), **labels}
    return name + "{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}"


class Alertmanager(alerting.TestCase):
    def setUp(self):
        super().setUp()
        self.samples = {}
        self.page = exposed.Page(lambda: "".join(f"{k} {v}\n" for k, v in self.samples.items()))
        self.addCleanup(self.page.stop)
        self.prometheus = self.run_server(servers.Prometheus(
            self.folder, self.prometheus_config(self.page.port)))
        self.wait_until(lambda: self.prometheus.value('up{job="anomaly_exporter"}') == 1,
                        "Prometheus scrapes", servers=[self.prometheus])

    def expose(self, level, metric="us", score=0.97, **labels):
        labels = labels or {"job": "node", "instance": "a:9100"}
        self.samples[series("anomaly_severity", metric, **labels)] = level
        self.samples[series("anomaly_score", metric, **labels)] = score
        self.samples[series("anomaly_value", metric, **labels)] = 98
        self.samples[series("anomaly_expected_value", metric, **labels)] = 5
        self.samples[series("anomaly_detector_score", metric, detector="zscore", **labels)] = 0.91

    def after(self, seconds):
        """Something that cannot be waited for by a condition: that nothing more comes."""
        servers.pause(seconds)

    def test_info_is_logged_only(self):
        self.expose(1)
        body = self.arrived("webhook")[0]
        self.assertEqual(body["status"], "firing")
        self.assertEqual(body["groupLabels"], {"alertname": "AnomalyInfo", "monitor": "node",
                                               "metric": "us", "severity": "info"})
        self.after(GROUP_INTERVAL)
        self.assertEqual(self.inbox.counts(),
                         {"webhook": 1, "slack": 0, "pagerduty": 0, "email": 0})

    def test_a_warning_goes_to_slack_in_its_colour_and_is_resolved_there(self):
        self.expose(2)
        message = self.arrived("slack")[0]
        attachment = message["attachments"][0]
        self.assertEqual(message["channel"], "#alerts")
        self.assertEqual(attachment["color"], "#e8a33d")
        self.assertEqual(attachment["title"],
                         "[WARNING] us of instance a:9100, job node is unusual")
        self.assertIn("us of instance a:9100, job node (monitor node) is 98, expected 5",
                      attachment["text"])
        self.assertIn("Votes: zscore 0.91.", attachment["text"])
        self.assertRegex(attachment["text"], r"<http://[^|]+/graph\?g0\.expr=[^|]+\|Graph>")
        self.assertRegex(attachment["text"], r"<https://[^|]+/AnomalyWarning\.md\|Runbook>")
        self.assertIn("alertmanager.test", attachment["title_link"])
        self.expose(0)
        message = self.arrived("slack", 2)[1]
        self.assertEqual(message["attachments"][0]["color"], "#2eb67d")
        self.assertTrue(message["attachments"][0]["title"].startswith("[RESOLVED] us of instance"))
        self.after(GROUP_INTERVAL)
        self.assertEqual(self.inbox.counts(),
                         {"webhook": 2, "slack": 2, "pagerduty": 0, "email": 0})

    def test_critical_goes_three_ways_at_once_is_repeated_and_resolved(self):
        self.expose(3)
        event = self.arrived("pagerduty")[0]
        first = self.inbox.all("pagerduty")[0][0]
        self.assertEqual(event["event_action"], "trigger")
        self.assertEqual(event["routing_key"], "k" * 32)
        self.assertEqual(event["payload"]["severity"], "critical")
        self.assertEqual(event["payload"]["summary"],
                         "[CRITICAL] us of instance a:9100, job node is critically unusual")
        self.assertEqual(event["payload"]["source"], "node/a:9100")
        self.assertEqual(event["payload"]["component"], "us")
        self.assertIn("expected 5", event["payload"]["custom_details"]["firing"])
        self.assertEqual([link["text"] for link in event["links"]], ["Graph", "Runbook"])
        slack = self.arrived("slack")[0]
        self.assertEqual(slack["attachments"][0]["color"], "#d00000")
        recipients, mail = self.arrived("email")[0]
        self.assertEqual(recipients, ["oncall@example.org"])
        self.assertEqual(mail["Subject"],
                         "[CRITICAL] us of instance a:9100, job node is critically unusual")
        plain = mail.get_body(("plain",)).get_content()
        self.assertIn("expected 5", plain)
        self.assertIn("Runbook: https://", plain)
        html = mail.get_body(("html",)).get_content()
        self.assertIn("#d00000", html)
        self.assertIn("AnomalyCritical.md", html)
        arrivals = [self.inbox.all(kind)[0][0] for kind in ("slack", "pagerduty", "email")]
        self.assertLess(max(arrivals) - min(arrivals), 5)

        # Still firing: said again after repeat_interval, at a group_interval.
        self.arrived("pagerduty", 2, seconds=40)
        again = self.inbox.all("pagerduty")[1][0] - first
        self.assertGreaterEqual(again, REPEAT_CRITICAL - 0.5)
        self.assertLess(again, REPEAT_CRITICAL + 2 * GROUP_INTERVAL)
        for kind in ("webhook", "slack", "email"):  # each by its own clock: perhaps one flush later
            self.arrived(kind, 2)
        self.expose(0)
        resolved = self.arrived("pagerduty", 3)[2]
        self.assertEqual(resolved["event_action"], "resolve")
        self.assertEqual(resolved["dedup_key"], event["dedup_key"])
        for kind in ("webhook", "slack", "email"):
            self.arrived(kind, 3)
        self.assertEqual(self.inbox.counts(),
                         {"webhook": 3, "slack": 3, "pagerduty": 3, "email": 3})

    def test_one_notification_per_metric_and_severity_within_the_group_interval(self):
        self.expose(2, instance="a:9100", job="node")
        self.arrived("slack")
        begin = self.inbox.all("slack")[0][0]
        # Two more hosts and, apart from them, another metric, all within the interval.
        self.expose(2, instance="b:9100", job="node")
        self.expose(2, instance="c:9100", job="node")
        self.expose(2, metric="sy", instance="a:9100", job="node")
        self.arrived("slack", 2)
        when, other = self.inbox.all("slack")[1]
        self.assertIn("sy of", other["attachments"][0]["title"])
        self.assertLess(when - begin, GROUP_INTERVAL, "another metric has a throttle of its own")
        self.arrived("slack", 3)
        when, batch = self.inbox.all("slack")[2]
        self.assertGreaterEqual(when - begin, GROUP_INTERVAL - 0.5)
        self.assertIn("x 3", batch["attachments"][0]["title"])
        for host in "abc":
            self.assertIn(f"us of instance {host}:9100", batch["attachments"][0]["text"])
        self.after(GROUP_INTERVAL)
        self.assertEqual(len(self.inbox.of("slack")), 3)

        self.expose(0, instance="a:9100", job="node")
        mixed = self.arrived("slack", 4)[3]["attachments"][0]
        self.assertIn("[WARNING x 2] us of instance b:9100", mixed["title"])
        self.assertIn("Resolved: us of instance a:9100", mixed["text"])

    def test_critical_holds_back_the_warning_of_its_own_series_only(self):
        self.expose(3, instance="a:9100", job="node")
        self.arrived("slack")
        self.post_alert("AnomalyWarning", "warning", instance="a:9100", job="node")
        self.post_alert("AnomalyWarning", "warning", instance="b:9100", job="node")
        message = self.arrived("slack", 2)[1]
        self.assertIn("b:9100", message["attachments"][0]["text"])
        self.assertNotIn("a:9100", message["attachments"][0]["text"])
        self.after(GROUP_INTERVAL)
        self.assertEqual(len(self.inbox.of("slack")), 2)

    def post_alert(self, name, severity, metric="us", **labels):
        """An alert as push mode sends it; the rules never raise two levels of one series."""
        body = [{"labels": {"alertname": name, "severity": severity, "monitor": "node",
                            "metric": metric, **labels},
                 "annotations": {"summary": f"{metric} of {labels}", "description": str(labels)}}]
        status, answer = servers.get(self.alerts_url, data=servers.json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
        self.assertEqual(status, 200, answer)

    def test_a_source_that_is_down_holds_back_the_anomalies_of_its_monitors(self):
        up = 'anomaly_exporter_source_up{source="prom"}'
        # 5 s per monitor; what the exporter calls the interval also says who reads which source.
        self.samples['anomaly_exporter_monitor_interval_seconds{monitor="node",source="prom"}'] = 5
        self.samples['anomaly_exporter_build_info'] = 1
        self.samples[up] = 0
        message = self.arrived("slack")[0]
        self.assertIn("Source prom of monitor node does not answer",
                      message["attachments"][0]["title"])
        self.expose(2)
        self.wait_until(lambda: self.alerts(alertname="AnomalyWarning"), "the warning stands")
        self.after(GROUP_INTERVAL)
        self.assertEqual(len(self.inbox.of("slack")), 1)
        held = self.alerts(alertname="AnomalyWarning")[0]["status"]
        self.assertEqual((held["state"], len(held["inhibitedBy"])), ("suppressed", 1))
        self.samples[up] = 1
        self.wait_until(lambda: any("us of instance" in m["attachments"][0]["title"]
                                    for m in self.inbox.of("slack")),
                        "the anomaly is told once its source is back", 30,
                        servers=[self.prometheus, self.alertmanager])

    def test_an_incident_holds_back_its_members_and_nobody_else(self):
        incident = series("anomaly_incident_severity", cluster="c1")
        self.samples[incident] = 3
        self.samples[series("anomaly_incident_members", cluster="c1")] = 500
        event = self.arrived("pagerduty")[0]
        self.assertEqual(event["payload"]["summary"],
                         "[CRITICAL] 500 series of cluster c1 are unusual together")
        for number in range(500):
            self.expose(3, metric="latency", score=number / 1000, cluster="c1",
                        instance=f"n{number}")
        self.wait_until(lambda: len(self.alerts(alertname="AnomalyCritical")) == 500,
                        "500 series are critical", servers=[self.prometheus, self.alertmanager])
        self.after(GROUP_INTERVAL)
        self.assertEqual(len(self.inbox.of("pagerduty")), 1, "500 members are one page")
        self.expose(3, metric="latency", cluster="c2", instance="n1")
        event = self.arrived("pagerduty", 2)[1]
        self.assertEqual(event["payload"]["source"], "node/c2/n1")
        # An incident that is only a warning holds back no page.
        self.samples[incident] = 2
        def told():
            return [e["payload"]["custom_details"]["firing"] for e in self.inbox.of("pagerduty")]
        self.wait_until(lambda: any("and 491 more" in text for text in told()),
                        "members are told, the storm cut to ten", 30,
                        servers=[self.prometheus, self.alertmanager])


if __name__ == "__main__":
    servers.main("prometheus", "prometheus-alertmanager")
