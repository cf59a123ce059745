from __future__ import annotations

import numpy as np
import pytest

from medl.data.picture import read_array, read_picture
from medl.data.volume import Unreadable, read_volume


def test_a_picture_is_read_left_to_right(tmp_path):
    from PIL import Image

    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    Image.fromarray(array).save(tmp_path / "a.png")
    volume = read_picture(tmp_path / "a.png")
    assert volume.shape == (4, 3) and volume.spatial == 2 and not volume.located
    assert np.array_equal(volume.array, array.T)


def test_a_truncated_picture_is_refused(tmp_path):
    from PIL import Image

    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(Unreadable, match="whole picture"):
        read_picture(tmp_path / "a.png")


def test_arrays_are_read_and_pickles_are_not(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 4, 5), np.float32))
    assert read_array(tmp_path / "a.npy").shape == (3, 4, 5)
    np.save(tmp_path / "b.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(Unreadable):
        read_array(tmp_path / "b.npy")
    np.savez(tmp_path / "c.npz", a=np.zeros(3), b=np.zeros(3))
    with pytest.raises(Unreadable, match="one array"):
        read_array(tmp_path / "c.npz")
    np.savez(tmp_path / "d.npz", np.zeros((3, 4)))
    (tmp_path / "d.npz").write_bytes((tmp_path / "d.npz").read_bytes()[:-30])
    with pytest.raises(Unreadable):
        read_array(tmp_path / "d.npz")


def test_what_nothing_reads_is_none_and_what_is_missing_is_said(tmp_path):
    (tmp_path / "a.nrrd").write_text("NRRD0004")
    assert read_volume(tmp_path / "a.nrrd") is None
    with pytest.raises(Unreadable, match="exist"):
        read_volume(tmp_path / "b.nii")
    (tmp_path / "c.nii.gz").write_bytes(b"")
    with pytest.raises(Unreadable, match="0 bytes"):
        read_volume(tmp_path / "c.nii.gz")
