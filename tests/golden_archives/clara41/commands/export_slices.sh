#!/usr/bin/env bash
my_dir="$(dirname "$0")"
. $my_dir/set_env.sh

echo "MMAR_ROOT set to $MMAR_ROOT"
additional_options="$*"

python3 -u -m medl.apps.export \
    -m $MMAR_ROOT \
    -c config/config_train_slices.json \
    -e config/environment.json \
    --model_path "${MMAR_ROOT}/models/slices/model.pt" \
    --output_path "${MMAR_ROOT}/models/slices/model.ts" \
    --input_shape "[1, 3, 64, 64]" \
    ${additional_options}
