"""DICOM images: a folder of slices, one multi-frame file, or a single picture; placed, ordered and rescaled.

Nothing that a tag says of a person leaves this module: the patient becomes a token that means nothing outside this
process.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medl.data.frames import Frame, frames_of, spaced
from medl.data.volume import Unreadable, Volume, is_dicom

if TYPE_CHECKING:
    import numpy as np

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
"""SOP class of DICOM SEG."""
_KEY = os.urandom(16)
_DECODERS = "Install decoders: pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"
_UNPACK = "Convert it to uncompressed DICOM first, for instance with gdcmconv --raw."


@dataclass(frozen=True)
class Series:
    """Files of one series.

    Attributes:
        uid: SeriesInstanceUID.
        paths: its files, by name.
        patient: the token of its patient; empty where the files name none.
        segmentation: whether it holds SEG objects.
        refers_to: the series that a segmentation was drawn on.
    """

    uid: str
    paths: tuple[Path, ...]
    patient: str = ""
    segmentation: bool = False
    refers_to: tuple[str, ...] = field(default=())


def pydicom() -> Any:
    """Return the module pydicom; where it is missing, :class:`Unreadable` names the extra."""
    try:
        import pydicom
        import pydicom.errors
    except ImportError:
        remedy = "Install it: pip install 'medl[dicom]'"
        raise Unreadable("DICOM is read with pydicom, which is not installed", "", remedy) from None
    return pydicom


def find_series(paths: Iterable[Path]) -> list[Series]:
    """Return the series that the files make, in the order of their first files; what is no DICOM image is left out.

    Args:
        paths: files; no voxels are read.

    Raises:
        Unreadable: a DICOM file is damaged.
    """
    dicom = pydicom()
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(paths):
        if not path.is_file() or not is_dicom(path):
            continue
        with _sound(path):
            header = read_header(path, dicom)
            segmentation = str(header.get("SOPClassUID", "")) == SEGMENTATION
            if "Rows" not in header:
                _refuse_cut(header, path)
                continue
            uid = str(header.get("SeriesInstanceUID", "")) or f"file {path.name}"
            entry = found.setdefault(uid, {"paths": [], "patient": _token(header), "segmentation": segmentation})
            entry["paths"].append(path)
            if segmentation:
                references = header.get("ReferencedSeriesSequence", [])
                entry["refers_to"] = tuple(str(item.SeriesInstanceUID) for item in references)
    return [Series(uid, **{**entry, "paths": tuple(entry["paths"])}) for uid, entry in found.items()]


def read_header(path: Path, dicom: Any = None) -> Any:
    """Return a file's data set without its pixels.

    Raises:
        Unreadable: the file is damaged.
    """
    dicom = dicom or pydicom()
    with _sound(path):
        return dicom.dcmread(path, stop_before_pixels=True)


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """Turn what a damaged file raises, which may be anything with tags in its text, into Unreadable."""
    try:
        yield
    except Unreadable:
        raise
    except Exception as error:
        rule = f"{path.name} is a sound DICOM file"
        raise Unreadable(rule, type(error).__name__, "It was cut off or damaged: fetch it again.") from None


def _refuse_cut(header: Any, path: Path) -> None:
    """Raise for an image that ends before its size; reports, structure sets and DICOMDIRs have none."""
    kind = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID")
    name = str(getattr(kind, "name", ""))
    if name.endswith("Image Storage") or ("SeriesInstanceUID" not in header and "Directory" not in name):
        value, remedy = "an end before the image: truncated", "It was cut off: fetch it again."
        raise Unreadable(f"{path.name} is a whole DICOM file", value, remedy)


def read_dicom(path: Path, uid: str = "") -> Volume:
    """Return the image in a DICOM file, or the one series of a folder.

    Args:
        path: a file, or a folder with the files of a series (not of its sub-folders).
        uid: which series, where the folder has several.

    Raises:
        Unreadable: there is none or more than one series, or the one is not a whole, regular grid.
    """
    if path.is_dir():
        paths = [entry for entry in path.iterdir() if entry.is_file()]
        series = [one for one in find_series(paths) if not one.segmentation]
        if uid:
            chosen = [one for one in series if one.uid == uid]
            if not chosen:
                raise Unreadable("the folder has the series asked for", _named(series) or "no series")
            return read_series(chosen[0])
        if not series:
            raise Unreadable(
                "a folder that is an image holds a DICOM series", f"{len(paths)} files, none of them DICOM"
            )
        if len(series) > 1:
            remedy = "Choose with `medl data dicom FOLDER --series UID`, or give each series a folder of its own."
            raise Unreadable("a folder that is an image holds one DICOM series", _named(series), remedy)
        return read_series(series[0])
    with _sound(path):
        segmentation = str(read_header(path).get("SOPClassUID", "")) == SEGMENTATION
    if segmentation:
        remedy = "`medl data dicom` makes label images of segmentations."
        raise Unreadable("an image is not a DICOM segmentation (SEG)", path.name, remedy)
    found = find_series([path])
    if not found:
        raise Unreadable("a DICOM file that is an image has pixels", path.name)
    return read_series(found[0])


def read_series(series: Series) -> Volume:
    """Return one series as a volume: slices ordered by their place, voxels rescaled, axes column, row, slice.

    Raises:
        Unreadable: slices are missing, double, uneven or of different kinds, or their pixels cannot be decoded.
    """
    import numpy as np

    dicom = pydicom()
    frames: list[Frame] = []
    for path in series.paths:
        with _sound(path):
            frames += frames_of(read_header(path, dicom), path)
    _same_kind(frames)
    ordered, affine, notes, located = spaced(frames)
    misread = ""
    if any(frame.count > 1 for frame in frames):
        misread = "LoadImage reads the frames of a multi-frame file without their places"
    elif len(ordered) > 1 and not _in_order(ordered):
        misread = "LoadImage orders slices by InstanceNumber, which does not follow their places"
    pixels: dict[Path, np.ndarray[Any, Any]] = {}
    slices = []
    for frame in ordered:
        if frame.path not in pixels:
            pixels = {frame.path: _pixels(frame.path, dicom)}
        array = pixels[frame.path][frame.index] if frame.count > 1 else pixels[frame.path]
        slices.append(_rescaled(np.swapaxes(array, 0, 1), frame))
    array = np.stack(slices, axis=2) if located and len(slices) > 1 else slices[0]
    if located and len(slices) == 1 and frames[0].volumetric:
        array = array[:, :, np.newaxis]
    spatial = 3 if located and (len(slices) > 1 or frames[0].volumetric) else 2
    if frames[0].inverted:
        notes.append("MONOCHROME1: low values are bright")
    return Volume(array, affine, spatial, "DICOM", located, tuple(notes), misread, series.patient)


def _pixels(path: Path, dicom: Any) -> np.ndarray[Any, Any]:
    try:
        array: np.ndarray[Any, Any] = dicom.dcmread(path).pixel_array
        return array
    except Exception as error:
        text = " ".join(str(error).split())
        if any(words in text for words in ("decompress", "decode", "plugin")):
            raise _undecoded(path, text, read_header(path, dicom)) from None
        value = "pixels that end too early: truncated" if "length" in text or "bytes" in text else type(error).__name__
        raise Unreadable(f"{path.name} has whole pixels", value, "Fetch the file again.") from None


def _undecoded(path: Path, text: str, header: Any) -> Unreadable:
    """Return what is wrong with compressed pixels, from pydicom's words."""
    rule, kind = f"the pixels of {path.name} can be decoded", str(header.file_meta.TransferSyntaxUID.name)
    if "missing dependencies" in text or "does not support" in text:
        return Unreadable(rule, f"{kind}, for which no decoder is installed", _DECODERS)
    if "is not supported" in text:
        return Unreadable(rule, f"{kind}, which is no compression of single images", _UNPACK)
    return Unreadable(rule, f"damaged or truncated pixels ({kind})", "Fetch the file again.")


