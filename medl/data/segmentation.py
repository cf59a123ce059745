"""DICOM segmentations (SEG) as label volumes on the grid of the image that they were drawn on."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from medl.data.geometry import TOLERANCE
from medl.data.volume import Unreadable, Volume


def read_segmentation(path: Path, image: Volume) -> Volume:
    """Return a label volume with the number of a segment in its voxels, 0 elsewhere, on the image's grid.

    Args:
        path: the SEG file. It may hold only the slices with something in them.
        image: the image, as :func:`medl.data.series.read_series` gives it.

    Raises:
        Unreadable: highdicom is missing, segments overlap or are fractions, or the grid is another.
    """
    import numpy as np

    highdicom = _highdicom()
    try:
        segmentation = highdicom.seg.segread(path)
    except Exception as error:
        rule, value = f"{path.name} is a sound DICOM segmentation", type(error).__name__
        raise Unreadable(rule, value, "It was cut off or damaged: fetch it again.") from None
    if str(segmentation.segmentation_type.value) == "FRACTIONAL":
        raise Unreadable("a label is a binary segmentation", "a fractional one", "Threshold it and export it again.")
    try:
        drawn = segmentation.get_volume(combine_segments=True, dtype=np.uint16)
    except RuntimeError:
        remedy = "Export one file for each of the overlapping segments."
        raise Unreadable("the segments of a label do not overlap", path.name, remedy) from None
    except Exception as error:
        rule = "a segmentation is a regular grid in space"
        raise Unreadable(rule, type(error).__name__) from None
    ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ drawn.affine
    steps = np.linalg.solve(image.affine, ras)  # from the segmentation's indices to the image's
    whole = np.round(steps)
    inside = np.argwhere(drawn.array)
    ends = np.array([[0, 0, 0, 1], [*(length - 1 for length in drawn.spatial_shape), 1]])
    one_to_one = sorted(np.abs(whole[:3, :3]).sum(axis=0)) == [1, 1, 1] == sorted(np.abs(whole[:3, :3]).sum(axis=1))
    if not one_to_one or float(np.abs(ends @ (steps - whole).T).max()) > TOLERANCE:
        value = f"{_grid(drawn.spatial_shape, drawn.spacing)}, image {_grid(image.shape, image.spacing)}"
        remedy = "Resample one of them onto the other's grid first."
        raise Unreadable("a segmentation lies on its image's grid", value, remedy)
    places = inside @ whole[:3, :3].T.astype(int) + whole[:3, 3].astype(int)
    if ((places < 0) | (places >= np.array(image.shape))).any():
        value = "a part of it outside"
        raise Unreadable("a segmentation lies inside its image", value, "Is it the right image?")
    values = drawn.array[tuple(inside.T)]
    label = np.zeros(image.shape, np.uint8 if int(values.max(initial=0)) < 256 else np.uint16)
    label[tuple(places.T)] = values
    return dataclasses.replace(image, array=label, kind="DICOM SEG", notes=(), misread="")


def segment_names(path: Path) -> dict[int, str]:
    """Return number and label of each segment, such as ``{1: "Liver"}``."""
    from medl.data.series import read_header

    items = read_header(path).get("SegmentSequence", [])
    return {int(item.SegmentNumber): str(item.get("SegmentLabel", item.SegmentNumber)) for item in items}


def _highdicom() -> Any:
    try:
        import highdicom
    except ImportError:
        remedy = "Install it: pip install 'medl[dicom]'"
        raise Unreadable("segmentations are read with highdicom, which is not installed", "", remedy) from None
    return highdicom


def _grid(shape: tuple[int, ...], spacing: tuple[float, ...]) -> str:
    return f"{'x'.join(map(str, shape))} of {'x'.join(f'{value:.3g}' for value in spacing)} mm"
