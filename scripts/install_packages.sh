#!/usr/bin/env bash
# Installs Debian packages by group: scripts/install_packages.sh build run test
# Services that come with them are not started. Does nothing when all are there already.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
pattern="^($(IFS='|'; echo "$*")) "
mapfile -t wanted < <(grep -E "$pattern" "$here/packages.txt" | cut -d' ' -f2)

missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
    missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "these packages are missing and this system has no apt-get: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "run as root, or install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi

echo "installing ${#missing[@]} packages: ${missing[*]}"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  # Keeps the packaged services from starting; ours run on ports and folders of their own.
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  "${missing[@]}" >/dev/null
