#!/usr/bin/env bash
# Check the sources without running them: ruff, mypy, and shellcheck. All of them, then the verdict.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
scripts/setup.sh test || exit $?
export PATH="$PWD/.venv/bin:$PATH"

failed=0
check() {
  echo "== $*"
  "$@" || failed=1
}
check ruff check --quiet .
check ruff format --check --quiet .
check mypy --no-error-summary
check shellcheck -x commands/*.sh scripts/*.sh .ci/run
exit "$failed"
