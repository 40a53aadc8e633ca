"""Models on the real thing: fitted beside the scoring, kept through kills, damage and the tool."""
import contextlib
import math
import os
import random
import re
import signal
import subprocess
import threading
import time

import servers

HOSTS = 4
WIDE_HOSTS = 1500  # two state files
PAST_SECONDS = 600
AHEAD_SECONDS = 400
TRAINED = ("isolation_forest", "lstm_autoencoder")

PROMETHEUS = "global: {scrape_interval: 1h}"

CONFIG = """
global: {{interval: 1s, window: {window}, calibration: 3m, backfill: 0s}}
sources:
  - {{name: prom, url: "{url}"}}
detectors: {{zscore: {{window: 30}}}}
ensemble: {{method: vote}}
storage: {{snapshot_interval: 10s}}
training: {{enabled: {enabled}, history: 1h, cpu_budget: {budget}, keep: {keep}}}
monitors:
  - name: past
    group_by: [host]
    metrics: {{load: {{query: 'load'}}, heat: {{query: 'heat'}}}}
"""

WIDE = """
  - name: wide
    group_by: [host]
    metrics: {{bulk: {{query: 'bulk'}}}}
    ensemble: {{weights: {{zscore: 1}}}}
"""


def write_history(path):
    """`load` and `heat` swing together, a sample a second; `bulk` has many hosts, one a minute."""
    now = int(time.time())
    at = range(now - PAST_SECONDS, now + AHEAD_SECONDS)
    with open(path, "w", encoding="utf-8") as out:
        for name, factor in (("load", 1), ("heat", 3)):
            out.write(f"# TYPE {name} gauge\n")
            for host in range(HOSTS):
                rng = random.Random(f"{name} {host}")
                for t in at:
                    swing = 5 * math.sin((t - now + 9 * host) / 15)
                    value = factor * (20 + swing + rng.gauss(0, 1))
                    out.write(f'{name}{{host="{host}"}} {value:.4f} {t}\n')
        out.write("# TYPE bulk gauge\n")
        out.writelines(f'bulk{{host="{host}"}} {(host * t) % 97} {t}\n'
                       for host in range(WIDE_HOSTS) for t in at[::60])
        out.write("# EOF\n")


class ModelsTest(servers.TestCase):
    def setUp(self):
        super().setUp()
        text = self.folder / "history.om"
        write_history(text)
        subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", text,
                        self.folder / "prometheus"], check=True, capture_output=True, timeout=120)
        self.prometheus = self.run_server(servers.Prometheus(self.folder, PROMETHEUS))

    def config(self, budget=1, enabled=True, window=60, keep=5, more=""):
        return (CONFIG + more).format(url=self.prometheus.url, budget=budget, window=window,
                                      enabled=str(enabled).lower(), keep=keep)

    def exporter(self, name="exporter", **settings):
        """Not started yet; whatever runs of it ends with the test."""
        exporter = servers.Exporter(self.folder, self.config(**settings), name=name)
        self.addCleanup(self._end, exporter)
        return exporter

    def start(self, exporter):
        """Starts it and gives a function that tells what it has logged since."""
        before = len(exporter.log())
        exporter.start().wait_ready()
        return lambda: exporter.log()[before:]

    def wait_for_log(self, log, pattern, exporter):
        self.wait_until(lambda: re.search(pattern, log()), f"the log says {pattern}",
                        servers=[exporter], every=0.02)

    def wait_for_version(self, exporter, detector, version):
        self.wait_until(lambda: exporter.own("model_info", detector=detector,
                                             version=str(version)) == 1,
                        f"{detector} uses version {version}", servers=[exporter])

    def wait_for_scores_to_go_on(self, exporter):
        """Two more ticks are scored."""
        def newest():
            return max(r["evaluated"] for r in exporter.scores() if r["outcome"] == "scored")
        for _ in range(2):
            last = newest()
            self.wait_until(lambda: newest() > last, "a later tick is scored", servers=[exporter])

    def models(self, exporter, command="list", **selection):
        flags = [text for key, value in selection.items() for text in (f"--{key}", value)]
        return servers.run_tool("models", command, "--storage.path", exporter.state, *flags)

    def train(self, exporter, *flags):
        return servers.run_tool("train", "--config", exporter.config_file, "--prometheus",
                                "--storage.path", exporter.state, *flags)

    def write_version(self, exporter, detector):
        """Has the tool fit models, to one range after the other, until one is accepted."""
        for history in ("9m", "8m", "7m", "6m", "5m"):
            code, out, err = self.train(exporter, "--detector", detector, "--history", history)
            self.assertEqual(code, 0, err)
            if "1 model written" in out:
                return out
        raise AssertionError("no model is accepted: " + out)

    def folder_of(self, exporter, detector):
        return exporter.state / "models" / "past" / detector

    def assert_nothing_is_damaged(self, exporter, log):
        self.assertEqual(list(exporter.state.rglob("*.damaged")), [], exporter.log_tail())
        self.assertNotIn("state file not used", log())
        for line in log().splitlines():
            if "model not used" in line:
                self.assertIn("made with other options", line)

    def assert_recovered(self, exporter, log):
        """Ready and scoring; nothing that was written is damaged; every `current` can be loaded."""
        self.assertTrue(exporter.is_ready())
        self.wait_until(lambda: exporter.total("anomaly_score") > 0, "scores", servers=[exporter])
        self.assert_nothing_is_damaged(exporter, log)
        for detector in TRAINED:
            if not list(self.folder_of(exporter, detector).glob("*.model")):
                continue
            self.wait_until(
                lambda d=detector: "(in use)" in self.models(exporter, "show", detector=d)[1],
                f"{detector} has a current model", seconds=1, servers=[exporter])


