#!/usr/bin/env python3
"""Small rules of the house that a reader should not have to check.

No TODO or FIXME; no absolute path of somebody's machine; clocks only behind core::Clock; no
std::regex; no sleeps and no fixed ports in tests; every file ends in one line feed and holds no tab;
source files within 500 lines.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SELF = pathlib.Path(__file__).resolve()
CODE = {".cc", ".h", ".inc", ".py", ".sh", ".js", ".cmake"}
LONGEST_FILE = 500

RULES = [
    (r"\b(TODO|FIXME|XXX)\b", "unfinished work does not land", lambda p: True),
    (r"(?<![\w.$}])/(?:home|Users|work|farm)/\w", "absolute path of a machine", lambda p: True),
    (r"\b(?:system_clock|steady_clock)::", "clocks live behind core::Clock",
     lambda p: p.parts[0] in ("src", "include") and p != pathlib.Path("src/core/clock.cc")),
    (r"std::regex|std::format\b|std::expected\b", "not in this code base",
     lambda p: p.suffix in (".cc", ".h")),
    (r"sleep_for|usleep\(|\bsleep\(", "wait for a condition instead of sleeping",
     lambda p: p.suffix in (".cc", ".h")),
]


def tracked() -> list[pathlib.Path]:
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                           cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [pathlib.Path(n) for n in names.splitlines()]


def problems_of(path: pathlib.Path) -> list[str]:
    if "corpus" in path.parts or not (ROOT / path).is_file() or ROOT / path == SELF:
        return []
    if path.suffix not in CODE | {".md", ".yml", ".txt", ".json"} and path.name != "run":
        return []
    text = (ROOT / path).read_text(encoding="utf-8", errors="replace")
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        for pattern, why, applies in RULES:
            if applies(path) and re.search(pattern, line):
                found.append(f"{path}:{number}: {why}: {line.strip()}")
    if path.suffix in CODE:
        if "\t" in text:
            found.append(f"{path}: holds a tab")
        if text and not text.endswith("\n"):
            found.append(f"{path}: does not end in a line feed")
        if text.count("\n") > LONGEST_FILE:
            found.append(f"{path}: longer than {LONGEST_FILE} lines")
    return found


def main() -> int:
    found = [p for path in tracked() for p in problems_of(path)]
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
