#!/usr/bin/env bash
# The console of a running search:  commands/automl_admin.sh [run_id=a] [--host localhost --port 33330] [--prompt 'AutoML> ']
set -euo pipefail
# shellcheck source=commands/set_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_env.sh" >&2 # standard output is the console's alone
exec "$PYTHON" -u -m medl.apps.automl.admin -m "$MMAR_ROOT" "$@"
