"""MedMNIST's ``.npz`` files made into pictures and a data list, with the parts that they came in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medl.errors import ConfigError, Problem

PARTS = {"training": "train", "validation": "val", "test": "test"}


def write_pictures(file: Path, out: Path) -> dict[str, list[dict[str, Any]]]:
    """Write each image as ``images/training_0000.png``, and return the items of each part.

    Args:
        file: a 2D set with ``train_images``, ``train_labels`` and the same of ``val`` and ``test``. Source: Yang et al.
            2023, MedMNIST v2, Scientific Data 10:41.
        out: a folder without ``images``.

    Raises:
        ConfigError: it is no such file, or the pictures are already there.
    """
    import numpy as np
    from PIL import Image

    if (out / "images").exists():
        raise ConfigError(Problem("no file is overwritten", str(out / "images"), remedy="Choose another place."))
    names = [f"{short}_{what}" for short in PARTS.values() for what in ("images", "labels")]
    try:
        with np.load(file, allow_pickle=False) as content:
            missing = [name for name in names if name not in content]
            if missing:
                raise ConfigError(Problem("a MedMNIST file has images and labels", str(file), "", missing))
            arrays = {name: content[name] for name in names}
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:120]
        raise ConfigError(Problem(f"the file is a whole .npz: {reason}", str(file))) from None
    (out / "images").mkdir(parents=True)
    lists: dict[str, list[dict[str, Any]]] = {}
    for part, short in PARTS.items():
        images, labels = arrays[f"{short}_images"], arrays[f"{short}_labels"]
        if images.ndim not in (3, 4) or images.dtype != np.uint8 or len(images) != len(labels):
            value = f"{images.shape} {images.dtype}"
            raise ConfigError(
                Problem("pictures are arrays of bytes, one label each", str(file), f"{short}_images", value)
            )
        width = len(str(len(images)))
        for number, (image, label) in enumerate(zip(images, labels.reshape(len(labels), -1), strict=True)):
            path = out / "images" / f"{part}_{number:0{width}d}.png"
            Image.fromarray(image).save(path)
            classes = [int(v) for v in label]
            lists.setdefault(part, []).append({"image": path, "label": classes[0] if len(classes) == 1 else classes})
    return lists
