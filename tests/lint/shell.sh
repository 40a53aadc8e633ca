#!/usr/bin/env bash
# Shell scripts pass shellcheck.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/need.sh"
need shellcheck git
git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run | xargs shellcheck -x
