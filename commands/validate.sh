#!/usr/bin/env bash
# Score the exported network on the validation list, tables into eval/:  commands/validate.sh [NAME=VALUE …]
set -euo pipefail
# shellcheck source=commands/set_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_env.sh"
exec "$PYTHON" -u -m medl.apps.evaluate -m "$MMAR_ROOT" -c config/config_validation.json --set print_conf=True "$@"
