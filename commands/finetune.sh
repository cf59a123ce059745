#!/usr/bin/env bash
# Train on from the weights in models/model.pt, new ones into models/finetuned:  commands/finetune.sh [epochs=5 MMAR_CKPT=FILE …]
set -euo pipefail
# shellcheck source=commands/set_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_env.sh"
exec "$PYTHON" -u -m medl.apps.train -m "$MMAR_ROOT" -c config/config_finetune.json --write_train_stats \
  --set print_conf=True MMAR_CKPT_DIR=models/finetuned "$@"
