"""Whether the Horovod that is installed here can be used. Imports neither torch nor Horovod."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from pathlib import Path

INSTALL = "scripts/install_horovod.sh"
HOST_GPUS = "MEDL_HOST_GPUS"
"""Variable that holds ``hostA/0,1+hostB/2,3`` for the ranks of a job on several hosts: horovodrun gives all of them the
same environment, CUDA_VISIBLE_DEVICES too."""


def horovod_fault() -> str | None:
    """Return in one line why several processes cannot train through Horovod here, or ``None`` where they can.

    A built Horovod works with the one torch that it was built against and does not say so itself; loading it with
    another ends in an undefined symbol. Its ``metadata.json`` holds that torch's version.
    """
    spec = importlib.util.find_spec("horovod")
    if spec is None or not spec.submodule_search_locations:
        return "Horovod is not installed"
    try:
        text = (Path(spec.submodule_search_locations[0]) / "metadata.json").read_text(encoding="utf-8")
        built = json.loads(text).get("pytorch")
    except (OSError, ValueError, AttributeError):
        built = None
    if not isinstance(built, str):
        return "the installed Horovod was built without torch"
    try:
        present = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return "torch is not installed"
    if built != present:
        return f"the installed Horovod was built for torch {built}, but torch here is {present}"
    return None


def fault_message() -> str | None:
    """Return what a user reads where :func:`horovod_fault` finds something, with the remedy."""
    fault = horovod_fault()
    return None if fault is None else f"{fault}. Build it for this torch with {INSTALL}, or train in one process."
