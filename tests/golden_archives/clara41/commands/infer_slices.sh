#!/usr/bin/env bash
my_dir="$(dirname "$0")"
. $my_dir/set_env.sh

echo "MMAR_ROOT set to $MMAR_ROOT"
additional_options="$*"

rm -R ${MMAR_ROOT}/eval

python3 -u -m medl.apps.evaluate \
    -m $MMAR_ROOT \
    -c config/config_inference_slices.json \
    -e config/environment.json \
    --set \
    print_conf=True \
    use_gpu=True \
    multi_gpu=False \
    MMAR_CKPT=models/slices/model.pt \
    ${additional_options}
