"""anomalytool backtest over files: a finite score per row, no look-ahead, equal bytes."""
import csv
import gzip
import math
import pathlib
import random

import servers


def write_table(path, rows, columns, begin=1_700_000_000, step=60, seed=1):
    """Noise with duplicates, off-grid rows, a gap and a spike."""
    rng = random.Random(seed)
    lines = ["timestamp," + ",".join(columns)]
    time = begin
    for row in range(rows):
        values = [f"{50 + rng.gauss(0, 2) + (80 if row == rows * 3 // 4 else 0):.4f}"
                  for _ in columns]
        lines.append(f"{time}," + ",".join(values))
        if row % 50 == 10:
            lines.append(f"{time}," + ",".join(values))  # a duplicate
        if row % 70 == 20:
            lines.append(f"{time + step // 3}," + ",".join(values))  # off the grid
        time += step * (20 if row == rows // 3 else 1)
    text = "\n".join(lines) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return lines


def read_scores(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return rows[0], rows[1:]


class BacktestFiles(servers.TestCase):
    def setUp(self):
        super().setUp()
        self.input = self.folder / "in"
        self.tables = {
            "one/single.csv": write_table(self.input / "one" / "single.csv.gz", 900, ["value"]),
            "one/plain.csv": write_table(self.input / "one" / "plain.csv", 400, ["value"], seed=2),
            "two/many.csv": write_table(self.input / "two" / "many.csv.gz", 600, ["a", "b", "c"],
                                        seed=3),
            "two/short.csv": write_table(self.input / "two" / "short.csv", 1, ["value"], seed=4),
        }
        (self.input / "labels.json").write_text("this is not read")

    def backtest(self, name, *flags, source=None):
        output = self.folder / name
        code, out, err = servers.run_tool("backtest", "--input", source or self.input, "--output",
                                          output, *flags)
        self.assertEqual(code, 0, err)
        return output, out

    def files(self, folder):
        return {str(p.relative_to(folder)): p.read_bytes()
                for p in sorted(pathlib.Path(folder).rglob("*")) if p.is_file()}

    def test_every_row_has_a_finite_score(self):
        output, out = self.backtest("out")
        self.assertIn("4 files scored", out)
        self.assertEqual(set(self.files(output)), set(self.tables))
        for name, lines in self.tables.items():
            with self.subTest(name):
                header, rows = read_scores(output / name)
                self.assertEqual(header, ["timestamp", "anomaly_score"])
                self.assertEqual([r[0] for r in rows], [l.split(",")[0] for l in lines[1:]])
                scores = [float(r[1]) for r in rows]
                self.assertTrue(all(math.isfinite(s) and 0 <= s < 1 for s in scores))

    def test_the_spike_scores_highest(self):
        output, _ = self.backtest("out")
        for name in ("one/single.csv", "two/many.csv"):
            lines = self.tables[name]
            spikes = {l.split(",")[0] for l in lines[1:] if float(l.split(",")[1]) > 100}
            _, rows = read_scores(output / name)
            top = max(range(len(rows)), key=lambda k: float(rows[k][1]))
            # One metric is highest at the spike itself, the state of several within two rows.
            near = {rows[k][0] for k in range(max(top - 2, 0), top + 1)}
            self.assertTrue(near & spikes, f"{name}: highest at {rows[top][0]}")

    def test_threads_do_not_change_a_byte(self):
        one, _ = self.backtest("one-thread", "--threads", "1")
        two, _ = self.backtest("two-threads", "--threads", "2")
        self.assertEqual(self.files(one), self.files(two))

    def test_a_file_cut_short_gives_the_same_scores_up_to_the_cut(self):
        output, _ = self.backtest("out")
        cut_input = self.folder / "cut"
        for name, lines in self.tables.items():
            path = cut_input / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines[:1 + (len(lines) - 1) * 5 // 6]) + "\n")
        cut, _ = self.backtest("cut-out", source=cut_input)
        compared = 0
        for name in self.tables:
            whole, part = (output / name).read_bytes(), (cut / name).read_bytes()
            self.assertTrue(whole.startswith(part), name)
            compared += part.count(b"\n") - 1
        self.assertGreater(compared, 1000)

    def test_times_before_1970_are_scored_like_any_others(self):
        shifted = self.folder / "shifted" / "one" / "plain.csv"
        shifted.parent.mkdir(parents=True)
        header, *rows = self.tables["one/plain.csv"]
        day = 86400
        at = int(rows[0].split(",")[0])
        by = (at // (7 * day) + 1000) * 7 * day  # whole weeks: times of day and week stay
        shifted.write_text("\n".join([header] + [
            f"{int(r.split(',')[0]) - by},{r.split(',', 1)[1]}" for r in rows]) + "\n")
        self.assertLess(at - by, 0)
        output, _ = self.backtest("out")
        earlier, _ = self.backtest("shifted-out", source=self.folder / "shifted")
        def top(folder):
            scores = [float(r[1]) for r in read_scores(folder / "one" / "plain.csv")[1]]
            self.assertGreater(max(scores), 0.3)
            return scores.index(max(scores))
        self.assertEqual(top(earlier), top(output))

    def test_two_files_for_one_output_and_the_input_as_output_are_refused(self):
        (self.input / "one" / "single.csv").write_text("timestamp,value\n1,2\n")
        code, _, err = servers.run_tool("backtest", "--input", self.input, "--output",
                                        self.folder / "o")
        self.assertEqual(code, 1)
        self.assertIn("would both be scored into", err)
        code, _, err = servers.run_tool("backtest", "--input", self.input, "--output", self.input)
        self.assertEqual(code, 1)
        self.assertIn("is the folder of the input", err)

    def test_an_input_without_files_is_an_error(self):
        empty = self.folder / "empty"
        empty.mkdir()
        code, _, err = servers.run_tool("backtest", "--input", empty, "--output", self.folder / "o")
        self.assertEqual(code, 1)
        self.assertIn("no <dataset>/<series>.csv", err)


if __name__ == "__main__":
    servers.main(servers.TOOL)
