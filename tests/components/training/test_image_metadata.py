"""Predictions without metadata get their image's."""

from __future__ import annotations

import torch
from monai.data import MetaTensor

from medl.components.training.image_metadata import ImageMetadatad

META = {"filename_or_obj": "case_1.nii.gz", "affine": torch.diag(torch.tensor([2.0, 2.0, 2.0, 1.0]))}


def test_a_prediction_of_a_new_tensor_is_named() -> None:
    for pred in (torch.ones(1, 2, 2, 2), MetaTensor(torch.ones(1, 2, 2, 2))):
        made = ImageMetadatad("pred", "image_meta_dict")({"pred": pred, "image_meta_dict": META})["pred"]
        assert made.meta["filename_or_obj"] == "case_1.nii.gz" and made.affine[0, 0] == 2
        assert torch.equal(made, torch.ones(1, 2, 2, 2))


def test_one_that_says_where_it_is_from_stays() -> None:
    pred = MetaTensor(torch.ones(1, 2, 2, 2), meta={"filename_or_obj": "other.nii.gz"})
    assert ImageMetadatad(["pred"], "image_meta_dict")({"pred": pred, "image_meta_dict": META})["pred"] is pred
    bare = torch.ones(1)
    assert ImageMetadatad("pred", "image_meta_dict")({"pred": bare})["pred"] is bare
