#!/usr/bin/env bash
# Install the test extras, PostgreSQL and Horovod, and run everything that a change must pass: scripts/lint.sh, then the
# tests, which may leave no process, no temporary file and no lock behind (scripts/leftovers.py).
# Horovod is built once per Python and torch (7 to 14 minutes on 2 cores) and comes from a cache afterwards.
#
# Usage: scripts/test.sh [PYTEST ARGUMENT …]      such as tests/medl/conf, or -k resume
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
scripts/setup.sh test || exit $?
# Without a CUDA toolkit a CUDA build of torch gets no Horovod: its tests are then skipped, and say so.
scripts/install_horovod.sh || { code=$?; ((code == 3)) || exit "$code"; }
scripts/install_postgresql.sh
lint=0
scripts/lint.sh || lint=1

# Two test processes with one thread each: threads beyond the cores only wait for each other.
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMEXPR_NUM_THREADS=1
export PATH="$PWD/.venv/bin:$PATH"
python scripts/leftovers.py python -m pytest -n 2 --dist loadscope "$@" || exit $?
if ((lint)); then
  echo "test: the tests passed, scripts/lint.sh did not; see above." >&2
  exit 1
fi
