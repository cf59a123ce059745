"""The result files that an evaluation would overwrite, told from its config and its data list alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from medl.conf.data_list import read_data_list
from medl.conf.references import one_spelling
from medl.conf.sections import Place, args_of, class_name, components, is_disabled
from medl.errors import ConfigError

_COMPRESSED = (".gz", ".bz2", ".xz")


def overwritten(config: Mapping[str, Any], root: Path) -> list[Path]:
    """Return the existing files that a run of this config would write again.

    Known are those of MetricsSaver, ClassificationSaver and SaveImaged.

    Args:
        config: the checked config in its normal form.
        root: the archive's folder, absolute.
    """
    found: dict[Path, None] = {}
    for place in components(config):
        if is_disabled(place.spec):
            continue
        name, args = class_name(place.spec), args_of(place.spec)[1]
        if place.key == "handlers" and name == "MetricsSaver":
            found.update(dict.fromkeys(_tables(_folder(root, args.get("save_dir", ".")))))
        elif place.key == "handlers" and name == "ClassificationSaver":
            path = _folder(root, args.get("output_dir", ".")) / str(args.get("filename", "predictions.csv"))
            found.update({path: None} if path.is_file() else {})
        elif place.key == "post_transforms" and one_spelling(name) == "SaveImaged":
            found.update(dict.fromkeys(_images(place, args, config, root)))
    return list(found)


def _folder(root: Path, given: Any) -> Path:
    return Path(os.path.join(root, str(given)))


def _tables(folder: Path) -> Iterator[Path]:
    yield from sorted(
        path
        for ending in ("metrics.csv", "*_raw.csv", "*_summary.csv")
        for path in folder.glob(ending)
        if path.is_file()
    )


def _images(place: Place, args: Mapping[str, Any], config: Mapping[str, Any], root: Path) -> Iterator[Path]:
    """Give the images there are of the cases that would be saved."""
    folder = _folder(root, args.get("output_dir", "."))
    if not folder.is_dir():
        return
    postfix = str(args.get("output_postfix", "trans"))
    starts = {f"{stem}_{postfix}" if postfix else stem for stem in _cases(config, root, place.section)}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and any(path.name.startswith(f"{start}.") for start in starts):
            yield path


def _cases(config: Mapping[str, Any], root: Path, section: str) -> Iterator[str]:
    """Give the names under which SaveImaged writes the cases of a section's data list."""
    for place in components(config):
        key, listed = place.spec.get("data_list_key"), place.spec.get("data_list_file_path")
        if place.key != "dataset" or place.section != section or is_disabled(place.spec):
            continue
        if isinstance(key, str) and isinstance(listed, str):
            try:
                items = read_data_list(root / listed, key, root)
            except ConfigError:  # said by the check of the config
                continue
            for item in items:
                image = item.get("image")
                first = image[0] if isinstance(image, list) and image else image
                if isinstance(first, str):
                    yield case_name(first)


def case_name(path: str) -> str:
    """Return a file's name without its ending, as MONAI's SaveImage does.

    >>> case_name("images/liver_7.nii.gz"), case_name("ct.7/series")
    ('liver_7', 'series')
    """
    name = os.path.basename(path.rstrip("/"))
    stem, ending = os.path.splitext(name)
    return os.path.splitext(stem)[0] if ending in _COMPRESSED else stem
