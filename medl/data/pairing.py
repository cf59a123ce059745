"""Which label belongs to which image: by the names of their files."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medl.data.patients import stem
from medl.data.volume import PICTURES
from medl.errors import ConfigError, Problem, near_names

ENDINGS = (".nii", ".nii.gz", ".dcm", ".npy", ".npz", ".nrrd", ".mha", *PICTURES)
SHOWN = 10
_MODALITY = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")
"""How nnU-Net names the channels of one case: ``case_0000``, ``case_0001``."""
_LABEL = re.compile(r"[-_.](seg|label|labels|mask|gt|segmentation)$", re.IGNORECASE)


def image_files(folder: Path) -> list[Path]:
    """Return the images in a folder and its sub-folders, in the order of their paths.

    A sub-folder whose files are DICOM is one image, and so is ``folder`` itself never.

    Raises:
        ConfigError: there is no such folder, or it has no image.
    """
    if not folder.is_dir():
        raise ConfigError(Problem("the folder has to exist", str(folder)))
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        images = sorted(name for name in names if name.lower().endswith(ENDINGS) and not name.startswith("."))
        here = Path(place)
        if here != folder and images and all(name.lower().endswith(".dcm") for name in images) and len(images) > 1:
            found.append(here)
        else:
            found += [here / name for name in images]
    if not found:
        endings = ", ".join(ENDINGS)
        raise ConfigError(Problem("the folder has images", str(folder), remedy=f"Looked for {endings}."))
    return sorted(found)


def pair(images: Path, labels: Path | None) -> list[dict[str, Any]]:
    """Return an item for each image, with its label; paths are those of the files found.

    Image and label belong together where their paths below their folders are the same without endings, where the
    label's has ``_seg``, ``_label``, ``_mask`` or ``_gt`` after it, or the image's is nnU-Net's ``case_0000``: images
    with such numbers are the channels of one case.

    Raises:
        ConfigError: an image has no label, a label has no image, or two files have one name.
    """
    cases = _cases(images)
    if labels is None:
        return [{"image": paths[0] if len(paths) == 1 else paths} for _, paths in sorted(cases.items())]
    found, problems = _named(labels), []
    bare: dict[str, list[str]] = {}
    for name in found:
        bare.setdefault(_LABEL.sub("", name), []).append(name)
    items, used = [], set()
    alone = []
    for name, paths in sorted(cases.items()):
        candidates = [name] if name in found else bare.get(_LABEL.sub("", name), [])
        if len(candidates) != 1:
            alone.append((name, paths[0], candidates))
            continue
        used.add(candidates[0])
        items.append({"image": paths[0] if len(paths) == 1 else paths, "label": found[candidates[0]]})
    for name, path, candidates in alone[:SHOWN]:
        value = f"{len(candidates)}: {', '.join(candidates[:4])}" if candidates else "no label of that name"
        near = near_names(name, set(found) - used, 1)
        problems.append(Problem("an image has one label", os.path.relpath(path, images), value=value, near=near))
    if len(alone) > SHOWN:
        problems.append(Problem(f"{len(alone) - SHOWN} more images without one label", str(images)))
    left = sorted(set(found) - used)
    if left and not alone:
        value = ", ".join(left[:SHOWN])
        problems.append(Problem(f"a label has an image ({len(left)} without)", str(labels), value=value))
    if problems:
        raise ConfigError(problems)
    return items


def classes(folder: Path) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return an item for each image in a folder of one sub-folder per class, and the class names by number.

    Raises:
        ConfigError: there are less than two such sub-folders, or one is empty.
    """
    if not folder.is_dir():
        raise ConfigError(Problem("the folder has to exist", str(folder)))
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(names) < 2:
        value = ", ".join(names) or "none"
        raise ConfigError(
            Problem("the folder has a sub-folder for each of two or more classes", str(folder), "", value)
        )
    items = []
    for number, name in enumerate(names):
        items += [{"image": path, "label": number} for path in image_files(folder / name)]
    return items, {str(number): name for number, name in enumerate(names)}


def _cases(folder: Path) -> dict[str, list[Path]]:
    """Return the images of each case: several where they are nnU-Net's channels."""
    found = _named(folder)
    numbered = {name: match for name in found if (match := _MODALITY.fullmatch(name))}
    if len(numbered) < len(found):
        return {name: [path] for name, path in found.items()}
    cases: dict[str, list[Path]] = {}
    for name, match in sorted(numbered.items()):
        cases.setdefault(match["case"], []).append(found[name])
    counts = {len(paths) for paths in cases.values()}
    if len(counts) > 1:
        value = ", ".join(map(str, sorted(counts)))
        raise ConfigError(Problem("each case has the same number of channels", str(folder), "", value))
    return cases


def _named(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    problems = []
    for path in image_files(folder):
        name = stem(os.path.relpath(path, folder))
        if name in found:
            value = f"{found[name].name} and {path.name}"
            problems.append(Problem("one file has a name, whatever its ending", str(folder), "", value))
        found[name] = path
    if problems:
        raise ConfigError(problems[:SHOWN])
    return found


def paths_in(file: Path) -> Sequence[str]:
    """Return the lines of a text file of paths, without empty ones and ``#`` comments.

    Raises:
        ConfigError: it cannot be read, or has none.
    """
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(Problem(f"the file cannot be read: {reason}", str(file))) from None
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise ConfigError(Problem("the file has a path on each line", str(file)))
    return found
