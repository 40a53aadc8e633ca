# shellcheck shell=bash
# need PROGRAM...: a missing program skips the test (77), or fails it where the tests are required.
need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null && continue
    echo "missing: $program" >&2
    [ "${AE_INTEGRATION_REQUIRED:-OFF}" = ON ] && exit 1
    exit 77
  done
}
