"""Images that cannot be loaded: the file and what is wrong with it, from this process and from a loader's."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from monai.data import CacheDataset, DataLoader, Dataset
from monai.transforms import Compose, LoadImage, LoadImaged

from medl.errors import ConfigError
from medl.train.cache_size import capped
from medl.train.failure import failure
from medl.train.load_image import name_unreadable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    voxels = np.random.default_rng(0).integers(0, 99, (12, 12, 12)).astype(np.int16)
    for name in ("whole.nii.gz", "cut.nii.gz"):
        nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / name)
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(cut.read_bytes()[:900])
    (tmp_path / "text.png").write_text("no picture")
    return tmp_path


def said(transform: Any, item: Any) -> ConfigError:
    with pytest.raises(Exception) as caught:
        Compose([transform])(item)
    shown = failure(caught.value, 3)
    assert isinstance(shown, ConfigError) and shown.exit_code == 2
    return shown


def test_a_whole_image_is_loaded_as_before(folder: Path) -> None:
    there = {"image": str(folder / "whole.nii.gz")}
    plain, named = LoadImaged("image"), name_unreadable(LoadImaged("image"), folder)
    assert type(named) is LoadImaged
    assert np.array_equal(plain(there)["image"], named(there)["image"])
    assert np.array_equal(plain(there)["image"], pickle.loads(pickle.dumps(named))(there)["image"])  # noqa: S301


def test_a_truncated_one_is_named_relative_to_the_data(folder: Path) -> None:
    shown = str(said(name_unreadable(LoadImaged("image"), folder), {"image": str(folder / "cut.nii.gz")}))
    assert shown.startswith("cut.nii.gz\n") and '"900 bytes that end too early: truncated"' in shown
    assert "medl check" in shown


def test_of_the_channels_of_a_case_the_broken_one_is_named(folder: Path) -> None:
    files = [str(folder / "whole.nii.gz"), str(folder / "cut.nii.gz")]
    assert "cut.nii.gz" in str(said(name_unreadable(LoadImage(), folder), files)).splitlines()[0]


@pytest.mark.parametrize("name", ["text.png", "gone.nii.gz"])
def test_whatever_else_cannot_be_loaded_is_named(folder: Path, name: str) -> None:
    assert str(said(name_unreadable(LoadImaged("image"), folder), {"image": str(folder / name)})).startswith(name)


@pytest.mark.parametrize("workers", [0, 1])
def test_one_that_a_loader_meets_is_named(folder: Path, workers: int) -> None:
    load = name_unreadable(LoadImaged("image"), folder)
    loader = DataLoader(Dataset([{"image": str(folder / "cut.nii.gz")}], Compose([load])), num_workers=workers)
    with pytest.raises(Exception) as caught:
        list(loader)
    shown = failure(caught.value, 3)
    assert isinstance(shown, ConfigError)
    assert str(shown).startswith("cut.nii.gz\n") and "truncated" in str(shown)


def test_one_that_a_cache_meets_is_named(folder: Path) -> None:
    load = name_unreadable(LoadImaged("image"), folder)
    data = [{"image": str(folder / name)} for name in ("whole.nii.gz", "cut.nii.gz")]
    args = {"data": data, "transform": Compose([load]), "num_workers": 2, "progress": False}
    with pytest.raises(ConfigError, match=r"cut\.nii\.gz\n"):
        capped(CacheDataset, args, "cache", lambda: None, lambda line: None)
