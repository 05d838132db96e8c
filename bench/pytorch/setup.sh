#!/bin/sh
# Makes or completes the virtual environment of the PyTorch side. Safe to run again.
set -eu
cd "$(dirname "$0")"
[ -x .venv/bin/python ] || python3 -m venv .venv
if ! cmp -s requirements.txt .venv/requirements.done; then
  # torch's plain PyPI wheel brings CUDA along; the CPU build answers the same pin where an index offers it.
  .venv/bin/pip install --disable-pip-version-check -q -r requirements.txt
  cp requirements.txt .venv/requirements.done
fi
.venv/bin/python -c 'import torch, diffusers, transformers; print("torch", torch.__version__, "diffusers", diffusers.__version__, "transformers", transformers.__version__)'