def _rescaled(array: np.ndarray[Any, Any], frame: Frame) -> np.ndarray[Any, Any]:
    """Return stored values times slope plus intercept: integers stay integers where both are whole."""
    import numpy as np

    if frame.slope == 1 and frame.intercept == 0:
        return array
    if float(frame.slope).is_integer() and float(frame.intercept).is_integer():
        return array.astype(np.int32) * np.int32(frame.slope) + np.int32(frame.intercept)
    return (array * frame.slope + frame.intercept).astype(np.float32)


def _same_kind(frames: list[Frame]) -> None:
    if not frames:
        raise Unreadable("a DICOM series has images", "none")
    for name, values in (
        ("size", {frame.size for frame in frames}),
        ("pixel spacing", {tuple(round(v, 4) for v in frame.spacing) for frame in frames if frame.spacing}),
        ("number of colours", {frame.samples for frame in frames}),
    ):
        if len(values) > 1:
            shown = ", ".join(str(value) for value in sorted(values)[:4])
            remedy = "Localizers or several scans may lie in one series: part them into folders."
            raise Unreadable(f"the slices of a series have one {name}", shown, remedy)


def _in_order(frames: list[Frame]) -> bool:
    """Return whether instance numbers rise, or fall, with the place."""
    known = [frame.instance for frame in frames if frame.instance is not None]
    return len(known) == len(frames) and known in (sorted(known), sorted(known, reverse=True))


def _named(series: list[Series]) -> str:
    shown = [f"{one.uid} ({len(one.paths)} files)" for one in series[:6]]
    return f"{len(series)}: " + ", ".join(shown) + (" …" if len(series) > 6 else "")


def _token(header: Any) -> str:
    name = str(header.get("PatientID", "") or "")
    return hashlib.blake2b(name.encode(), key=_KEY, digest_size=16).hexdigest() if name else ""
