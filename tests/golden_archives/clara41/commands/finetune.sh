#!/usr/bin/env bash
my_dir="$(dirname "$0")"
. $my_dir/set_env.sh

echo "MMAR_ROOT set to $MMAR_ROOT"
additional_options="$*"

python3 -u -m medl.apps.train \
    -m $MMAR_ROOT \
    -c config/config_finetune.json \
    -e config/environment.json \
    --write_train_stats \
    --set \
    print_conf=True \
    use_gpu=True \
    multi_gpu=False \
    dont_load_ckpt_model=False \
    MMAR_CKPT_DIR=models/finetuned \
    ${additional_options}
