"""Which data a training reads: a hash of each file's content, without the names of the files."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medl.conf.data_list import listed_files
from medl.conf.sections import SECTIONS, enabled
from medl.errors import MedlError
from medl.mmar.contents import Contents, hash_of, hash_of_all


def data_of(
    config: Mapping[str, Any], root: Path, stop: threading.Event | None = None, cache: Path | None = None
) -> list[dict[str, Any]]:
    """Return the content hashes of all data that a config's datasets name, one entry for each data list and folder.

    Files are named by their place in the list (``training[0].image``) and by nothing else, so that no name of a file,
    which may be a patient's, is written down.

    Args:
        config: the config in its normal form, variables in.
        root: the archive.
        stop: once it is set, files whose hash is not known are left at ``None``.
        cache: where hashes are kept; the user's own folder where it is not given.
    """
    found = []
    for (file, folder), keys in data_lists(config, root).items():
        began = time.thread_time()
        pairs: list[tuple[str, str]] = []
        for key in keys:
            try:
                pairs += listed_files(Path(file), key, Path(folder))
            except MedlError:
                continue  # the check has said it
        contents = Contents(Path(folder), cache)
        hashes = contents.hashes(pairs, stop)
        found.append(
            {
                "list": os.path.relpath(file, root),
                "list_sha256": hash_of(file),
                "keys": list(keys),
                "files": hashes,
                "sha256": None if None in hashes.values() else hash_of_all(hashes),
                "read_mb": round(contents.read / 1e6, 3),
                "cpu_s": round(time.thread_time() - began, 4),
            }
        )
    return found


def data_lists(config: Mapping[str, Any], root: Path) -> dict[tuple[str, str], Sequence[str]]:
    """Return (data list, folder that its paths start from) to the names of the lists that a config uses of it."""
    found: dict[tuple[str, str], list[str]] = {}
    for section in SECTIONS:
        dataset = enabled((config.get(section) or {}).get("dataset"))
        if not isinstance(dataset, Mapping):
            continue
        file, key = dataset.get("data_list_file_path"), dataset.get("data_list_key")
        base = dataset.get("data_file_base_dir")
        if not isinstance(file, str) or not isinstance(key, str) or not file or not key:
            continue
        path = os.path.join(root, file)
        folder = os.path.join(root, base) if isinstance(base, str) and base else os.path.dirname(path)
        keys = found.setdefault((os.path.normpath(path), os.path.normpath(folder)), [])
        if key not in keys:
            keys.append(key)
    return {place: tuple(keys) for place, keys in found.items()}
