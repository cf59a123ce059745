#!/usr/bin/env bash
# Check the sources without running them: ruff, mypy, and shellcheck where it is installed. All of them, then the verdict.
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
if command -v shellcheck >/dev/null; then check shellcheck -x commands/*.sh scripts/*.sh .ci/run; fi
exit "$failed"
