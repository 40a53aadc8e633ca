#!/usr/bin/env bash
# Real faults on this host and on real links, and who notices them when: docs/lab.md.
#
#   tests/lab/run.sh [--rounds N] [--faults LIST] [--quiet SECONDS] [--json FILE] [--help]
#
# Runs in a network namespace of its own, which ends with it: nothing outside is touched.
set -euo pipefail
exec /usr/bin/python3 -B "$(dirname "$0")/lab.py" "$@"
