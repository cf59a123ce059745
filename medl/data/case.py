"""One case looked at: every file of one item read, and what is wrong with it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medl.data.geometry import TOLERANCE, differences
from medl.data.volume import PICTURES, Unreadable, Volume, read_volume
from medl.errors import Problem

if TYPE_CHECKING:
    import numpy as np

MANY = 64
"""More label values than this are no classes."""
_FILES = (".nii", ".nii.gz", ".dcm", ".npy", ".npz", ".nrrd", ".mha", ".mhd", *PICTURES)


@dataclass(frozen=True)
class Case:
    """What one item of a data list holds.

    Attributes:
        part: the list it is in, such as ``training``.
        place: its place in the data list, such as ``training[3]``.
        name: its image's path, relative to the data's folder.
        shape: of the image, in voxels.
        spacing: of the image, in mm; empty where unknown.
        orientation: of the image's axes; empty where unknown.
        kind: what kind of file the image is.
        channels: number of image files or channels.
        span: least and greatest value of the image.
        labels: label values, or the class; ``None`` where there is no label.
        notes: what need not be mended.
        problems: what has to be mended before a training.
        content: hash of the voxels of each image.
        patient: a token of the patient; empty where unknown.
    """

    part: str
    place: str
    name: str
    shape: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    orientation: str = ""
    kind: str = ""
    channels: int = 1
    span: tuple[float, float] | None = None
    labels: tuple[Any, ...] | None = None
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    content: tuple[str, ...] = ()
    patient: str = ""


@dataclass
class _Look:
    """What is gathered while one case is looked at."""

    file: str
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, place: str, rule: str, value: str = "", remedy: str = "") -> None:
        self.problems.append(Unreadable(rule, value, remedy).problem(self.file, place))


def look(
    item: Mapping[str, Any], part: str, place: str, base: Path, file: str, *, tolerance: float = TOLERANCE
) -> Case:
    """Return what an item holds; nothing that is wrong with its files is raised.

    Args:
        item: image and label paths, relative to ``base``; a label may be a class in place of a path.
        part: the list that the item is in.
        place: its JSON path in the data list.
        base: the folder of the data.
        file: the data list's name in messages.
        tolerance: see :func:`medl.data.geometry.differences`.
    """
    gathered = _Look(file)
    names = _texts(item.get("image"))
    images: list[Volume] = []
    for number, name in enumerate(names):
        at = f"{place}.image" if len(names) == 1 else f"{place}.image[{number}]"
        volume = _read(name, base, at, gathered)
        if volume is not None:
            _check_image(volume, _shown(name, base), at, gathered)
            images.append(volume)
    for number, other in enumerate(images[1:], start=1):
        for difference in differences(images[0], other, tolerance):
            text = difference.replace("label", f"image {number}")
            gathered.wrong(f"{place}.image[{number}]", "the images of a case lie on one grid", text)
    labels = _look_at_label(item.get("label"), images, place, base, gathered, tolerance)
    first = images[0] if images else None
    said = item.get("patient", item.get("patient_id", ""))
    return Case(
        part=part,
        place=place,
        name=_shown(names[0], base) if names else "",
        shape=first.shape if first else (),
        spacing=first.spacing if first and first.located else (),
        orientation=first.orientation if first else "",
        kind=first.kind if first else "",
        channels=len(names) if len(names) > 1 else _channels(first),
        span=_span(first.array) if first else None,
        labels=labels,
        notes=tuple(dict.fromkeys(note for volume in images for note in volume.notes)) + tuple(gathered.notes),
        problems=tuple(gathered.problems),
        content=tuple(_hash(volume.array) for volume in images),
        patient=str(said) if said not in ("", None) else (first.patient if first else ""),
    )


def label_values(volume: Volume) -> tuple[float, ...]:
    """Return the values in a label, in order; at most one more than :data:`MANY`."""
    import numpy as np

    return tuple(float(value) for value in np.unique(volume.array)[: MANY + 1])


def _read(name: str, base: Path, place: str, gathered: _Look) -> Volume | None:
    shown = _shown(name, base)
    try:
        volume = read_volume(Path(os.path.join(base, name)))
    except Unreadable as error:
        rule = f"{shown}: {error.rule}"
        gathered.wrong(place, rule, error.value, error.remedy)
        return None
    except (OSError, MemoryError) as error:
        gathered.wrong(place, f"{shown}: the file can be read", getattr(error, "strerror", "") or type(error).__name__)
        return None
    if volume is None:
        gathered.notes.append(f"{Path(name).suffix or 'this kind of file'} is not looked into")
        return None
    if volume.misread:
        remedy = "Make NIfTI of it with `medl data dicom`."
        gathered.wrong(place, f"{shown}: a training reads what is checked here", volume.misread, remedy)
    return volume


def _check_image(volume: Volume, shown: str, place: str, gathered: _Look) -> None:
    import numpy as np

    array = volume.array
    if array.dtype.kind == "f":
        wrong = int(array.size - np.count_nonzero(np.isfinite(array)))
        if wrong:
            value = f"{wrong} of {array.size} NaN or infinite"
            gathered.wrong(
                place, f"{shown}: the voxels of an image are finite", value, "Replace them, or leave it out."
            )
            return
    elif array.dtype.kind not in "biu":
        gathered.wrong(place, f"{shown}: voxels are numbers", str(array.dtype))
        return
    low, high = array.min(), array.max()
    if low == high:
        value = f"{float(low):.6g} everywhere"
        gathered.wrong(place, f"{shown}: an image is not constant", value, "Leave the case out, or find its image.")


def _look_at_label(
    value: Any, images: Sequence[Volume], place: str, base: Path, gathered: _Look, tolerance: float
) -> tuple[Any, ...] | None:
    if value is None:
        return None
    texts = _texts(value)
    if not texts or not all(text.lower().endswith(_FILES) or (base / text).exists() or "/" in text for text in texts):
        return tuple(value) if isinstance(value, list) else (value,)
    found: set[float] = set()
    for number, name in enumerate(texts):
        at = f"{place}.label" if len(texts) == 1 else f"{place}.label[{number}]"
        label = _read(name, base, at, gathered)
        if label is None:
            continue
        values = label_values(label)
        if any(v != v or v != int(v) for v in values if abs(v) != float("inf")) or float("inf") in map(abs, values):
            text = ", ".join(f"{v:.4g}" for v in values[:6]) + (" …" if len(values) > 6 else "")
            remedy = "Was it resampled with interpolation? Make it again with nearest neighbours."
            gathered.wrong(at, f"{_shown(name, base)}: label values are whole numbers", text, remedy)
        elif values and values[0] < 0:
            gathered.wrong(at, f"{_shown(name, base)}: label values are not negative", f"{values[0]:.4g}")
        elif len(values) > MANY:
            rule, text = f"{_shown(name, base)}: a label has at most {MANY} values", "more"
            gathered.wrong(at, rule, text, "Is it an image in place of a label?")
        elif len(values) == 1:
            gathered.notes.append("empty label" if values[0] == 0 else f"label {values[0]:g} everywhere")
        for difference in differences(images[0], label, tolerance) if images else ():
            rule = f"{_shown(name, base)}: a label lies on its image's grid"
            gathered.wrong(at, rule, difference, "Resample it onto the image's grid, with nearest neighbours.")
        found |= set(values)
    return tuple(int(v) if v == v and abs(v) != float("inf") and v == int(v) else v for v in sorted(found))


def _shown(name: str, base: Path) -> str:
    """Return a path relative to the data's folder; of one outside of it only its last two parts."""
    whole = os.path.join(base, name)
    relative = os.path.relpath(whole, base)
    return relative if not relative.startswith("..") else os.path.join("…", *Path(whole).parts[-2:])


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _channels(volume: Volume | None) -> int:
    if volume is None:
        return 1
    count = 1
    for length in volume.array.shape[volume.spatial :]:
        count *= int(length)
    return count


def _span(array: np.ndarray[Any, Any]) -> tuple[float, float] | None:
    import numpy as np

    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    return (float(finite.min()), float(finite.max())) if finite.size else None


def _hash(array: np.ndarray[Any, Any]) -> str:
    """Return a hash of shape and values, the same however the values are stored."""
    import numpy as np

    digest = hashlib.blake2b(repr(array.shape).encode(), digest_size=16)
    for part in array if array.ndim > 2 else (array,):
        digest.update(np.ascontiguousarray(part, dtype=np.float32).tobytes())
    return digest.hexdigest()
