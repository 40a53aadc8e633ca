"""The lab refuses what it cannot do, measures a real link, and finds a real fault."""
import json
import os
import re
import subprocess
import sys
import unittest

import loopback
import pages
import servers

LAB = servers.SOURCE_DIR / "tests" / "lab"
sys.path.insert(0, str(LAB))
import hiding_proxy  # noqa: E402

RUN = str(LAB / "run.sh")
NO_RIGHT = ("the lab needs the right to make network namespaces "
            "(root, or unprivileged user namespaces)\n")
DWCP = ["bandwidth_mbps", "latency_ms", "packet_loss_percent", "jitter_ms", "cpu_usage_percent",
        "memory_usage_percent", "error_rate_percent"]


def run(*command, timeout=servers.PATIENCE_SECONDS):
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def may_make_namespaces():
    return any(run("unshare", *flags, "true")[0] == 0
               for flags in (["--net"], ["--user", "--map-root-user", "--net"]))


class Arguments(unittest.TestCase):
    def test_wrong_arguments_are_named(self):
        for arguments, message in [
                (["--faults", "cpu,earthquake"], "'earthquake' is no fault; there are bandwidth,"),
                (["--rounds", "0"], "--rounds: '0' is not a whole number from 1"),
                (["--quiet", "-1"], "--quiet: '-1' is not a whole number from 0"),
                (["--quiet", "1h"], "--quiet: '1h' is not a whole number from 0"),
                (["--speed", "9"], "unrecognized arguments: --speed 9")]:
            with self.subTest(arguments=arguments):
                code, _, errors = run(RUN, *arguments)
                self.assertEqual(code, 2)
                self.assertIn(message, errors)

    def test_without_the_right_to_make_namespaces_it_says_so_and_fails(self):
        # A user namespace in which no network namespace may be made; where there are no user
        # namespaces, the loss of all capabilities does the same.
        command = ["unshare", "--user", "--map-root-user", "sh", "-c",
                   'echo 0 > /proc/sys/user/max_net_namespaces && exec "$0" --rounds 1', RUN]
        if run("unshare", "--user", "--map-root-user", "true")[0] != 0:
            command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", RUN, "--rounds", "1"]
        self.assertEqual(run(*command), (1, "", NO_RIGHT))


class DwcpExporter(servers.TestCase):
    def start(self, name, *arguments):
        server = self.run_server(servers.Server(
            name, ["python3", "-B", LAB / f"{name}.py", *arguments], self.folder))
        ports = self.wait_until(lambda: re.match(r"\{.*\}\n", server.log()), f"{name} is there",
                                servers=[server])
        return server, json.loads(ports[0])

    def test_seven_metrics_are_measured_through_a_real_connection(self):
        far, ports = self.start("far_end", "127.0.0.1")
        near, own = self.start("dwcp_exporter", "--far", "127.0.0.1", "--udp-port", ports["udp"],
                               "--tcp-port", ports["tcp"], "--demand", "20")

        def page():
            return servers.get(f"http://127.0.0.1:{own['port']}/metrics")[1].decode()

        def values():
            return {s.name.removeprefix("dwcp_"): s.value for s in pages.parse(page())}
        measured = self.wait_until(
            lambda: (v := values()).keys() == set(DWCP) and 15 < v["bandwidth_mbps"] < 30 and v,
            "the stream has its demand", servers=[near, far])
        self.assertEqual(measured["packet_loss_percent"], 0)
        self.assertEqual(measured["error_rate_percent"], 0)
        self.assertTrue(0 < measured["latency_ms"] < 100, measured)
        self.assertTrue(0 < measured["memory_usage_percent"] < 100, measured)

        checked = subprocess.run(["promtool", "check", "metrics"], input=page(), text=True,
                                 capture_output=True, timeout=30)
        # The names are the preset's; that they abbreviate "milliseconds" is all there is to say.
        self.assertEqual(sorted((checked.stdout + checked.stderr).split("\n")), ["", *(
            f"dwcp_{m}_ms metric names should not contain abbreviated units"
            for m in ("jitter", "latency"))])

        far.stop()
        lost = self.wait_until(
            lambda: (v := values())["packet_loss_percent"] == 100 and v, "every probe is lost")
        self.assertNotIn("latency_ms", lost)
        self.assertEqual(lost["bandwidth_mbps"], 0)


class HidingProxy(unittest.TestCase):
    def test_hidden_times_have_no_result(self):
        pages_of = {
            "/api/v1/query_range": {"resultType": "matrix", "result": [
                {"metric": {"a": "1"}, "values": [[5, "1"], [15, "2"], [25, "3"]]},
                {"metric": {"a": "2"}, "values": [[10, "4"], [20, "5"]]}]},
            "/api/v1/query": {"resultType": "vector", "result": [
                {"metric": {"a": "1"}, "value": [15, "2"]},
                {"metric": {"a": "2"}, "value": [20.5, "3"]}]}}

        class Upstream(loopback.HttpService):
            def answer(self, request):
                body = json.dumps({"status": "success", "data": pages_of[request.path]})
                return 200, "application/json", body.encode()

        upstream = Upstream()
        self.addCleanup(upstream.stop)
        proxy = hiding_proxy.HidingProxy(upstream.url)
        self.addCleanup(proxy.stop)

        def answers():
            return [json.loads(servers.get(proxy.url + path)[1])["data"]["result"]
                    for path in pages_of]
        self.assertEqual(answers(), [p["result"] for p in pages_of.values()])
        proxy.hide(10, 20)
        self.assertEqual(answers(), [
            [{"metric": {"a": "1"}, "values": [[5, "1"], [25, "3"]]}],
            [{"metric": {"a": "2"}, "value": [20.5, "3"]}]])
        proxy.hide(22)
        self.assertEqual(answers()[0], [{"metric": {"a": "1"}, "values": [[5, "1"]]}])
        proxy.hide_no_more()
        self.assertEqual(answers()[0], [{"metric": {"a": "1"}, "values": [[5, "1"]]}])


class Fault(servers.TestCase):
    def test_a_link_at_half_its_rate_is_found_and_nothing_stays_behind(self):
        results = self.folder / "results.json"
        kept = self.folder / "kept"
        command = [RUN, "--rounds", "1", "--faults", "bandwidth", "--quiet", "0", "--warm-up", "0",
                   "--interval", "1", "--json", str(results), "--keep", str(kept)]
        code, output, errors = run(*command, timeout=3 * servers.PATIENCE_SECONDS)
        if not may_make_namespaces():
            self.assertEqual((code, output, errors), (1, "", NO_RIGHT))
            return
        self.assertEqual(code, 0, output + errors)
        self.assertRegex(output, r"\| bandwidth \| 1 of 1 \|")
        result = json.loads(results.read_text())
        [fault] = result["runs"]
        self.assertTrue(fault["found"])
        self.assertAlmostEqual(sum(fault["stages"].values()), fault["notification_seconds"],
                               delta=0.1)
        self.assertIn("bandwidth", {a.get("metric") for a in fault["alerts"]} |
                      {fault["metric"]} | set(fault["limits"]))
        left = [c for c in (command_line(p) for p in os.listdir("/proc") if p.isdigit())
                if str(kept) in c]
        self.assertEqual(left, [])


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read().replace("\0", " ")
    except OSError:
        return ""


if __name__ == "__main__":
    servers.main(servers.EXPORTER, "prometheus", "promtool", "prometheus-alertmanager",
                 "prometheus-node-exporter", "stress-ng", "iperf3", "tc", "unshare")
