#!/usr/bin/env bash
# Every C++ file is as clang-format leaves it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/need.sh"
need clang-format git
git ls-files --cached --others --exclude-standard -- '*.cc' '*.h' | xargs clang-format --dry-run --Werror
