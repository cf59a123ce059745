from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from medl.data.nifti import read_nifti, write_nifti
from medl.data.volume import Unreadable


def test_shape_spacing_and_axes(nifti):
    affine = np.array([[0, -2.0, 0, 5], [1, 0, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1]])
    volume = read_nifti(nifti("a.nii.gz", affine=affine))
    assert (volume.shape, volume.spatial, volume.orientation) == ((4, 5, 3), 3, "ALS")
    assert volume.spacing == pytest.approx((1, 2, 3))


@pytest.mark.parametrize(
    ("name", "spoil", "says"),
    [
        ("a.nii.gz", lambda data: data[: len(data) // 2], "truncated"),
        ("a.nii.gz", lambda data: data[:-4], "truncated"),
        ("a.nii.gz", lambda data: data[:-8] + b"\0\0\0\0" + data[-4:], "CRC"),
        ("a.nii.gz", lambda data: b"no image at all", "gzip"),
        ("a.nii.gz", gzip.decompress, "gzip"),
        ("a.nii", lambda data: data[:-10], "truncated"),
        ("a.nii", lambda data: b"\x01\x02\x03\x04" + data[4:], "header"),
        ("a.nii", gzip.compress, "not compressed"),
        ("a.nii", lambda data: data[:100], "header"),
    ],
)
def test_what_is_cut_off_or_damaged_is_said(nifti, name, spoil, says):
    path: Path = nifti(name)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(Unreadable, match=says):
        read_nifti(path)


def test_no_place_in_space_is_noted(nifti, tmp_path):
    import nibabel as nib

    image = nib.Nifti1Image(np.zeros((2, 2, 2), np.int16), None)
    nib.save(image, tmp_path / "a.nii")
    volume = read_nifti(tmp_path / "a.nii")
    assert not volume.located and volume.orientation == "" and "no place" in volume.notes[0]


def test_an_affine_that_spans_nothing_is_refused(nifti):
    path = nifti("a.nii")
    data = path.read_bytes()
    path.write_bytes(data[:312] + bytes(16) + data[328:])  # the third row of the sform
    with pytest.raises(Unreadable, match="three directions"):
        read_nifti(path)


def test_written_and_read_again(nifti, tmp_path):
    volume = read_nifti(
        nifti("a.nii.gz", affine=np.array([[1, 0, 0.5, 5], [0, 1, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1.0]]))
    )
    write_nifti(tmp_path / "b.nii.gz", volume)
    again = read_nifti(tmp_path / "b.nii.gz")
    assert np.array_equal(volume.array, again.array)
    assert np.allclose(volume.affine, again.affine)  # sheared, as a tilted gantry is


SPLEEN = Path(__file__).parents[4] / "shared/data/spleen/image.nii.gz"


@pytest.mark.skipif(not SPLEEN.is_file(), reason="the shared spleen image is not here")
def test_a_real_scan():
    volume = read_nifti(SPLEEN)
    assert volume.shape == (512, 512, 32) and volume.orientation == "LAS"
    assert volume.spacing == pytest.approx((0.785156, 0.785156, 7.5))
