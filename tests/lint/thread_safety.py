#!/usr/bin/env python3
"""Clang's thread-safety analysis as a syntax check over every source file.

Uses the compile commands of build/release for include paths; compiles nothing.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEPT = re.compile(r"^-(I|isystem|D|std=)")


def flags_of(command: str) -> list[str]:
    words = shlex.split(command)
    kept, take_next = [], False
    for word in words[1:]:
        if take_next:
            kept.append(word)
            take_next = False
        elif word in ("-I", "-isystem", "-D"):
            kept.append(word)
            take_next = True
        elif KEPT.match(word):
            kept.append(word)
    return kept


def check(entry: dict) -> str:
    command = ["clang++", "-fsyntax-only", "-Werror=thread-safety", *flags_of(entry["command"]),
               entry["file"]]
    done = subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr


def main() -> int:
    database = ROOT / "build" / "release" / "compile_commands.json"
    entries = [e for e in json.loads(database.read_text())
               if pathlib.Path(e["file"]).is_relative_to(ROOT / "src")
               and "_v3" not in pathlib.Path(e["file"]).name]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [p for p in pool.map(check, entries) if p]
    print("\n".join(problems) if problems else f"{len(entries)} files, no finding")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
