#!/usr/bin/env bash
# Train an archive with its own values:  commands/train.sh [epochs=5 …] [-c config/my_train.json]
set -euo pipefail
# shellcheck source=commands/set_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_env.sh"
exec "$PYTHON" -u -m medl.apps.train -m "$MMAR_ROOT" --write_train_stats --set print_conf=True "$@"
