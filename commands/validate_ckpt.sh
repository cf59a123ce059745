#!/usr/bin/env bash
# Score the checkpoint on the validation list, tables into eval/:  commands/validate_ckpt.sh [MMAR_CKPT=models/final_model.pt …]
set -euo pipefail
# shellcheck source=commands/set_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_env.sh"
exec "$PYTHON" -u -m medl.apps.evaluate -m "$MMAR_ROOT" -c config/config_validation_ckpt.json --set print_conf=True "$@"
