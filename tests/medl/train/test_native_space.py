"""Scores in the untouched label's own geometry."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.metrics import HausdorffDistanceMetric
from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged, MapLabelValued, Orientationd, Spacingd

from medl.train.native_space import NativeSpace, in_millimetres, spacing_of

KEYS = ["image", "label"]


@pytest.fixture
def case(tmp_path: Path) -> dict[str, str]:
    """A block of label 7 in voxels of 1 x 1 x 3 mm, axes of x and y turned."""
    label = np.zeros((20, 22, 12), dtype=np.uint8)
    label[4:12, 5:15, 3:9] = 7
    affine = np.diag([-1.0, -1.0, 3.0, 1.0])
    for key, value in (("image", label.astype(np.float32)), ("label", label)):
        nibabel.save(nibabel.Nifti1Image(value, affine), tmp_path / f"{key}.nii.gz")
    return {key: str(tmp_path / f"{key}.nii.gz") for key in KEYS}


@pytest.fixture
def pre() -> Compose:
    return Compose(
        [
            LoadImaged(KEYS),
            EnsureChannelFirstd(KEYS),
            Orientationd(KEYS, axcodes="RAS", labels=None),
            Spacingd(KEYS, pixdim=(2.0, 2.0, 2.0), mode=("bilinear", "nearest")),
            MapLabelValued("label", orig_labels=[7], target_labels=[1]),
        ]
    )


def test_prediction_and_label_are_in_the_files_geometry(case: dict[str, str], pre: Compose) -> None:
    item = pre(case)
    assert item["label"].shape[1:] != (20, 22, 12)
    item["pred"] = MetaTensor(item["image"].as_tensor() / 7, affine=item["image"].affine)
    native = NativeSpace(pre)(item)
    raw = np.asarray(nibabel.load(case["label"]).dataobj)
    assert native["label"].shape == native["pred"].shape == (1, 20, 22, 12)
    assert np.array_equal(native["label"][0].numpy(), raw == 7)  # the value is mapped, the geometry untouched
    inside = (native["pred"][0].numpy() > 0.5) & (raw == 7)
    assert 2 * inside.sum() / ((native["pred"][0].numpy() > 0.5).sum() + (raw == 7).sum()) > 0.85


def test_a_label_of_another_geometry_than_the_image_decides(case: dict[str, str], pre: Compose) -> None:
    coarse = np.zeros((10, 11, 12), dtype=np.uint8)
    coarse[2:6, 3:7, 3:9] = 7
    nibabel.save(nibabel.Nifti1Image(coarse, np.diag([-2.0, -2.0, 3.0, 1.0])), case["label"])
    item = pre(case)
    item["pred"] = MetaTensor(item["image"].as_tensor(), affine=item["image"].affine)
    native = NativeSpace(pre)(item)
    assert native["label"].shape == native["pred"].shape == (1, 10, 11, 12)


def test_a_case_without_a_label_stays(case: dict[str, str]) -> None:
    item = {"image": torch.zeros(1, 2, 2, 2), "pred": torch.zeros(1, 2, 2, 2)}
    assert NativeSpace(Compose([LoadImaged("image")]))(item) == item


def test_distances_are_in_mm() -> None:
    affine = torch.diag(torch.tensor([1.0, 1.0, 3.0, 1.0]))
    pred, label = torch.zeros(2, 1, 8, 8, 8)
    pred[0, 4, 4, 2], label[0, 4, 4, 6] = 1, 1
    metric = in_millimetres(HausdorffDistanceMetric(include_background=True))
    assert metric([MetaTensor(pred, affine=affine)], [MetaTensor(label, affine=affine)]).tolist() == [[12.0]]
    assert spacing_of(MetaTensor(torch.zeros(1, 1, 4, 4), affine=affine)) == [1.0, 1.0]
    assert spacing_of(torch.zeros(1, 1, 4, 4)) is None
