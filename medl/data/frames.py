"""The slices of a DICOM series: what each says of its place, and the regular grid that they make together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medl.data.volume import Unreadable

if TYPE_CHECKING:
    import numpy as np

_SHOWN = 5
UNEVEN = 0.1
"""How much distances of slices may differ from their median, in parts of it."""


@dataclass(frozen=True)
class Frame:
    """One slice.

    Attributes:
        path: the file.
        index: which of the file's frames.
        count: number of frames in the file.
        instance: InstanceNumber (of the file), for messages and to see how others order the slices.
        position: centre of the first pixel in mm, LPS; ``None`` where nothing says.
        axes: directions of a row's pixels and of a column's, LPS; ``None`` where nothing says.
        spacing: distance of rows, of columns in mm; ``None`` where nothing says.
        thickness: slice thickness or spacing in mm, 1 where nothing says.
        size: rows, columns.
        samples: number of colours.
        slope: what stored values are multiplied with.
        intercept: what is added then.
        inverted: whether low values are bright.
        sop: SOPInstanceUID.
        volumetric: whether the modality's single slice lies in a volume (CT, MR, PET).
    """

    path: Path
    index: int
    count: int
    instance: int | None
    position: tuple[float, ...] | None
    axes: tuple[float, ...] | None
    spacing: tuple[float, ...] | None
    thickness: float
    size: tuple[int, int]
    samples: int
    slope: float
    intercept: float
    inverted: bool
    sop: str
    volumetric: bool


def frames_of(header: Any, path: Path) -> list[Frame]:
    """Return the slices of one file, from the functional groups where it has them."""
    count = int(header.get("NumberOfFrames", 1) or 1)
    shared = (header.get("SharedFunctionalGroupsSequence") or [None])[0]
    each = header.get("PerFrameFunctionalGroupsSequence") or [None] * count
    if len(each) != count:
        raise Unreadable(f"{path.name} describes each of its {count} frames", f"{len(each)} descriptions")
    found = []
    for index, own in enumerate(each):
        groups = (own, shared)
        measures = _group(groups, "PixelMeasuresSequence") or header
        place = _group(groups, "PlanePositionSequence") or header
        plane = _group(groups, "PlaneOrientationSequence") or header
        scale = _group(groups, "PixelValueTransformationSequence") or header
        spacing = _numbers(measures, "PixelSpacing", 2) or _numbers(header, "ImagerPixelSpacing", 2)
        thickness = measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 1.0
        found.append(
            Frame(
                path=path,
                index=index,
                count=count,
                instance=_int(header.get("InstanceNumber")),
                position=_numbers(place, "ImagePositionPatient", 3),
                axes=_numbers(plane, "ImageOrientationPatient", 6),
                spacing=spacing,
                thickness=float(thickness),
                size=(int(header.Rows), int(header.Columns)),
                samples=int(header.get("SamplesPerPixel", 1)),
                slope=float(scale.get("RescaleSlope", 1) or 1),
                intercept=float(scale.get("RescaleIntercept", 0) or 0),
                inverted=header.get("PhotometricInterpretation") == "MONOCHROME1",
                sop=f"{header.get('SOPInstanceUID', path.name)}.{index}",
                volumetric=str(header.get("Modality", "")) in ("CT", "MR", "PT", "NM"),
            )
        )
    return found


def spaced(frames: list[Frame]) -> tuple[list[Frame], np.ndarray[Any, Any], list[str], bool]:
    """Return the slices in the order of their places, the affine (RAS+), notes, and whether the place is known.

    Raises:
        Unreadable: slices are double, missing, uneven, of several orientations, or several without a place.
    """
    import numpy as np

    first = frames[0]
    if any(frame.position is None or frame.axes is None or frame.spacing is None for frame in frames):
        if len(frames) > 1:
            raise Unreadable(
                "each of several slices says where it lies",
                f"{sum(frame.position is None for frame in frames)} of {len(frames)} without a position",
                "Convert the series with its vendor's software, or give one file for each image.",
            )
        rows, columns = first.spacing or (1.0, 1.0)
        notes = [] if first.spacing else ["no pixel spacing"]
        return [first], np.diag([columns, rows, 1.0, 1.0]), notes, False
    axes = np.array([frame.axes for frame in frames])
    if float(np.abs(axes - axes[0]).max()) > 1e-3:
        remedy = "Localizers or several scans may lie in one series: part them into folders."
        raise Unreadable("the slices of a series have one orientation", "several", remedy)
    row, column = axes[0, :3], axes[0, 3:]
    if abs(np.linalg.norm(row) - 1) > 1e-2 or abs(np.linalg.norm(column) - 1) > 1e-2 or abs(row @ column) > 1e-2:
        raise Unreadable("rows and columns are at right angles, of length one", str(axes[0].round(3).tolist()))
    normal = np.cross(row, column)
    positions = np.array([frame.position for frame in frames])
    order = np.argsort(positions @ normal, kind="stable")
    ordered, positions = [frames[i] for i in order], positions[order]
    notes = _uneven(ordered, positions @ normal)
    step = (positions[-1] - positions[0]) / (len(ordered) - 1) if len(ordered) > 1 else normal * first.thickness
    assert first.spacing is not None
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1], lps[:3, 2], lps[:3, 3] = (
        row * first.spacing[1],
        column * first.spacing[0],
        step,
        positions[0],
    )
    slant = float(np.degrees(np.arccos(np.clip(step @ normal / np.linalg.norm(step), -1, 1))))
    if slant > 0.5:
        notes.append(f"tilted gantry: slices shifted by {slant:.1f}°")
    turned = float(np.degrees(np.arccos(np.clip(min(np.abs(v).max() for v in (row, column, normal)), 0, 1))))
    if turned > 0.5:
        notes.append(f"oblique by {turned:.1f}°")
    return ordered, np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps, notes, True


def _uneven(frames: list[Frame], places: np.ndarray[Any, Any]) -> list[str]:
    import numpy as np

    if len(frames) < 2:
        return []
    steps = np.diff(places)
    usual = float(np.median(steps[steps > 1e-3])) if (steps > 1e-3).any() else 0.0
    double = np.flatnonzero(steps <= max(1e-3, 0.01 * usual))
    if len(double):
        same = len({frame.sop for frame in frames}) < len(frames)
        why = "The same images twice: remove the copies." if same else "Several echoes, times or scans: part them."
        names = _names([(frames[i].path.name, frames[i + 1].path.name) for i in double])
        raise Unreadable("one slice lies at each place", f"{len(double)} places with more than one: {names}", why)
    gaps = np.flatnonzero(steps > 1.5 * usual)
    if len(gaps):
        lost = int(sum(round(float(steps[i]) / usual) - 1 for i in gaps))
        names = _names([(frames[i].path.name, frames[i + 1].path.name) for i in gaps])
        value = f"about {lost} missing, between {names} ({steps[gaps[0]]:.4g} mm apart, others {usual:.4g})"
        raise Unreadable("a series has all its slices", value, "Fetch the missing files, or leave the series out.")
    off = float(np.abs(steps - usual).max()) / usual
    if off > UNEVEN:
        value = f"{steps.min():.4g} to {steps.max():.4g} mm"
        raise Unreadable("slices are evenly spaced", value, "Resample the series onto an even grid first.")
    return [f"slices {steps.min():.4g} to {steps.max():.4g} mm apart"] if off > 0.01 else []


def _names(pairs: list[tuple[str, str]]) -> str:
    shown = ", ".join(f"{first} and {second}" for first, second in pairs[:_SHOWN])
    return shown + (f" and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else "")


def _group(groups: tuple[Any, ...], name: str) -> Any:
    for group in groups:
        if group is not None and group.get(name):
            return group.get(name)[0]
    return None


def _numbers(group: Any, name: str, count: int) -> tuple[float, ...] | None:
    value = group.get(name)
    if value is None or len(value) != count:
        return None
    return tuple(float(number) for number in value)


def _int(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
