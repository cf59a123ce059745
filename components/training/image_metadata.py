"""Metadata for predictions that have none."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import ensure_tuple_rep


class ImageMetadatad(MapTransform):
    """Gives tensors that do not say which file they are from the metadata of their image.

    Some transforms make new tensors (those of ``monai.apps.deepgrow``): what is predicted from them would be saved
    under a number. A tensor that names its file stays as it is. A config names it by
    ``"path": "medl.components.training.image_metadata.ImageMetadatad"``.

    Args:
        keys: the predictions.
        meta_keys: where the image's metadata are, for each key; as LoadImaged has them with ``image_only`` false.
        allow_missing_keys: whether a key may be missing.
    """

    def __init__(self, keys: KeysCollection, meta_keys: KeysCollection, allow_missing_keys: bool = False):
        super().__init__(keys, allow_missing_keys)
        self.meta_keys = ensure_tuple_rep(meta_keys, len(self.keys))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the case with metadata at its predictions."""
        item = dict(data)
        for key, meta_key in self.key_iterator(item, self.meta_keys):
            value, meta = item[key], item.get(meta_key)
            named = isinstance(value, MetaTensor) and value.meta.get("filename_or_obj")
            if isinstance(value, torch.Tensor) and isinstance(meta, Mapping) and not named:
                item[key] = MetaTensor(value.as_subclass(torch.Tensor), meta=dict(meta))
        return item
