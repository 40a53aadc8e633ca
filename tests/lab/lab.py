"""Injects real faults under a running anomaly_exporter and measures who notices, and when.

Started by run.sh; starts itself again in a network namespace of its own. See docs/lab.md.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import faults  # noqa: E402
import report  # noqa: E402
import servers  # noqa: E402
import timing  # noqa: E402

LONGEST_FAULT_SECONDS = 90
AFTER_NOTIFICATION_SECONDS = 3
LONGEST_RECOVERY_SECONDS = 300
SHIPPED_INTERVAL_SECONDS = 5
INTERVALS_PER_RATE_WINDOW = 4
SETTLE_SECONDS = 8  # the link's figures are over five seconds, and TCP wakes up late
GAP_SECONDS = 10
CALM_SCORE = 0.5
WARM_UP_SECONDS = 900


def arguments():
    def count(least):
        def parse(text):
            if not text.isdigit() or int(text) < least:
                raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least}")
            return int(text)
        return parse

    def fault_list(text):
        names = text.split(",")
        for name in names:
            if name not in faults.ALL:
                raise argparse.ArgumentTypeError(
                    f"{name!r} is no fault; there are {', '.join(faults.ALL)}")
        return [name for name in faults.ALL if name in names]

    parser = argparse.ArgumentParser(
        prog="tests/lab/run.sh", description="Injects real faults and measures who notices, when.")
    parser.add_argument("--rounds", type=count(1), default=3, metavar="N",
                        help="how often each fault is injected (default 3)")
    parser.add_argument("--faults", type=fault_list, default=faults.ALL, metavar="LIST",
                        help=f"comma-separated, of {','.join(faults.ALL)} (default all)")
    parser.add_argument("--quiet", type=count(0), default=300, metavar="SECONDS",
                        help="time without a fault before the first one, in which every alarm "
                             "is false (default 300)")
    parser.add_argument("--warm-up", type=count(0), default=WARM_UP_SECONDS, metavar="SECONDS",
                        help="time to learn before that, in which alarms do not count "
                             f"(default {WARM_UP_SECONDS})")
    parser.add_argument("--interval", type=count(1), default=SHIPPED_INTERVAL_SECONDS,
                        metavar="SECONDS", help="of scrapes and ticks; the rate window is four of "
                        f"them (default {SHIPPED_INTERVAL_SECONDS}, as shipped)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="results as JSON")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIRECTORY",
                        help="keep logs, configurations and Prometheus's data here")
    return parser.parse_args()


def enter_namespace():
    """Starts this program again in a network namespace of its own, unless it is in one."""
    if os.environ.get("AE_LAB_NAMESPACE") == os.readlink("/proc/self/ns/net"):
        return
    for flags in (["--net"], ["--user", "--map-root-user", "--net"]):
        if subprocess.run(["unshare", *flags, "true"], stderr=subprocess.DEVNULL).returncode == 0:
            # The inner shell tells the program which namespace it was made for.
            os.execvp("unshare", [
                "unshare", *flags, "sh", "-c",
                'AE_LAB_NAMESPACE=$(readlink /proc/self/ns/net) exec "$@"', "sh",
                sys.executable, "-B", *sys.argv])
    sys.exit("the lab needs the right to make network namespaces "
             "(root, or unprivileged user namespaces)")


def say(text):
    print(time.strftime("%H:%M:%S"), text, flush=True)


class Lab:
    def __init__(self, stack):
        self.stack = stack
        self.runs, self.quiet = [], []
        self.rng = random.Random(time.time_ns())

    def pause(self, seconds):
        until = time.time() + seconds
        while time.time() < until:
            servers.pause(min(5, max(0, until - time.time())))
            self.stack.check()

    def is_calm(self, monitor):
        severity = self.stack.watch.latest("anomaly_severity", monitor)
        score = self.stack.watch.latest("anomaly_entity_score", monitor)
        firing = self.stack.query(timing.ALERTS % monitor)
        return severity is not None and severity < 2 and not firing and (score or 0) < CALM_SCORE

    def warm_up(self, seconds, monitors):
        say(f"warm-up: {seconds} s of ordinary load")
        self.pause(seconds)
        until = time.time() + LONGEST_RECOVERY_SECONDS
        while not all(self.is_calm(m) for m in monitors) and time.time() < until:
            self.pause(1)
        say("warm-up is over after " + ", ".join(
            f"{m} score {self.stack.watch.latest('anomaly_entity_score', m) or 0:.2f}"
            for m in monitors))

    def be_quiet(self, seconds, monitors):
        if seconds == 0:
            return
        say(f"quiet: {seconds} s without a fault")
        begin = time.time()
        self.pause(seconds)
        self._count_quiet(begin, time.time(), monitors)

    def _count_quiet(self, begin, end, monitors):
        alarms, told = [], set()
        for at, receiver, alert in self.stack.receiver.firing(since=begin):
            # A group that notifies again repeats the alerts that it has told of.
            which = (json.dumps(alert["labels"], sort_keys=True), alert["startsAt"])
            if at <= end and alert["labels"]["monitor"] in monitors and which not in told:
                told.add(which)
                alarms.append({"seconds": round(at - begin, 1), "receiver": receiver,
                               "labels": alert["labels"], "annotations": alert["annotations"]})
                say(f"false alarm: {report.alert_text(alert['labels'])}")
        self.quiet.append({"seconds": round(end - begin, 1), "alarms": alarms})

    def keep_baseline(self):
        """Remembers what the exporter has learned, to begin every run from it."""
        self.stack.keep_baseline()
        self._settle()

    def reset(self, begin):
        """Makes the next run independent of the one that began at `begin`."""
        self.stack.reset(begin)
        self._settle()

    def _settle(self):
        # Until neither the fault nor the restarts, which cost this host seconds of CPU, are in a
        # rate any more.
        self.pause(SETTLE_SECONDS + self.stack.rate_window)
        self.stack.show_again()
        self.pause(GAP_SECONDS)

    def wait_calm(self, monitor):
        until = time.time() + LONGEST_RECOVERY_SECONDS
        while not self.is_calm(monitor) and time.time() < until:
            self.pause(1)

    def inject(self, number, name):
        monitor = faults.monitor_of(name)
        self.wait_calm(monitor)
        # Calm is seen at a tick, and the delay depends on where between ticks a fault begins.
        self.pause(self.rng.uniform(0, self.stack.interval))
        was_calm = self.is_calm(monitor)
        onset = time.time()
        with faults.hold(name, self.stack):
            while time.time() < onset + LONGEST_FAULT_SECONDS:
                servers.pause(0.2)
                if self.stack.receiver.firing(monitor, onset):
                    break
            self.pause(AFTER_NOTIFICATION_SECONDS)
        run = {"round": number, "fault": name, "monitor": monitor, "calm_before": was_calm,
               **timing.measure(self.stack, monitor, onset)}
        self.runs.append(run)
        say(f"round {number} {report.run_text(run)}")
        return onset


def main():
    options = arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    enter_namespace()
    missing = servers.missing_programs([
        servers.EXPORTER, "prometheus", "prometheus-alertmanager", "prometheus-node-exporter",
        "stress-ng", "iperf3", "tc", "ip", "nsenter"])
    if importlib.util.find_spec("yaml") is None:
        missing.append("python3-yaml")
    if missing:
        sys.exit(f"missing: {', '.join(missing)}; scripts/install_packages.sh run lab installs "
                 "the programs, cmake --build --preset release builds the exporter")
    import stack as stack_module  # needs python3-yaml, which is among the packages
    folder = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="anomaly-exporter-lab."))
    folder.mkdir(parents=True, exist_ok=True)
    stack, lab, begin = None, None, time.time()
    try:
        monitors = list(dict.fromkeys(faults.monitor_of(n) for n in options.faults))
        stack = stack_module.Stack(folder.resolve(), options.interval,
                                   INTERVALS_PER_RATE_WINDOW * options.interval)
        say(f"logs are in {folder}; look inside with: nsenter --net=/proc/{os.getpid()}/ns/net "
            f"curl {stack.url}")
        lab = Lab(stack)
        lab.warm_up(options.warm_up, monitors)
        lab.be_quiet(options.quiet, monitors)
        lab.keep_baseline()
        onset = None
        for number in range(1, options.rounds + 1):
            for name in options.faults:
                if onset is not None:
                    lab.reset(onset)
                onset = lab.inject(number, name)
    except KeyboardInterrupt:
        say("interrupted; what was measured so far:")
    finally:  # also what was measured before something went wrong
        if stack:
            stack.stop()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        result = report.result(lab.runs if lab else [], lab.quiet if lab else [], options,
                               time.time() - begin)
        print(report.table(result), flush=True)
        if options.json:
            options.json.write_text(json.dumps(result, indent=1) + "\n")
    sys.exit(0 if result["all_found"] and not result["false_alarms"] else 1)


if __name__ == "__main__":
    main()
