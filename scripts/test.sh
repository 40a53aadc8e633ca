#!/usr/bin/env bash
# Installs what is needed, builds, and runs every test.
#
#   scripts/test.sh          release build with all tests; the quick start, checked; address and
#                            undefined-behaviour sanitizers over unit, contract and fuzz replay;
#                            thread sanitizer over the tests with threads; Clang's thread-safety
#                            analysis
#   scripts/test.sh --full   also every test under both sanitizers, each fuzzer for a minute, and one
#                            round of the lab (docs/lab.md), which wants a machine that is idle
set -euo pipefail

cd "$(dirname "$0")/.."
full=no
case "${1:-}" in
  '') ;;
  --full) full=yes ;;
  *) echo "usage: scripts/test.sh [--full]" >&2; exit 2 ;;
esac

step() { printf '\n== %s (%ds)\n' "$*" "$SECONDS"; }

step "packages"
scripts/install_packages.sh build run test lab
command -v npm >/dev/null || scripts/install_packages.sh node

export AE_INTEGRATION_REQUIRED=ON
configure() {
  cmake --preset "$1" -DAE_BUILD_TESTS=ON -DAE_INTEGRATION_REQUIRED=ON "${@:2}" >"build-$1.log" 2>&1 ||
    { cat "build-$1.log"; return 1; }
  rm -f "build-$1.log"
}

step "release build"
configure release
cmake --build --preset release
step "release tests"
ctest --preset release --no-tests=error

step "quick start"
scripts/quickstart.sh --check

step "address and undefined-behaviour sanitizers"
configure asan
cmake --build --preset asan
if [ "$full" = yes ]; then
  ctest --test-dir build/asan --output-on-failure --no-tests=error
else
  ctest --preset asan --no-tests=error
fi

step "thread sanitizer"
configure tsan
cmake --build --preset tsan --target ae_threads_tests
ctest --preset tsan --no-tests=error

step "clang thread-safety analysis"
python3 tests/lint/thread_safety.py

if [ "$full" = yes ]; then
  step "fuzzers"
  configure fuzz
  cmake --build --preset fuzz
  for fuzzer in build/fuzz/tests/*_fuzz; do
    name=$(basename "$fuzzer" _fuzz)
    "$fuzzer" -max_total_time=60 -max_len=65536 -timeout=10 "$(mktemp -d)" "tests/fuzz/corpus/$name"
  done

  step "lab"
  tests/lab/run.sh --rounds 1
fi
step "done"
