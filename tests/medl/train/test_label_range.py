"""Labels beyond the network's channels."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from monai.data import MetaTensor
from monai.losses import DiceCELoss, DiceLoss

from medl.errors import ConfigError
from medl.train.label_range import LabelRange, takes_class_indices


def look(label: torch.Tensor, channels: int = 2, ignored: int | None = None) -> None:
    output = {"pred": torch.zeros(1, channels, 2, 2, 2), "label": label}
    LabelRange(ignored)(SimpleNamespace(state=SimpleNamespace(output=output)))  # type: ignore[arg-type]


def label(*values: float) -> torch.Tensor:
    return torch.tensor([*values, *[0.0] * (8 - len(values))]).reshape(1, 1, 2, 2, 2)


def test_a_label_beyond_the_channels_is_said_with_file_value_and_remedy() -> None:
    with pytest.raises(ConfigError) as caught:
        look(MetaTensor(label(1, 2), meta={"filename_or_obj": ["a.nii.gz"]}))
    text = str(caught.value)
    assert "a.nii.gz" in text and "but got 2" in text and "out_channels" in text and "at least 3" in text


def test_the_file_is_that_of_the_case_in_the_batch() -> None:
    batch = MetaTensor(torch.cat([label(0, 1), label(3)]), meta={"filename_or_obj": ["good.nii", "bad.nii"]})
    with pytest.raises(ConfigError, match=r"bad\.nii"):
        look(batch)


def test_a_label_that_is_no_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="NaN"):
        look(label(float("nan")))


def test_negative_labels_are_refused_unless_the_loss_leaves_them_out() -> None:
    with pytest.raises(ConfigError, match="MapLabelValued"):
        look(label(-1, 1))
    look(label(-1, 1), ignored=-1)


def test_labels_that_fit_pass() -> None:
    look(label(0, 1))
    look(label(0, 1, 2), channels=3)
    look(label(0, 1)[:, 0])


def test_one_channel_and_one_hot_labels_are_not_indices() -> None:
    look(label(0, 5), channels=1)
    look(torch.full((1, 2, 2, 2, 2), 7.0))


def test_which_losses_read_indices() -> None:
    assert takes_class_indices(DiceLoss(to_onehot_y=True))
    assert takes_class_indices(DiceCELoss(to_onehot_y=True))
    assert takes_class_indices(torch.nn.CrossEntropyLoss())
    assert not takes_class_indices(DiceLoss(sigmoid=True))
    assert not takes_class_indices(torch.nn.MSELoss())
    assert not takes_class_indices(lambda prediction, label: 0)
