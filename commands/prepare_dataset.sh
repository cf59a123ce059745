#!/usr/bin/env bash
# Make a data list for the archive, split by patient:  commands/prepare_dataset.sh folders IMAGES LABELS [--validation 0.2 …]
set -euo pipefail
# shellcheck source=commands/set_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_env.sh"
exec "$PYTHON" -u -m medl.apps.data -m "$MMAR_ROOT" "$@"
