"""A tree of DICOM files made into NIfTI images and labels, which hold no tag and name nobody."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from medl.data.nifti import write_nifti
from medl.data.segmentation import read_segmentation, segment_names
from medl.data.series import Series, find_series, read_series
from medl.data.volume import Unreadable
from medl.errors import ConfigError, Problem, near_names


@dataclass(frozen=True)
class Converted:
    """One series made into files.

    Attributes:
        image: the NIfTI image.
        label: the NIfTI label; ``None`` where no segmentation refers to the series.
        patient: a token of the patient; empty where the files name none.
    """

    image: Path
    label: Path | None
    patient: str


def find_tree(tree: Path) -> list[Series]:
    """Return the image and SEG series below a folder, in the order of their paths; a series may lie in many folders.

    Raises:
        ConfigError: there is no such folder, no DICOM image in it, or a damaged file.
    """
    if not tree.is_dir():
        raise ConfigError(Problem("the folder has to exist", str(tree)))
    paths = [Path(place) / name for place, _, names in sorted(os.walk(tree)) for name in names]
    try:
        found = find_series(paths)
    except Unreadable as error:
        raise ConfigError(error.problem(str(tree))) from None
    if not any(not series.segmentation for series in found):
        raise ConfigError(Problem("the folder has DICOM images", str(tree), value=f"{len(paths)} files, no image"))
    return found


def choose(found: Sequence[Series], uids: Sequence[str], tree: Path) -> list[Series]:
    """Return the image series to convert: those asked for, or all where each folder has one.

    Raises:
        ConfigError: a UID is not there; or a folder has several series and none of them was chosen.
    """
    images = [series for series in found if not series.segmentation]
    known = [series.uid for series in images]
    problems = [
        Problem("there is no image series of that UID", "--series", value=uid, near=near_names(uid, known, 1))
        for uid in uids
        if uid not in known
    ]
    chosen = [series for series in images if series.uid in uids]
    if not uids:
        chosen = images
        for folder, several in _together(images):
            shown = ", ".join(f"{series.uid} ({len(series.paths)} files)" for series in several[:6])
            remedy = "Choose with --series UID …, or take all with --all-series."
            where = os.path.relpath(folder, tree)
            problems.append(Problem("a folder has one series", where, value=shown, remedy=remedy))
    if problems:
        raise ConfigError(problems)
    return chosen


def convert(
    found: Sequence[Series],
    chosen: Sequence[Series],
    out: Path,
    *,
    skip_broken: bool = False,
    say: Callable[[str], None] = print,
) -> tuple[list[Converted], dict[str, str]]:
    """Write each chosen series as ``images/case_001.nii.gz``, its segmentation as ``labels/case_001.nii.gz``.

    Args:
        found: all series of the tree, the segmentations among them.
        chosen: the image series.
        out: the folder of the files; nothing in it is overwritten.
        skip_broken: whether what cannot be read is left out, and said, in place of an error.
        say: takes a line about each case.

    Returns:
        What was written, and the names of the labels by number.

    Raises:
        ConfigError: a series or a segmentation cannot be read (all such; nothing of what was written stays), labels
            of one number have several names, or a file is already there.
    """
    width = max(3, len(str(len(chosen))))
    names = [f"case_{number:0{width}d}.nii.gz" for number in range(1, len(chosen) + 1)]
    there = [f"{folder}/{name}" for folder in ("images", "labels") for name in names if (out / folder / name).exists()]
    if there:
        remedy = "Choose another place, or take them away."
        raise ConfigError(Problem("no file is overwritten", str(out), value=", ".join(there[:6]), remedy=remedy))
    done: list[Converted] = []
    problems: list[Problem] = []
    labels: dict[str, str] = {}
    for name, series in zip(names, chosen, strict=True):
        where = f"series {series.uid}"
        drawn = [path for other in found if series.uid in other.refers_to for path in other.paths]
        try:
            if len(drawn) > 1:
                value = ", ".join(path.name for path in drawn[:6])
                raise Unreadable("a series has one segmentation", value, "Take away those that are not meant.")
            volume = read_series(series)
            label = read_segmentation(drawn[0], volume) if drawn else None
            for number, text in (segment_names(drawn[0]) if drawn else {}).items():
                if labels.setdefault(str(number), text) != text:
                    value = f'"{labels[str(number)]}" and "{text}"'
                    raise Unreadable(f"segment {number} has one name in all segmentations", value)
        except Unreadable as error:
            problems.append(error.problem(where))
            continue
        (out / "images").mkdir(parents=True, exist_ok=True)
        write_nifti(out / "images" / name, volume)
        if label is not None:
            (out / "labels").mkdir(parents=True, exist_ok=True)
            write_nifti(out / "labels" / name, label)
        shape = "x".join(map(str, volume.shape))
        notes = "".join(f"; {note}" for note in volume.notes)
        say(f"{name}: {shape}, {len(series.paths)} files{', with a label' if label is not None else ''}{notes}")
        done.append(
            Converted(out / "images" / name, out / "labels" / name if label is not None else None, series.patient)
        )
    for problem in problems if skip_broken else ():
        say(f"left out: {problem}")
    if (problems and not skip_broken) or not done:
        for one in done:
            for path in filter(None, (one.image, one.label)):
                path.unlink()
        raise ConfigError(problems)
    return done, ({"0": "background", **labels} if labels else {})


def _together(images: Sequence[Series]) -> Iterator[tuple[Path, list[Series]]]:
    folders: dict[Path, list[Series]] = {}
    for series in images:
        for folder in sorted({path.parent for path in series.paths}):
            folders.setdefault(folder, []).append(series)
    for folder, several in sorted(folders.items()):
        if len(several) > 1:
            yield folder, several
