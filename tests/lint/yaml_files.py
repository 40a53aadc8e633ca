#!/usr/bin/env python3
"""YAML of the project is well-formed, and docker-compose.yml is what compose expects.

Where docker compose is installed its own parser is asked too.
"""
import pathlib
import shutil
import subprocess
import sys

try:
    import yaml
except ImportError:
    import os
    print("missing: python3-yaml")
    sys.exit(1 if os.environ.get("AE_INTEGRATION_REQUIRED") == "ON" else 77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICE_KEYS = {"image", "build", "command", "volumes", "ports", "user", "restart", "healthcheck",
                "environment", "depends_on", "read_only", "cap_drop", "security_opt",
                "stop_grace_period", "pid"}


def check_compose(path: pathlib.Path) -> list[str]:
    compose = yaml.safe_load(path.read_text())
    found = []
    for name, service in compose["services"].items():
        for key in service.keys() - SERVICE_KEYS:
            found.append(f"{path.name}: {name}: key {key} is not one we know")
        if "healthcheck" not in service:
            found.append(f"{path.name}: {name} has no health check")
        if service.get("user", "").startswith("0") or ("user" not in service and "build" not in service):
            found.append(f"{path.name}: {name} runs as root")
        for port in service.get("ports", []):
            if not port.startswith("127.0.0.1:"):
                found.append(f"{path.name}: {name}: port {port} is open to the network")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./") and not (ROOT / source).exists():
                found.append(f"{path.name}: {name}: {source} does not exist")
            elif not source.startswith(("./", "/")) and source not in compose["volumes"]:
                found.append(f"{path.name}: {name}: volume {source} is not declared")
        for other in service.get("depends_on", []):
            if other not in compose["services"]:
                found.append(f"{path.name}: {name} depends on {other}, which is not there")
    if shutil.which("docker"):
        probe = subprocess.run(["docker", "compose", "version"], capture_output=True)
        if probe.returncode == 0:
            done = subprocess.run(["docker", "compose", "-f", str(path), "config", "-q"],
                                  capture_output=True, text=True)
            if done.returncode != 0:
                found.append(f"{path.name}: {done.stderr}")
    return found


def main() -> int:
    found = []
    for pattern in ("config/**/*.yml", "rules/*.yml", "docker-compose.yml"):
        for path in sorted(ROOT.glob(pattern)):
            try:
                list(yaml.safe_load_all(path.read_text()))
            except yaml.YAMLError as error:
                found.append(f"{path.relative_to(ROOT)}: {error}")
    found += check_compose(ROOT / "docker-compose.yml")
    dockerfile = (ROOT / "Dockerfile").read_text().splitlines()
    if not any(line.startswith("USER ") and line.split()[1].split(":")[0].isdigit() for line in dockerfile):
        found.append("Dockerfile: no numeric USER")
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
