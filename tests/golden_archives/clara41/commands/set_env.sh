#!/usr/bin/env bash
MMAR_ROOT="${MMAR_ROOT:-$my_dir/..}"
export PYTHONPATH="$PYTHONPATH:/opt/nvidia:$MMAR_ROOT/custom"