class Training(ModelsTest):
    def test_models_are_fitted_beside_the_scoring_and_loaded_at_the_next_start(self):
        exporter = self.exporter(budget=0.4)
        log = self.start(exporter)
        self.wait_for_log(log, r'"fitting a model".* detector=lstm_autoencoder', exporter)
        self.wait_for_scores_to_go_on(exporter)
        row = exporter.scores()[0]["detectors"]
        self.assertEqual(row.keys(), {*TRAINED, "zscore", "seasonal_esd"})
        self.assertIsNotNone(row["zscore"])
        self.assertIsNone(row["lstm_autoencoder"], "a score without a model")
        self.assertNotRegex(log(), r'"model fitted".* detector=lstm_autoencoder',
                            "the training was too short to prove anything")
        for detector in TRAINED:
            self.wait_for_version(exporter, detector, 1)
            self.assertEqual(exporter.own("trainings_total", detector=detector), 1)
            self.assertEqual({p.name for p in self.folder_of(exporter, detector).iterdir()},
                             {"000001.model", "current"})
        self.wait_until(lambda: exporter.scores()[0]["detectors"]["lstm_autoencoder"] is not None,
                        "the new model scores", servers=[exporter])
        code, out, err = self.models(exporter)
        self.assertEqual((code, err), (0, ""))
        for detector in TRAINED:
            self.assertRegex(out, rf"past +{detector} +1 +\* +\S+ +schedule +\d+ +{HOSTS} ")
        self.assertEqual(exporter.stop(), 0, exporter.log_tail())

        log = self.start(exporter)
        for detector in TRAINED:
            self.assertRegex(log(), rf'"continues with version 1" monitor=past detector={detector}')
            self.wait_for_version(exporter, detector, 1)
        self.wait_for_scores_to_go_on(exporter)
        self.assertNotIn("fitting a model", log())

    def test_a_kill_during_a_training_costs_only_that_training(self):
        exporter = self.exporter(budget=0.02)
        log = self.start(exporter)
        self.wait_for_log(log, r'"fitting a model".* detector=isolation_forest', exporter)
        exporter.kill()
        self.assertNotIn("model fitted", log())

        exporter.set_config(self.config(budget=0.05))
        log = self.start(exporter)
        self.assertNotIn("continues with version", log())
        self.wait_for_log(log, r'"model fitted".* detector=isolation_forest', exporter)
        self.wait_for_scores_to_go_on(exporter)  # the LSTM trains for longer than that
        exporter.kill()
        self.assertNotRegex(log(), r'"model fitted".* detector=lstm_autoencoder')

        exporter.set_config(self.config(budget=1))
        log = self.start(exporter)
        self.assertRegex(log(), r'"continues with version 1" monitor=past detector=isolation_f')
        self.assertNotRegex(log(), r'"continues with version.* detector=lstm_autoencoder')
        self.wait_for_log(log, r'"fitting a model".* detector=lstm_autoencoder', exporter)
        self.assert_recovered(exporter, log)
        self.wait_for_version(exporter, "lstm_autoencoder", 1)
        self.assertNotIn("model not used", log())


