"""One image or label with its place in space, whatever file it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medl.errors import MedlError, Problem

if TYPE_CHECKING:
    import numpy as np

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


class Unreadable(MedlError):
    """An image cannot be read, or not in one sure way.

    Args:
        rule: what a sound image is, as a sentence without its full stop.
        value: what was found.
        remedy: what to do.
    """

    exit_code = 2

    def __init__(self, rule: str, value: str = "", remedy: str = ""):
        self.rule, self.value, self.remedy = rule, value, remedy
        super().__init__(f"{rule}, but got {value}" if value else rule)

    def problem(self, file: str, path: str = "") -> Problem:
        """Return the same with its place."""
        if not self.value:
            return Problem(self.rule, file, path, remedy=self.remedy)
        return Problem(self.rule, file, path, self.value, self.remedy)


@dataclass(frozen=True)
class Volume:
    """Voxels and where they lie.

    Attributes:
        array: the voxels, spatial axes first, then those of channels or time; rescaled where the file says so.
        affine: 4x4, from voxel indices to mm, RAS+ as in NIfTI; the identity where the file knows no place.
        spatial: number of spatial axes, 2 or 3.
        kind: what was read, such as ``NIfTI`` or ``DICOM``.
        located: whether the file says where the voxels lie.
        notes: what a reader should know and need not mend.
        misread: why a training's own reader would read something else; empty where it would not.
        patient: an opaque token of the patient, equal within this process for the same patient; empty where unknown.
    """

    array: np.ndarray[Any, Any]
    affine: np.ndarray[Any, Any]
    spatial: int
    kind: str
    located: bool = True
    notes: tuple[str, ...] = ()
    misread: str = ""
    patient: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each spatial axis in voxels."""
        return tuple(int(length) for length in self.array.shape[: self.spatial])

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance of neighbouring voxels along each spatial axis in mm."""
        import numpy as np

        return tuple(float(np.linalg.norm(self.affine[:3, axis])) for axis in range(self.spatial))

    @property
    def orientation(self) -> str:
        """Where each axis points, as the letters of its nearest anatomical direction such as ``RAS``; "" if unknown."""
        if not self.located:
            return ""
        from nibabel.orientations import aff2axcodes

        return "".join(letter or "?" for letter in aff2axcodes(self.affine))[: self.spatial]


def read_volume(path: Path) -> Volume | None:
    """Return what lies at ``path``: NIfTI, a DICOM file or series folder, a picture or an array; ``None`` for others.

    Raises:
        Unreadable: there is nothing, or it is broken, or it could be read in several ways.
    """
    path = Path(path)
    name = path.name.lower()
    if not path.exists():
        raise Unreadable("the file has to exist", "no such file")
    if not path.is_dir() and path.stat().st_size == 0:
        raise Unreadable("an image file has content", "0 bytes", "It was cut off: copy it again.")
    if name.endswith((".nii", ".nii.gz")):
        from medl.data.nifti import read_nifti

        return read_nifti(path)
    if name.endswith(PICTURES):
        from medl.data.picture import read_picture

        return read_picture(path)
    if name.endswith((".npy", ".npz")):
        from medl.data.picture import read_array

        return read_array(path)
    if path.is_dir() or is_dicom(path):
        from medl.data.series import read_dicom

        return read_dicom(path)
    return None


def is_dicom(path: Path) -> bool:
    """Return whether a file has DICOM's mark."""
    with open(path, "rb") as stream:
        return stream.read(132)[128:] == b"DICM"
