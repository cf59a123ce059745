#!/usr/bin/env bash
# Write the predictions of the test list into eval/:  commands/infer.sh [MMAR_EVAL_OUTPUT_PATH=eval/new …]
set -euo pipefail
# shellcheck source=commands/set_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_env.sh"
exec "$PYTHON" -u -m medl.apps.evaluate -m "$MMAR_ROOT" -c config/config_inference.json --set print_conf=True "$@"
