"""Which row of a table of scores is which case: the image's path in the data folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_FILE = "filename_or_obj"


class CaseNames:
    """MetricsSaver's ``batch_transform`` where the config gives none.

    Args:
        folder: what paths in it are shown relative to.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def __call__(self, batch: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
        """Return for each case an object with its file, in the form that MONAI's handlers read."""
        return [{_FILE: self._name(item)} for item in batch]

    def _name(self, item: Mapping[str, Any]) -> str:
        for value in (item.get("image"), *item.values()):
            path = getattr(value, "meta", {}).get(_FILE)
            if path:
                return shown_path(str(path), self.folder)
        return ""


def shown_path(path: str, folder: Path) -> str:
    """Return a file's path as it is shown: relative to ``folder`` where it lies in it, else whole."""
    whole = os.path.abspath(path)
    inside = os.path.relpath(whole, os.path.abspath(folder))
    return whole if inside.startswith("..") else inside
