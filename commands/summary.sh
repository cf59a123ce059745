#!/usr/bin/env bash
# Print the table of a search, while it runs or afterwards:  commands/summary.sh run_id=a [--json]
set -euo pipefail
# shellcheck source=commands/set_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_env.sh" >&2 # standard output is the table alone
exec "$PYTHON" -u -m medl.apps.automl.summary -m "$MMAR_ROOT" "$@"
