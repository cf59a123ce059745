from __future__ import annotations

import numpy as np
import pytest

from medl.data.medmnist import write_pictures
from medl.data.picture import read_picture
from medl.errors import ConfigError


def test_pictures_and_classes(tmp_path):
    arrays = {}
    for part, count in (("train", 3), ("val", 2), ("test", 1)):
        arrays[f"{part}_images"] = np.random.default_rng(count).integers(0, 255, (count, 6, 5), dtype=np.uint8)
        arrays[f"{part}_labels"] = np.arange(count)[:, None] % 2
    np.savez(tmp_path / "set.npz", **arrays)
    lists = write_pictures(tmp_path / "set.npz", tmp_path / "out")
    assert {part: [item["label"] for item in items] for part, items in lists.items()} == {
        "training": [0, 1, 0],
        "validation": [0, 1],
        "test": [0],
    }
    assert np.array_equal(read_picture(lists["training"][2]["image"]).array, arrays["train_images"][2].T)
    with pytest.raises(ConfigError, match="overwritten"):
        write_pictures(tmp_path / "set.npz", tmp_path / "out")


def test_other_files_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    with pytest.raises(ConfigError, match="train_images"):
        write_pictures(tmp_path / "a.npz", tmp_path / "out")
    (tmp_path / "b.npz").write_bytes(b"PK")
    with pytest.raises(ConfigError, match=r"whole \.npz"):
        write_pictures(tmp_path / "b.npz", tmp_path / "out")
