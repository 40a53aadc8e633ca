"""Push mode: five hundred hosts that break at once are one alert, also when the exporter is killed in
the middle of it."""
import json

import push
import servers


class Storm(push.TestCase):
    ENTITIES = 500

    def test_five_hundred_hosts_at_once_are_one_alert_that_outlives_a_kill(self):
        hook, manager = self.hooks[0], self.alertmanager(0)
        exporter = self.exporter([manager.url])
        begin = self.now() + 1
        self.bad_since.update({host: begin for host in range(self.ENTITIES)})
        self.wait_until(lambda: hook.named("firing"), "the storm is told", servers=[exporter])
        self.quiet(18)  # longer than an alert lives without being sent again
        self.assertEqual(hook.named("firing"), {"AnomalyIncident": 1})
        self.assertEqual(exporter.own("notifications_suppressed_total", reason="incident"),
                         self.ENTITIES)
        alert, = json.loads(servers.get(manager.url + "/api/v2/alerts")[1])
        self.assertEqual(alert["labels"]["severity"], "critical")
        self.assertRegex(alert["annotations"]["summary"],
                         f"{self.ENTITIES} series of app are unusual together")

        exporter.kill()
        exporter.start()
        self.judged(exporter)
        self.quiet(18)
        self.assertEqual((hook.named("firing"), hook.named("resolved")),
                         ({"AnomalyIncident": 1}, {}))
        self.bad_since.clear()
        self.wait_until(lambda: hook.named("resolved"), "the end is told", 150,
                        servers=[exporter])
        self.quiet(5)
        self.assertEqual((hook.named("firing"), hook.named("resolved")),
                         ({"AnomalyIncident": 1}, {"AnomalyIncident": 1}))


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "prometheus-alertmanager")
