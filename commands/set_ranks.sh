# shellcheck shell=bash
# Sourced after set_env.sh by the commands that use several GPUs: sets RANKS, the words that start one process for each
# of the GPUs in NGPU (0,1 where it is not set).
"$PYTHON" -c 'import sys; from medl.horovod import fault_message; sys.exit(fault_message())' || exit 2
export CUDA_VISIBLE_DEVICES="${NGPU:-0,1}"
count="$(awk -F, '{print NF}' <<<"$CUDA_VISIBLE_DEVICES")"
# shellcheck disable=SC2034
RANKS=("$PYTHON" -m horovod.runner.launch -np "$count" -H "localhost:$count" --gloo)
