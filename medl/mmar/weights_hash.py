"""What identifies a checkpoint: its bytes, and the numbers in it whatever else it holds."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medl.mmar.contents import hash_of

CHECKPOINTS = ("model.pt", "final_model.pt")
"""The best weights and the last ones, in the folder of the checkpoints."""
_CHUNK = 1 << 20


def checkpoints(folder: Path) -> dict[str, dict[str, Any]]:
    """Return, for each checkpoint of a training that there is, its ``bytes``, ``sha256`` and ``weights_sha256``."""
    found = {}
    for name in CHECKPOINTS:
        path = folder / name
        if (digest := hash_of(path)) is not None:
            found[name] = {"bytes": path.stat().st_size, "sha256": digest, "weights_sha256": weights_hash(path)}
    return found


def weights_hash(path: Path) -> str | None:
    """Return the SHA-256 of a checkpoint's tensors as torch stored them, in their order; ``None`` for another format.

    The config that lies beside the weights in a checkpoint names folders, so the same weights in another archive are
    other bytes of the file, but the same here. Nothing of the file is unpickled.
    """
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(path) as stored:
            tensors = _tensors({info.filename: info for info in stored.infolist()})
            for number in sorted(tensors):
                digest.update(f"{number}:{tensors[number].file_size}\n".encode())
                with stored.open(tensors[number]) as stream:
                    while chunk := stream.read(_CHUNK):
                        digest.update(chunk)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return None
    return digest.hexdigest() if tensors else None


def _tensors(entries: Mapping[str, zipfile.ZipInfo]) -> dict[int, zipfile.ZipInfo]:
    """Return the entries ``<name>/data/<number>`` by their number; deflated ones are not torch's."""
    found = {}
    for name, info in entries.items():
        parts = name.split("/")
        if len(parts) == 3 and parts[1] == "data" and parts[2].isdecimal() and info.compress_type == zipfile.ZIP_STORED:
            found[int(parts[2])] = info
    return found
