#!/usr/bin/env bash
# Make .venv of this checkout and install medl there, editable, with the versions of constraints.txt.
#
# Usage: scripts/setup.sh [EXTRA …]      extras as in setup.cfg: test, dev, image, mlflow, dashboard, onnx
#
# Run again it returns at once, unless setup.cfg, constraints.txt or the extras asked for have changed.
# PYTHON=<python> chooses the Python that .venv is made from.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv="$PWD/.venv"
stamp="$venv/medl-setup" # of the last complete set-up: the hash of what it rests on, and its extras

fail() { echo "setup: $*" >&2; exit 2; }
install() { "$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt "$@"; }

hash="$(cat setup.cfg pyproject.toml constraints.txt | sha256sum | cut -d ' ' -f 1) $PWD"
done_extras=""
if [[ -f $stamp && "$(head -n 1 "$stamp")" == "$hash" ]]; then done_extras="$(tail -n +2 "$stamp")"; fi
extras="$(printf '%s\n' "$@" "$done_extras" | sort -u | sed '/^$/d')"
if [[ -f $stamp && "$(cat "$stamp")" == "$(printf '%s\n' "$hash" "$extras")" && -x $venv/bin/python ]]; then exit 0; fi

if [[ ! -x $venv/bin/python ]] || ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
  python="${PYTHON:-python3}"
  command -v "$python" >/dev/null || fail "there is no $python. Debian/Ubuntu: apt-get install python3 python3-venv"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "Python 3.10 or newer is needed, but $python is $("$python" -V 2>&1). Give another with PYTHON=<python>."
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "Python's venv module is missing. Debian/Ubuntu: apt-get install python3-venv"
  echo "setup: making $venv with $("$python" -V)"
  "$python" -m venv --clear "$venv"
fi

torch="$(sed -n 's/^torch==\([^;+ ]*\).*/\1/p' constraints.txt)"
if ! "$venv/bin/python" -c "import importlib.metadata as m, sys; sys.exit(m.version('torch').split('+')[0] != '$torch')" 2>/dev/null; then
  # First and alone: where torch is already there, nothing that needs it can pull in another build of it.
  if [[ "$(nvidia-smi -L 2>/dev/null)" == *GPU* ]]; then
    echo "setup: downloading torch $torch for NVIDIA GPUs (about 3 GB)"
    install "torch==$torch"
  elif echo "setup: no NVIDIA GPU found: downloading the CPU build of torch $torch (about 200 MB)"; ! install "torch==$torch+cpu" 2>/dev/null; then
    echo "setup: pip finds no CPU build here: downloading the default build instead (up to 3 GB with its CUDA libraries)."
    echo "setup: to avoid that, stop, set PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS to a place that has torch==$torch+cpu, start again."
    install "torch==$torch"
  fi
fi

list="$(paste -sd , <<<"$extras")"
echo "setup: downloading MONAI, Optuna and what else medl needs${list:+, with the extras $list} (about 150 MB)"
if ! { install setuptools && install --no-build-isolation --editable ".${list:+[$list]}"; }; then
  command -v cc >/dev/null || echo "setup: there is no C compiler, should a package want one. Debian/Ubuntu: apt-get install build-essential python3-dev" >&2
  fail "pip failed; its last lines are above. What was installed stays; run scripts/setup.sh again to go on."
fi
printf '%s\n' "$hash" "$extras" >"$stamp"
echo "setup: done; medl is in $venv ($(du -sh "$venv" | cut -f 1))"