def times_in(folder):
    """When each file of a folder was last written."""
    found = {}
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:  # may have been renamed meanwhile
            found[entry.name] = entry.stat().st_mtime_ns
    return found


def wait_for_write(folder, seconds):
    """Returns at once when something is written in `folder`; after `seconds` at the latest."""
    before = times_in(folder)
    until = time.monotonic() + seconds
    while time.monotonic() < until and times_in(folder) == before:
        pass


class Kills(ModelsTest):
    """Kills at instants of a fixed random sequence, and at the sight of a file being written."""

    def test_while_models_are_fitted_and_written(self):
        rng = random.Random(1)
        exporter = self.exporter()
        complete = 0
        for window in range(60, 66):  # models of another window are not used: all are fitted anew
            # Slowly, so that the first model is not there before we look.
            budget = 0.2 if window % 3 == 0 else 1
            exporter.set_config(self.config(window=window, keep=2, budget=budget))
            log = self.start(exporter)
            self.wait_for_log(log, '"fitting a model"', exporter)
            if window % 3 == 2:
                servers.pause(rng.choice([0.25, 2.5]) * rng.random())
            else:
                wait_for_write(self.folder_of(exporter, TRAINED[window % 3]), 4)
            exporter.kill()
            complete += log().count('"model fitted"')
            log = self.start(exporter)
            # A kill between a model and its `current` leaves the choice to this start.
            self.assert_recovered(exporter, log)
            exporter.kill()
        self.assertGreater(complete, 0, "no kill was late enough")
        self.assertLess(complete, 12, "no kill was early enough")
        log = self.start(exporter)
        for detector in TRAINED:
            self.wait_until(lambda d=detector: exporter.own("model_info", detector=d) == 1,
                            f"{detector} has a model", servers=[exporter])
        self.assert_nothing_is_damaged(exporter, log)

    def test_while_the_tool_writes_and_swaps_models(self):
        rng = random.Random(2)
        exporter = self.exporter(enabled=False)
        for _ in range(2):
            self.write_version(exporter, "isolation_forest")
        swaps = 0
        for _ in range(9):
            log = self.start(exporter)
            self.assertRegex(log(), "level=info msg=.continues with version")
            self.assert_recovered(exporter, log)
            ending = threading.Event()
            swapper = threading.Thread(target=self.swap_until,
                                       args=(exporter, ending, rng.random()))
            swapper.start()
            servers.pause(0.2 + 1.8 * rng.random())
            exporter.kill()
            ending.set()
            swapper.join()
            swaps += log().count("model changed on disk")
        self.assertGreater(swaps, 0, "the exporter never changed its model")
        log = self.start(exporter)
        self.assert_recovered(exporter, log)

    def swap_until(self, exporter, ending, seed):
        """Fits, rolls back, has the exporter reload; the tool is killed now and then too."""
        rng = random.Random(seed)
        place = ("--storage.path", exporter.state, "--detector", "isolation_forest")
        folder = self.folder_of(exporter, "isolation_forest")
        while not ending.is_set():
            versions = sorted(int(p.stem) for p in folder.glob("*.model"))
            command = rng.choice([
                ("train", "--config", exporter.config_file, "--prometheus",
                 "--history", f"{rng.randrange(300, 600)}s", *place),
                ("models", "roll-back", "--version", rng.choice(versions), *place)])
            tool = subprocess.Popen([str(servers.TOOL), *map(str, command)],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            ending_of_tool = rng.choice(["natural", "random", "at write"])
            if ending_of_tool == "at write":
                wait_for_write(folder, 0.3)
            elif ending_of_tool == "random":
                servers.pause(0.12 * rng.random())
            if ending_of_tool != "natural":
                tool.kill()
            tool.wait()
            if exporter.is_running():
                exporter.send(signal.SIGHUP)
            ending.wait(0.3 * rng.random())

    def test_while_state_is_written(self):
        rng = random.Random(3)
        exporters = [self.exporter(f"exporter{i}", enabled=False, more=WIDE) for i in range(3)]
        for exporter in exporters:
            self.start(exporter)
        # The first files are written at the first ticks, the next ones 10 s later.
        self.wait_until(lambda: len(self.state_files(exporters[-1])) == 3, "the first state files",
                        servers=exporters)
        before = [times_in(exporter.state) for exporter in exporters]
        for exporter, times in zip(exporters, before):
            self.wait_until(lambda e=exporter, t=times: times_in(e.state) != t,
                            "a snapshot is written", servers=[exporter], every=0.001)
            exporter.kill()
        for is_asked in (True, False, True, False):
            for exporter in exporters:
                monitors = {name.split(".")[0] for name in self.state_files(exporter)}
                log = self.start(exporter)
                if is_asked:
                    self.assert_recovered(exporter, log)
                    exporter.send(signal.SIGTERM)
                    servers.pause(0.1 * rng.random())
                else:
                    wait_for_write(exporter.state, 1)
                exporter.kill()
                self.assert_nothing_is_damaged(exporter, log)
                for monitor in monitors:
                    self.assertRegex(log(), rf'"state restored" monitor={monitor} ')
        for exporter in exporters:
            self.assert_recovered(exporter, self.start(exporter))
            self.assertEqual(self.state_files(exporter),
                             {"past.0.state", "wide.0.state", "wide.1.state"})

    def state_files(self, exporter):
        return {p.name for p in exporter.state.glob("*.state")}


class Tool(ModelsTest):
    def test_a_damaged_model_is_set_aside_and_the_version_before_is_used(self):
        exporter = self.exporter(enabled=False)
        for _ in range(2):
            self.write_version(exporter, "isolation_forest")
        self.start(exporter)
        self.wait_for_version(exporter, "isolation_forest", 2)
        exporter.stop()
        file = self.folder_of(exporter, "isolation_forest") / "000002.model"
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 0x40
        file.write_bytes(data)

        log = self.start(exporter)
        self.assertRegex(log(), r'level=warn msg="model not used" monitor=past '
                                r'detector=isolation_forest reason=".*000002\.model: .*checksum')
        self.assertRegex(log(), r'level=warn msg="continues with version 1" monitor=past')
        self.wait_for_version(exporter, "isolation_forest", 1)
        self.assertEqual(file.with_suffix(".model.damaged").read_bytes(), bytes(data))
        self.assertFalse(file.exists())
        self.assertRegex(self.models(exporter)[1], r"past +isolation_forest +1 +\* ")
        exporter.stop()

        log = self.start(exporter)  # that was said once
        self.assertRegex(log(), r'level=info msg="continues with version 1" monitor=past')
        self.assertNotIn("model not used", log())
        self.assertIn("version 3 written", self.write_version(exporter, "isolation_forest"))

    def test_models_of_the_tool_are_taken_up_at_a_reload(self):
        exporter = self.exporter(enabled=False)
        log = self.start(exporter)
        self.wait_for_scores_to_go_on(exporter)
        code, out, err = self.train(exporter)
        self.assertEqual(code, 0, err)
        for detector in TRAINED:
            self.assertRegex(out, rf"(?s){detector}: \d+ samples, accepted: the first model\n"
                                  rf".*?recall \d.*?version 1 written to \S+/{detector}/000001")
        self.assertIn("2 models written", out)
        self.assertEqual(exporter.own("model_info", version="1"), 0, "taken up before the reload")
        exporter.send(signal.SIGHUP)
        for detector in TRAINED:
            self.wait_for_version(exporter, detector, 1)
            self.assertRegex(log(), rf'"model changed on disk" monitor=past detector={detector} '
                                    r"version=1")
        self.wait_until(lambda: exporter.scores()[0]["detectors"]["isolation_forest"] is not None,
                        "the model scores", servers=[exporter])
        self.write_version(exporter, "isolation_forest")
        exporter.send(signal.SIGHUP)
        self.wait_for_version(exporter, "isolation_forest", 2)
        code, out, err = self.models(exporter, "roll-back", detector="isolation_forest")
        self.assertEqual(code, 0, err)
        self.assertIn("version 1 is in use now instead of 2", out)
        exporter.send(signal.SIGHUP)
        self.wait_for_version(exporter, "isolation_forest", 1)
        self.assertEqual(exporter.own("model_rollbacks_total"), 0)

    def test_too_few_points_are_refused(self):
        exporter = self.exporter()
        code, out, err = self.train(exporter, "--history", "20s")
        self.assertEqual(code, 1, out)
        self.assertIn(f"monitor past: {20 * HOSTS} points of data; a model needs at least 100", err)
        self.assertFalse(exporter.state.exists())


if __name__ == "__main__":
    servers.main(servers.EXPORTER, servers.TOOL, "prometheus", "promtool")
