"""Small images of every kind, made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Write = Callable[..., Path]


def voxels(shape: tuple[int, ...] = (4, 5, 3), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 200, shape).astype(np.int16)


@pytest.fixture
def nifti(tmp_path: Path) -> Write:
    """Writes a NIfTI file: nifti("a.nii.gz", array=…, affine=…)."""

    def write(name: str, array: Any = None, affine: Any = None, *, seed: int = 0) -> Path:
        import nibabel as nib

        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        array = voxels(seed=seed) if array is None else array
        nib.save(nib.Nifti1Image(array, np.diag([1.0, 1.0, 2.0, 1.0]) if affine is None else affine), path)
        return path

    return write


@pytest.fixture
def dicom(tmp_path: Path) -> Write:
    """Writes a series of slices 2 mm apart: dicom("folder", places=[0, 1, 2], PatientID="…", tags={…})."""
    pydicom = pytest.importorskip("pydicom")
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    def write(
        folder: str,
        places: tuple[float, ...] = (0, 1, 2),
        *,
        array: Any = None,
        uid: str = "1.2.3",
        axes: tuple[float, ...] = (1, 0, 0, 0, 1, 0),
        numbers: Any = None,
        prefix: str = "",
        **tags: Any,
    ) -> Path:
        path = tmp_path / folder
        path.mkdir(parents=True, exist_ok=True)
        array = voxels((4, 5, len(places))) if array is None else array
        normal = np.cross(axes[:3], axes[3:])
        for index, place in enumerate(places):
            meta = pydicom.dataset.FileMetaDataset()
            meta.TransferSyntaxUID = ExplicitVRLittleEndian
            meta.MediaStorageSOPClassUID = CTImageStorage
            meta.MediaStorageSOPInstanceUID = f"{uid}.{index}.{len(prefix)}"
            slice_ = pydicom.dataset.FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
            values = {
                "SOPClassUID": CTImageStorage,
                "SOPInstanceUID": f"{uid}.{index}.{len(prefix)}",
                "SeriesInstanceUID": uid,
                "StudyInstanceUID": "1.2",
                "FrameOfReferenceUID": "1.2.9",
                "Modality": "CT",
                "PatientID": "SECRET-42",
                "PatientName": "Doe^Jane",
                "PatientBirthDate": "",
                "PatientSex": "",
                "StudyID": "",
                "StudyDate": "",
                "StudyTime": "",
                "AccessionNumber": "",
                "SeriesNumber": 1,
                "InstanceNumber": numbers[index] if numbers else index + 1,
                "ImagePositionPatient": [float(v) for v in normal * place * 2 + np.array([10, 20, 30])],
                "ImageOrientationPatient": list(axes),
                "PixelSpacing": [0.5, 0.25],
                "SliceThickness": 2.0,
                "Rows": array.shape[1],
                "Columns": array.shape[0],
                "BitsAllocated": 16,
                "BitsStored": 16,
                "HighBit": 15,
                "PixelRepresentation": 1,
                "SamplesPerPixel": 1,
                "PhotometricInterpretation": "MONOCHROME2",
                **tags,
            }
            for name, value in values.items():
                if value is not None:
                    setattr(slice_, name, value)
            slice_.PixelData = np.ascontiguousarray(array[:, :, index].T.astype(np.int16)).tobytes()
            slice_.save_as(path / f"{prefix}{index}.dcm", enforce_file_format=True)
        return path

    return write
