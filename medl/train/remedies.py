"""What to do about errors of torch and MONAI that come from the data or the config. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Iterable

_REMEDIES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"stack expects each tensor to be equal size"),
        "The cases of a batch have one size: crop or pad them to it (RandSpatialCropd and SpatialPadd in "
        "train.pre_transforms), or set batch_size to 1",
    ),
    (
        re.compile(r"Expected \dD \(unbatched\) or \dD \(batched\) input to conv|to have \d+ channels?, but got \d+"),
        "spatial_dims of the network is the number of an image's axes (3 for volumes, 2 for slices), in_channels that "
        "of its channels",
    ),
    (
        re.compile(r"^RuntimeError: index \d+ is out of bounds for dimension [01] with size \d+"),
        "If that is a label: to_onehot and out_channels are the number of classes, background included, so more than "
        "the highest label",
    ),
    (
        re.compile(r"ground truth has different shape .* from input"),
        "The loss needs as many channels of the label as of the network: set to_onehot_y of the loss, and out_channels "
        "to the number of classes",
    ),
    (
        re.compile(r"Sizes of tensors must match except in dimension 1"),
        "The network halves an image's sides at each stride: crop or pad them to a multiple of all strides together "
        "(DivisiblePadd)",
    ),
)


def remedy(errors: Iterable[BaseException]) -> str:
    """Return what to do about the first known one among errors, as a sentence without its full stop; else nothing."""
    for error in errors:
        text = f"{type(error).__name__}: {error}"
        for pattern, words in _REMEDIES:
            if pattern.search(text):
                return words
    return ""
