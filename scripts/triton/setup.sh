#!/usr/bin/env bash
# Sets up .triton/: NVIDIA's tritonserver from a Python wheel, without a container, for trying the exported
# repository against a real server. Safe to repeat; does nothing when all is there. PYTHON names another interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
target=../../.triton
python="${PYTHON:-python3}"
wanted="$(cat setup.sh requirements.txt | sha256sum) $PWD"
if [ "$(cat "$target/stamp" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
fail() { echo "scripts/triton/setup: $*" >&2; exit 1; }
[ "$(uname -sm)" = "Linux x86_64" ] || fail "the wheel of the server is for Linux on x86-64"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "expected Python >= 3.10"
echo "setting up: tritonserver in .triton/ (about 450 MB)"
rm -rf "$target"
mkdir "$target"
"$python" -m venv "$target/venv"
"$target/venv/bin/pip" install -q --disable-pip-version-check -r requirements.txt 2>"$target/pip.log" ||
  { tail -3 "$target/pip.log" >&2; fail "the packages could not be installed"; }
server="$(echo "$target"/venv/lib/python3*/site-packages/pytriton/tritonserver)"
version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
cp "$server/python_backend_stubs/$version/triton_python_backend_stub" "$server/backends/python/"
chmod +x "$server/backends/python/triton_python_backend_stub" "$server/bin/tritonserver"
printf '%s' "$wanted" >"$target/stamp"
