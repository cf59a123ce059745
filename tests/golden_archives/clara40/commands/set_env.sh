#!/usr/bin/env bash
MMAR_ROOT="${MMAR_ROOT:-$my_dir/..}"
export PYTHONPATH="$PYTHONPATH:/opt/nvidia:/opt/nvidia/medical:$MMAR_ROOT/custom"
