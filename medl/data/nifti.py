"""NIfTI files, read whole, so that what is cut off or damaged is seen here and not in the midst of a training."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import Any

from medl.data.volume import Unreadable, Volume

_AGAIN = "The file was cut off or damaged: copy or make it again."
_HEADER = {348: 1, 540: 2}
"""Length of the header in bytes to the version of NIfTI."""


def read_nifti(path: Path) -> Volume:
    """Return a ``.nii`` or ``.nii.gz``; its voxels scaled as the header says.

    Raises:
        Unreadable: it is truncated, damaged, no NIfTI, or its geometry makes no sense.
    """
    import nibabel as nib
    import numpy as np

    data = _content(path)
    version = _HEADER.get(int.from_bytes(data[:4], "little")) or _HEADER.get(int.from_bytes(data[:4], "big"))
    if version is None:
        raise Unreadable("a NIfTI file begins with a header of 348 or 540 bytes", repr(data[:4]), _AGAIN)
    kind = nib.Nifti1Image if version == 1 else nib.Nifti2Image
    try:
        header = kind.header_class.from_fileobj(io.BytesIO(data))
        shape, item = header.get_data_shape(), header.get_data_dtype().itemsize
    except Exception as error:
        raise Unreadable("the file has a sound NIfTI header", _one_line(error), _AGAIN) from None
    if not shape or 0 in shape:
        raise Unreadable("an image has voxels", f"shape {shape}", _AGAIN)
    needed, have = int(np.prod(shape, dtype=object)) * item, len(data) - int(header.get_data_offset())
    if have < needed:
        raise Unreadable(f"the header promises {needed} bytes of voxels", f"{max(have, 0)}: truncated", _AGAIN)
    try:
        image = kind.from_bytes(data)
        array = np.asanyarray(image.dataobj)
    except Exception as error:
        raise Unreadable("the file is sound NIfTI", _one_line(error), _AGAIN) from None
    return _volume(array, image)


def write_nifti(path: Path, volume: Volume) -> None:
    """Write a volume as ``.nii.gz``, its place as both qform and sform; nothing else is kept of where it is from."""
    import nibabel as nib
    import numpy as np

    array = volume.array if volume.spatial == 3 else volume.array[:, :, np.newaxis]
    image = nib.Nifti1Image(array, volume.affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(volume.affine, 1)
    try:
        image.set_qform(volume.affine, 1)
    except np.linalg.LinAlgError:  # a sheared grid has no quaternion
        image.set_qform(None, 0)
    nib.save(image, path)


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    zipped = data[:2] == b"\x1f\x8b"
    if not path.name.lower().endswith(".gz"):
        if zipped:
            raise Unreadable("a .nii is not compressed", "gzip", "Rename it to .nii.gz.")
        return data
    if not zipped:
        remedy = "Rename it to .nii." if int.from_bytes(data[:4], "little") in _HEADER else _AGAIN
        raise Unreadable("a .nii.gz is compressed with gzip", f"a file that begins with {data[:4]!r}", remedy)
    try:
        return gzip.decompress(data)
    except EOFError:
        value = f"{len(data)} bytes that end too early: truncated"
        raise Unreadable("a .nii.gz is a whole gzip file", value, _AGAIN) from None
    except (OSError, zlib.error) as error:
        raise Unreadable("a .nii.gz is a sound gzip file", _one_line(error), _AGAIN) from None


def _volume(array: Any, image: Any) -> Volume:
    import numpy as np

    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim == 5 and array.shape[3] == 1:  # a vector image: its components stand in the fifth axis
        array = array[:, :, :, 0]
    flat = array.ndim == 3 and array.shape[2] == 1
    spatial = min(array.ndim, 3)
    header, affine = image.header, np.array(image.affine, dtype=np.float64)
    located = bool(int(header["qform_code"]) or int(header["sform_code"]))
    if not np.isfinite(affine).all():
        raise Unreadable("the affine is finite", "NaN or infinity in it", "Write the image again with a sound header.")
    if any(np.linalg.norm(affine[:3, axis]) == 0 for axis in range(spatial)) or np.linalg.det(affine[:3, :3]) == 0:
        raise Unreadable("the affine spans three directions", str(affine[:3, :3].round(3).tolist()), "Write it again.")
    notes = [] if located else ["no place in space: qform and sform codes are 0"]
    if flat:
        notes.append("a single slice")
    if located and int(header["qform_code"]) and int(header["sform_code"]):
        apart = float(np.abs(image.get_qform() - image.get_sform()).max())
        if apart > 0.1 * min(float(np.linalg.norm(affine[:3, axis])) for axis in range(3)):
            notes.append("qform and sform differ; the sform counts")
    if array.ndim > 3:
        notes.append(f"{int(np.prod(array.shape[3:]))} channels")
    return Volume(array, affine, spatial, "NIfTI", located, tuple(notes))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
