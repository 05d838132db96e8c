#!/usr/bin/env bash
# Sets up sim/: its virtual environment (.venv), pinned packages, and OSMesa, which draws without a
# display. Safe to repeat; does nothing when all is there. PYTHON names another interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { echo "sim/setup: $*"; }
fail() { echo "sim/setup: error: $*" >&2; exit 1; }

# The package of a missing system library or module: by apt-get as root, else a clear message.
need_package() { # package, why, what to know where there is no such package
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing the Debian package $1: $2"
    local log
    log="$(mktemp)"
    { apt-get install -y -q "$1" || { apt-get update -q && apt-get install -y -q "$1"; }; } \
      >"$log" 2>&1 || {
      tail -5 "$log" >&2
      rm -f "$log"
      fail "apt-get could not install $1${3:+; $3}"
    }
    rm -f "$log"
  else
    fail "$1 is missing ($2): install it, e.g. sudo apt-get install $1${3:+; $3}"
  fi
}

python="${PYTHON:-}"
if [ -z "$python" ]; then
  for candidate in python3 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null &&
      "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
      python="$candidate"
      break
    fi
  done
fi
[ -n "$python" ] || fail "Python >= 3.11 is missing: install it, or name one in PYTHON"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  fail "PYTHON=$python: expected Python >= 3.11"

has_osmesa() {
  "$python" -c 'import ctypes.util, sys; sys.exit(not ctypes.util.find_library("OSMesa"))'
}
if ! has_osmesa; then
  need_package libosmesa6 "MuJoCo draws with it where there is no display" \
    "Mesa 25.1 and newer has no OSMesa: a system with an older one, such as Debian 12 or 13, is needed"
  has_osmesa || fail "libosmesa6 is installed but its library is not found"
fi

stamp=.venv/.aid-sim-setup
wanted="$(cat setup.sh pyproject.toml requirements.txt requirements-dev.txt | sha256sum) $PWD"
if [ -x .venv/bin/aid-sim ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] &&
  .venv/bin/python -c 'import aid_sim' 2>/dev/null; then
  exit 0
fi

"$python" -c 'import ensurepip' 2>/dev/null || need_package python3-venv "it makes virtual environments"
say "making sim/.venv with $("$python" --version): 600 MB, once, a minute or two"
# Another one is made where the system's Python became another version: its pip is of the old one.
if ! .venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  rm -rf .venv
  "$python" -m venv .venv
fi
pip() { .venv/bin/python -m pip install -q --disable-pip-version-check "$@"; }
pip -r requirements.txt -r requirements-dev.txt
pip --no-build-isolation --no-deps -e .
printf '%s' "$wanted" >"$stamp"
say "ready: sim/.venv/bin/aid-sim"
