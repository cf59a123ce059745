#!/usr/bin/env bash
# Score the checkpoint on several GPUs:  NGPU=0,1 commands/validate_multi_gpu_ckpt.sh [NAME=VALUE …]
set -euo pipefail
# shellcheck source=commands/set_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_env.sh"
# shellcheck source=commands/set_ranks.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_ranks.sh"
exec "${RANKS[@]}" "$PYTHON" -u -m medl.apps.evaluate -m "$MMAR_ROOT" -c config/config_validation_ckpt.json --set print_conf=True multi_gpu=True "$@"
