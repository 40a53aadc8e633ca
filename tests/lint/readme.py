#!/usr/bin/env python3
"""What the documentation shows is true: links lead somewhere, commands exist, YAML is valid.

readme.py ANOMALYTOOL ANOMALY_EXPORTER
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL, EXPORTER = sys.argv[1], sys.argv[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
INLINE = re.compile(r"`((?:anomalytool|scripts/|tests/|build/release/)[^`]*)`")


def help_of(*words: str) -> str:
    return subprocess.run([*words, "--help"], capture_output=True, text=True).stdout


def check_command(command: str) -> str | None:
    words = command.split()
    program = words[0]
    if program.startswith(("scripts/", "tests/")):
        return None if (ROOT / program).exists() else "does not exist"
    if program.removeprefix("build/release/") not in ("anomalytool", "anomaly_exporter"):
        return None
    if program.endswith("anomalytool"):
        subcommands, rest = [], words[1:]
        while rest and re.fullmatch(r"[a-z][a-z-]*", rest[0]) and rest[0] in help_of(TOOL, *subcommands):
            subcommands.append(rest.pop(0))
        known = help_of(TOOL, *subcommands)
    else:
        rest, known = words[1:], help_of(EXPORTER)
    for word in rest:
        flag = word.strip("[]").split("=")[0]
        if flag.startswith("--") and flag not in known:
            return f"has no flag {flag}"
    return None


def main() -> int:
    found = []
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]:
        text = path.read_text()
        name = path.relative_to(ROOT)
        for target in LINK.findall(text):
            if not target.startswith("http") and not (path.parent / target).exists():
                found.append(f"{name}: link to {target} leads nowhere")
        commands = list(INLINE.findall(text))
        for language, body in BLOCK.findall(text):
            if language in ("console", "sh", "bash"):
                commands += [line.removeprefix("$ ") for line in body.splitlines() if line.strip()]
            if language == "yaml" and re.search(r"^monitors:", body, re.M):
                with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
                    file.write(body)
                    file.flush()
                    done = subprocess.run([TOOL, "check", "config", file.name],
                                          capture_output=True, text=True)
                if done.returncode != 0:
                    found.append(f"{name}: {done.stderr.strip()}")
        for command in commands:
            problem = check_command(command)
            if problem:
                found.append(f"{name}: `{command}` {problem}")
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
