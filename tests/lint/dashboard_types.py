#!/usr/bin/env python3
"""The shipped dashboards against Grafana's own types: @grafana/schema, checked by tsc.

dashboard_types.py FOLDER [ANOMALYTOOL]: npm puts the packages of dashboard_types/package-lock.json
into FOLDER, where the next run finds them. With the path of anomalytool, what it generates for an
example is checked too.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "tests" / "lint" / "dashboard_types"
HEAD = """import type { Dashboard } from '@grafana/schema';

// The schema has enumerations of strings where JSON has strings. (any and unknown stay as they are.)
type Written<T> = 0 extends 1 & T ? T
  : [keyof T] extends [never] ? T
  : T extends string ? `${T}`
  : T extends (infer Item)[] ? Written<Item>[]
  : T extends object ? { [Key in keyof T]: Written<T[Key]> } : T;

// What the data source of Prometheus keeps in its annotations.
type Annotation = NonNullable<Dashboard['annotations']>['list'][number] & {
  expr?: string; step?: string; tagKeys?: string; titleFormat?: string; textFormat?: string;
};
type Board = Omit<Dashboard, 'annotations'> & { annotations?: { list?: Annotation[] } };

export const board: Written<Board> = """
# Grafana itself writes null, for a threshold at minus infinity and for the id of a new board.
OPTIONS = ["--noEmit", "--strict", "--strictNullChecks", "false", "--skipLibCheck", "--target",
           "es2020", "--module", "esnext", "--moduleResolution", "bundler"]


def install(folder):
    """The locked packages, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = PACKAGES / "package-lock.json"
    kept = folder / "package-lock.json"
    is_there = (folder / "node_modules" / "typescript").is_dir()
    if is_there and kept.exists() and kept.read_bytes() == lock.read_bytes():
        return
    shutil.copy(PACKAGES / "package.json", folder)
    shutil.copy(lock, folder)
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder,
                          capture_output=True, text=True)
    if done.returncode != 0:
        kept.unlink()
        sys.exit(f"npm ci: {done.stdout}{done.stderr}")


def compile_boards(folder, boards):
    """What tsc has to say of the boards by name; nothing when all is well."""
    for old in folder.glob("*.ts"):
        old.unlink()
    for name, board in boards.items():
        (folder / f"{name}.ts").write_text(HEAD + json.dumps(board, indent=1) + ";\n")
    compiler = folder / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run(["node", compiler, *OPTIONS, *(f"{name}.ts" for name in boards)],
                          cwd=folder, capture_output=True, text=True)
    return done.stdout if done.returncode != 0 else ""


def broken_copies(board):
    """(words that tsc must say, a copy with one fault)."""
    def copy(change):
        out = json.loads(json.dumps(board))
        change(out, next(p for p in out["panels"] if p["type"] == "timeseries"))
        return out
    yield "'\"colour\"' does not exist", copy(lambda b, p: p.update(colour="red"))
    yield "'string' is not assignable to type 'number'", copy(lambda b, p: b.update(schemaVersion="39"))
    yield "'\"procentual\"'", copy(
        lambda b, p: p["fieldConfig"]["defaults"]["thresholds"].update(mode="procentual"))
    yield "'{ color: string; value: number; }'", copy(
        lambda b, p: p["fieldConfig"]["defaults"]["thresholds"].update(steps=[{"colour": "red"}]))


def main():
    for program in ("node", "npm"):
        if not shutil.which(program):
            print("missing:", program)
            return 1 if os.environ.get("AE_INTEGRATION_REQUIRED") == "ON" else 77
    folder = pathlib.Path(sys.argv[1]).resolve()
    install(folder)
    boards = {p.stem: json.loads(p.read_text()) for p in sorted((ROOT / "dashboards").glob("*.json"))}
    if len(sys.argv) > 2:
        config = ROOT / "config" / "examples" / "own_queries.yml"
        boards["generated"] = json.loads(subprocess.run(
            [sys.argv[2], "generate", "dashboard", "--config", config], capture_output=True,
            text=True, check=True).stdout)
    found = [compile_boards(folder, boards)]
    broken = dict(enumerate(broken_copies(boards["nodes"])))
    said = compile_boards(folder, {f"broken{i}": board for i, (_, board) in broken.items()})
    found += [f"self test: a board with a fault in {words} passes\n" for i, (words, _) in
              broken.items() if not any(words in line for line in said.splitlines()
                                        if f"broken{i}.ts" in line)]
    print("".join(found), end="")
    return 1 if any(found) else 0


if __name__ == "__main__":
    sys.exit(main())
