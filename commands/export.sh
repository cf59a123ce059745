#!/usr/bin/env bash
# Export the trained network:  commands/export.sh [--input_shape "[1,1,160,160,160]"] [--format onnx|torchexport|bundle]
set -euo pipefail
# shellcheck source=commands/set_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/set_env.sh"
exec "$PYTHON" -u -m medl.apps.export -m "$MMAR_ROOT" -c config/config_train.json -e config/environment.json "$@"
