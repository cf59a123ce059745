#!/usr/bin/env bash
# Run the job that this archive is once more, by hand. A search starts its jobs itself, with the same arguments.
set -euo pipefail
# shellcheck source=commands/set_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_env.sh"
exec "$PYTHON" -u -m medl.apps.train -m "$MMAR_ROOT" -c config/config_train.json -e config/environment.json \
  --write_train_stats --set print_conf=True "$@"
