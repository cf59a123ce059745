# shellcheck shell=bash
# Sourced by the other commands: sets MMAR_ROOT (the archive) and PYTHON. The one file here that is meant to be edited.
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export PYTHONSAFEPATH=1 # a torch.py that lies in the current folder is nobody's torch
has_medl() { [[ -n $1 ]] && "$1" -c "import medl.components" 2>/dev/null; }

# Python: MEDL_PYTHON; else the one that ran this job, the active one, the nearest .venv, which a checkout makes or updates.
ran_by="$(sed -n 's/^  "python": "\(.*\)",$/\1/p' "$here/record.json" 2>/dev/null || true)"
for PYTHON in "${MEDL_PYTHON:-$ran_by}" "${MEDL_PYTHON:-python3}" ""; do ! has_medl "$PYTHON" || break; done
if [[ -z $PYTHON && -z ${MEDL_PYTHON:-} ]]; then
  [[ ! -x $here/scripts/setup.sh ]] || "$here/scripts/setup.sh"
  folder="$here"
  until [[ -x $folder/.venv/bin/python || $folder == / ]]; do folder="$(dirname "$folder")"; done
  PYTHON="$folder/.venv/bin/python"
fi
has_medl "$PYTHON" || { echo "medl is not installed: activate its environment, or give MEDL_PYTHON=<its python>." >&2; exit 2; }

if [[ ! -d $here/mmar_template ]]; then
  MMAR_ROOT="$here" # the commands of an archive work on that archive
elif [[ -z ${MMAR_ROOT:-} ]]; then
  MMAR_ROOT="$PWD"
  [[ -f $PWD/config/config_train.json || -f $PWD/config/config_automl.json ]] || MMAR_ROOT="$here/demo"
  [[ $MMAR_ROOT != "$here/demo" || -d $MMAR_ROOT ]] ||
    "$PYTHON" -m medl.apps.new "$MMAR_ROOT" >/dev/null || exit
fi
export MMAR_ROOT PYTHONPATH="$MMAR_ROOT/custom${PYTHONPATH:+:$PYTHONPATH}"
echo "MMAR_ROOT set to $MMAR_ROOT"
