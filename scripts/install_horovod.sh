#!/usr/bin/env bash
# Build Horovod 0.28.1 against the torch of the current environment and install it there.
#
# Usage: scripts/install_horovod.sh [PYTHON]      (default: .venv/bin/python of this checkout)
#
# The released sources pin C++14 while torch's headers need C++17, so the one setting is changed in the two
# files that carry it. The wheel only works with the exact torch it was built against; it is kept outside the
# repository, in a folder named by Python, torch and machine, so that a second set-up takes seconds.
#
# Exit codes: 0 it is there; 2 it cannot be built; 3 it cannot be built for want of a CUDA toolkit.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python="${1:-$here/.venv/bin/python}"
version=0.28.1
sha256=92a43f5a94c43907a56805bad15f19700c62ffc83b7ca483f9e104e229f67ef0

fail() { echo "install_horovod: $*" >&2; exit 2; }

[[ -x "$python" ]] || fail "no Python at $python. Run scripts/setup.sh first, or give a Python as the first argument."
key="$("$python" -c '
import sys
try:
    import torch
except ImportError:
    sys.exit(1)
cuda = "cuda" + torch.version.cuda if torch.version.cuda else "cpu"
print(f"cp{sys.version_info[0]}{sys.version_info[1]}-torch{torch.__version__}-{cuda}")
')" || fail "torch is not installed for $python. Run scripts/setup.sh first."
fits="$("$python" -c '
import json, pathlib, torch, horovod.torch
print(json.loads((pathlib.Path(horovod.torch.__file__).parents[1] / "metadata.json").read_text())["pytorch"] == torch.__version__)
' 2>/dev/null || true)"
[[ "$fits" != True ]] || { echo "install_horovod: Horovod for $key is there already"; exit 0; }
cache="${MEDL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/medl}/wheels/horovod-$version-$key-$(uname -m)"
mkdir -p "$cache"

wheel="$(find "$cache" -maxdepth 1 -name 'horovod-*.whl' | head -n 1)"
if [[ -z "$wheel" ]]; then
  for tool in g++ make; do
    command -v "$tool" >/dev/null || fail "no $tool. Debian/Ubuntu: apt-get install build-essential"
  done
  "$python" -c 'import sysconfig, pathlib, sys; sys.exit(not pathlib.Path(sysconfig.get_paths()["include"], "Python.h").is_file())' \
    || fail "Python.h is missing. Debian/Ubuntu: apt-get install python3-dev"
  echo "install_horovod: building Horovod $version for $key (7 to 14 minutes on 2 cores; kept in $cache)"
  work="$(mktemp -d)"
  trap 'rm -rf "$work"' EXIT
  "$python" -m pip install --quiet setuptools wheel packaging cloudpickle psutil pyyaml cffi cmake
  PATH="$(dirname "$python"):$PATH"; export PATH
  echo "horovod==$version --hash=sha256:$sha256" > "$work/requirement.txt"
  "$python" -m pip download --quiet --no-deps --no-binary :all: --no-build-isolation --require-hashes \
    --dest "$work" --requirement "$work/requirement.txt"
  tar -xzf "$work/horovod-$version.tar.gz" -C "$work"
  for file in CMakeLists.txt horovod/torch/CMakeLists.txt; do
    path="$work/horovod-$version/$file"
    [[ "$(grep -c 'set(CMAKE_CXX_STANDARD 14)' "$path")" == 1 ]] || fail "$file of the sources is not the one expected."
    sed -i 's/set(CMAKE_CXX_STANDARD 14)/set(CMAKE_CXX_STANDARD 17)/' "$path"
  done
  for header in horovod/common/common.h horovod/common/group_table.h; do # gcc 13 no longer includes these by itself
    sed -i '0,/#include </s//#include <stdexcept>\n#include <string>\n#include </' "$work/horovod-$version/$header"
  done
  export HOROVOD_WITH_PYTORCH=1 HOROVOD_WITHOUT_TENSORFLOW=1 HOROVOD_WITHOUT_MXNET=1
  export HOROVOD_WITH_GLOO=1 HOROVOD_WITHOUT_MPI=1 HOROVOD_WITHOUT_NVTX=1
  export CMAKE_POLICY_VERSION_MINIMUM=3.5 LDFLAGS=-Wl,-s
  MAKEFLAGS="-j$(nproc)"; export MAKEFLAGS
  if [[ "$key" == *-cuda* ]]; then
    command -v nvcc >/dev/null || {
      echo "install_horovod: torch is a CUDA build but nvcc is not on the PATH: install the CUDA toolkit and NCCL." >&2
      exit 3
    }
    export HOROVOD_GPU_OPERATIONS=NCCL
  fi
  "$python" -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir "$work/out" "$work/horovod-$version" \
    > "$work/build.log" 2>&1 || { tail -n 40 "$work/build.log" >&2; fail "the build failed; its last lines are above."; }
  mv "$work"/out/horovod-*.whl "$cache/"
  wheel="$(find "$cache" -maxdepth 1 -name 'horovod-*.whl' | head -n 1)"
fi
"$python" -m pip install --quiet --no-deps --force-reinstall "$wheel"
"$python" -m pip install --quiet cloudpickle psutil pyyaml cffi packaging setuptools
"$python" -c 'import horovod.torch as hvd; hvd.init(); assert hvd.size() == 1; hvd.shutdown()' \
  || fail "the wheel does not load. Remove $cache and run this again."
echo "install_horovod: Horovod $version is in $("$python" -c 'import sys; print(sys.prefix)')"
