#!/usr/bin/env bash
# Score the exported network on several GPUs:  NGPU=0,1 commands/validate_multi_gpu.sh [NAME=VALUE …]
set -euo pipefail
# shellcheck source=commands/set_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_env.sh"
"$PYTHON" -c 'import sys; from medl.horovod import fault_message; sys.exit(fault_message())' || exit 2
export CUDA_VISIBLE_DEVICES="${NGPU:-0,1}"
ranks="$(awk -F, '{print NF}' <<<"$CUDA_VISIBLE_DEVICES")"
exec "$PYTHON" -m horovod.runner.launch -np "$ranks" -H "localhost:$ranks" --gloo \
  "$PYTHON" -u -m medl.apps.evaluate -m "$MMAR_ROOT" -c config/config_validation.json --set print_conf=True multi_gpu=True "$@"
