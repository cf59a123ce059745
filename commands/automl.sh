#!/usr/bin/env bash
# Search an archive:  commands/automl.sh run_id=a workers=0:1 [--automlconf FILE] [--dry-run] [NAME=VALUE …]
set -euo pipefail
# shellcheck source=commands/set_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_env.sh"
exec "$PYTHON" -u -m medl.apps.automl.train -m "$MMAR_ROOT" --set "$@"
