#!/usr/bin/env python3
"""Holds every #include between domains against the table of what may include what.

Run by ctest from the root of the source tree. Also refuses a header of src/ included from another
domain, and third-party headers outside the rooms they belong to.
"""
import pathlib
import re
import sys

ALLOWED = {
    "core": set(),
    "stats": {"core"},
    "series": {"core", "stats"},
    "net": {"core"},
    "sources": {"core", "series", "net"},
    "detectors": {"core", "stats", "series"},
    "ensemble": {"core", "stats", "series", "detectors"},
    "severity": {"core", "series", "detectors", "ensemble"},
    "incidents": {"core", "stats", "severity"},
    "alerting": {"core", "net", "severity"},
    "exposition": {"core", "detectors", "severity", "incidents"},
    "storage": {"core", "severity"},
    "api": {"core", "detectors", "severity", "incidents", "alerting", "exposition"},
    "config": {"core", "series", "net", "sources", "detectors", "ensemble", "severity",
               "incidents", "alerting", "exposition"},
    "app": {"core", "stats", "series", "net", "sources", "detectors", "ensemble", "severity",
            "incidents", "alerting", "exposition", "storage", "api", "config"},
    "tools": {"core", "stats", "series", "net", "sources", "detectors", "ensemble", "severity",
              "incidents", "alerting", "exposition", "storage", "api", "config", "app"},
    "cli": {"core", "config", "app", "tools"},
}

# Third-party header -> domains in which it may be seen; for those marked .cc only outside headers.
ROOMS = {
    "CLI/": ({"cli"}, True),
    "spdlog/": ({"core"}, True),
    "nlohmann/": ({"alerting", "api", "sources", "tools"}, True),
    "yaml-cpp/": ({"config"}, False),
    "curl/": ({"net"}, False),
    "CivetServer.h": ({"api"}, False),
    "civetweb.h": ({"api"}, False),
    "prometheus/": ({"exposition", "api", "app", "tools"}, False),
    "snappy": ({"sources"}, False),
    "libdeflate.h": ({"exposition"}, True),
    "re2/": ({"alerting", "config", "severity", "sources"}, True),
}

INCLUDE = re.compile(r'^\s*#include\s+[<"]([^>"]+)[>"]', re.M)


def domain_of(path: pathlib.Path) -> str | None:
    parts = path.parts
    if parts[0] == "include" and len(parts) > 3:
        return parts[2]
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    return None


def check(root: pathlib.Path) -> list[str]:
    problems = []
    files = sorted([*root.glob("include/**/*.h"), *root.glob("src/**/*.cc"), *root.glob("src/**/*.h")])
    for file in files:
        path = file.relative_to(root)
        domain = domain_of(path)
        if domain is None:
            continue
        if domain not in ALLOWED:
            problems.append(f"{path}: {domain} is not a domain of the table")
            continue
        for name in INCLUDE.findall(file.read_text(encoding="utf-8")):
            ours = re.match(r"anomaly_exporter/(\w+)/", name)
            if ours:
                other = ours.group(1)
                if other != domain and other not in ALLOWED[domain]:
                    problems.append(f"{path}: {domain} may not include {name}")
            for prefix, (rooms, only_cc) in ROOMS.items():
                if not name.startswith(prefix):
                    continue
                if domain not in rooms:
                    problems.append(f"{path}: <{name}> belongs to {', '.join(sorted(rooms))}")
                elif only_cc and path.parts[0] == "include":
                    problems.append(f"{path}: <{name}> may not be in a public header")
    return problems


if __name__ == "__main__":
    found = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join(found))
    sys.exit(1 if found else 0)
