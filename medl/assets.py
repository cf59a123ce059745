"""Where the data folders of the project lie: config/, commands/ and mmar_template/."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from medl.errors import MedlError


def asset(name: Literal["config", "commands", "mmar_template"]) -> Path:
    """Return the folder ``name`` of the installed package or of the source checkout.

    In a wheel the folders lie inside the package (see the package map in setup.cfg), in a checkout beside it.

    Raises:
        MedlError: neither place has the folder.
    """
    here = Path(__file__).resolve().parent
    for root in (here, here.parent):
        if (root / name).is_dir():
            return root / name
    raise MedlError(f'the folder "{name}" is neither in {here} nor in {here.parent}: reinstall medl.')
