#!/usr/bin/env bash
# Train an archive on several GPUs, one process each:  NGPU=0,1 commands/train_multi_gpu.sh [epochs=5 …]
set -euo pipefail
# shellcheck source=commands/set_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_env.sh"
# shellcheck source=commands/set_ranks.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_ranks.sh"
exec "${RANKS[@]}" "$PYTHON" -u -m medl.apps.train -m "$MMAR_ROOT" --write_train_stats --set print_conf=True multi_gpu=True "$@"
