"""Where labelled series lie beside the checkout: one finite score per row of two real files."""
import csv
import gzip
import json
import math
import shutil
import sys

import servers

DATA = servers.SOURCE_DIR.parent / "shared" / "data"
FILES = 2


class LabelledData(servers.TestCase):
    def test_two_files_are_scored_row_by_row(self):
        labels = json.loads((DATA / "labels.json").read_text())["datasets"]
        rows = {}  # the shortest series of two datasets, one with several columns
        for dataset in ("nab_realAWSCloudwatch", "asd"):
            series, facts = min(labels[dataset]["series"].items(), key=lambda s: s[1]["rows"])
            rows[f"{dataset}/{series}.csv"] = facts["rows"]
            (self.folder / "in" / dataset).mkdir(parents=True)
            shutil.copy(DATA / facts["file"], self.folder / "in" / dataset / f"{series}.csv.gz")
        self.assertEqual(len(rows), FILES)
        code, _, err = servers.run_tool("backtest", "--input", self.folder / "in", "--output",
                                        self.folder / "out", timeout=120)
        self.assertEqual(code, 0, err)
        for name, count in rows.items():
            with gzip.open(self.folder / "in" / f"{name}.gz", "rt") as file:
                times = [r[0] for r in csv.reader(file)][1:]
            with open(self.folder / "out" / name, newline="", encoding="utf-8") as file:
                scored = list(csv.reader(file))[1:]
            self.assertEqual(len(scored), count)
            self.assertEqual([r[0] for r in scored], times)
            scores = [float(r[1]) for r in scored]
            self.assertTrue(all(math.isfinite(s) for s in scores))
            self.assertGreater(max(scores), 0, f"{name}: nothing was ever scored")


if __name__ == "__main__":
    if not DATA.is_dir():
        print("no labelled data beside the checkout")
        sys.exit(77)
    servers.main(servers.TOOL)
