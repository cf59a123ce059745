"""Searches whose scores do not compare: what is searched changes the images on which a job is validated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from medl.automl.placement import Placement, component, own_args, placements
from medl.automl.prl import Steps
from medl.automl.search_grammar import read_sections
from medl.automl.search_sections import DISABLED, Sections, json_path, walk
from medl.conf.sections import alias, class_name

GEOMETRY: dict[str, tuple[str, ...]] = {
    "Affine": ("rotate_params", "shear_params", "translate_params", "scale_params", "affine", "spatial_size"),
    "BorderPad": ("spatial_border",),
    "CenterScaleCrop": ("roi_scale",),
    "CenterSpatialCrop": ("roi_size",),
    "CropForeground": ("margin", "k_divisible", "allow_smaller", "select_fn", "source_key", "channel_indices"),
    "DivisiblePad": ("k",),
    "RandCropByLabelClasses": ("spatial_size", "num_samples", "ratios"),
    "RandCropByPosNegLabel": ("spatial_size", "num_samples", "pos", "neg"),
    "RandSpatialCrop": ("roi_size", "max_roi_size", "random_center", "random_size"),
    "RandSpatialCropSamples": ("roi_size", "max_roi_size", "random_center", "random_size", "num_samples"),
    "Resize": ("spatial_size", "size_mode"),
    "ResizeWithPadOrCrop": ("spatial_size",),
    "Rotate": ("angle", "keep_size"),
    "Spacing": ("pixdim", "diagonal", "scale_extent", "min_pixdim", "max_pixdim"),
    "SpatialCrop": ("roi_center", "roi_size", "roi_start", "roi_end", "roi_slices"),
    "SpatialPad": ("spatial_size",),
    "Zoom": ("zoom", "keep_size"),
}
"""MONAI's transforms that change size, spacing or extent of an image, and their args that decide about it."""

_VARIABLE = re.compile(r"\{([^\W\d]\w*)\}")


def geometry_warnings(config: Mapping[str, Any], file: str = "") -> list[str]:
    """Return one line for each searched value that changes the geometry of the validation images.

    That is: of a transform in the table above, an arg named there or ``@disabled``, where the transform stands in
    ``validate`` or is taken over into it by ``ref``; also through a searched first-level value.
    """
    if config.get("score_space") == "native":  # scored in the geometry of the untouched labels
        return []
    sections = read_sections(config, file)
    places = placements(config, sections)
    used = _validation_transforms(config)
    found: list[str] = []
    for placement in places:
        if placement.steps:
            found += _direct(config, placement, used)
        else:
            found += _by_variable(config, placement, used)
    return [f"{file}: {line}" if file else line for line in found]


def search_warnings(config: Mapping[str, Any], file: str = "") -> list[str]:
    """Return one line for each thing that is allowed but spoils a search.

    Those of :func:`geometry_warnings`, and searched first-level values that nothing in the config refers to.
    """
    return [*geometry_warnings(config, file), *_unused_variables(config, read_sections(config, file), file)]


def _validation_transforms(config: Mapping[str, Any]) -> dict[Steps, str]:
    """Return the way to each transform of the table that validation uses, and the words for how it does."""
    found: dict[Steps, str] = {}
    train = [(("train", *steps), node) for steps, node in walk(config.get("train"))]
    for steps, node in walk(config.get("validate")):
        way = ("validate", *steps)
        if isinstance(node.get("ref"), str):
            for origin, other in train:
                if _is_called(other, node["ref"]):
                    found.setdefault(origin, f"{json_path(*way)} takes it over by ref")
                    found.setdefault(way, "it is part of the validation")
                    break
        else:
            found[way] = "it is part of the validation"
    return found


def _direct(config: Mapping[str, Any], placement: Placement, used: Mapping[Steps, str]) -> Iterator[str]:
    if placement.steps not in used:
        return
    node = component(config, placement.steps)
    if "ref" in node:
        train = (other for _, other in walk(config.get("train")) if _is_called(other, node["ref"]))
        node = next(train, node)
    name = _table_name(node)
    if name is not None and (placement.target == DISABLED or placement.target in GEOMETRY[name]):
        yield _line(placement, f"{placement.target} of {class_name(node)}", used[placement.steps])


def _by_variable(config: Mapping[str, Any], placement: Placement, used: Mapping[Steps, str]) -> Iterator[str]:
    for steps, how in used.items():
        node = component(config, steps)
        name = _table_name(node)
        if name is None:
            continue
        values = {key: value for key, value in own_args(node).items() if key in GEOMETRY[name]}
        values[DISABLED] = node.get("disabled")
        for key, value in values.items():
            if placement.target in _variables(value):
                yield _line(placement, f"{key} of {class_name(node)} through {{{placement.target}}}", how)
                return


def _line(placement: Placement, what: str, how: str) -> str:
    return (
        f"{placement.place}: the search changes {what}, and {how}: jobs are validated on different images, "
        "their scores do not compare."
    )


def _unused_variables(config: Mapping[str, Any], sections: Sections, file: str) -> Iterator[str]:
    taken = set(_variables({key: value for key, value in config.items() if key != "search"})) | {
        "epochs",
        "amp",
        "tf32",
        "use_gpu",
        "multi_gpu",
        "cudnn_benchmark",
        "determinism",
    }
    applied = {use.alias for use in sections.uses}
    for placement in placements(config, sections):
        target = placement.target
        name = placement.item.names[placement.position]
        if not placement.steps and target not in taken and not {target, name.alias} & applied:
            place = f"{file}: {placement.place}" if file else placement.place
            yield f'{place}: nothing in the config refers to "{{{target}}}", so searching it changes nothing.'


def _variables(value: Any) -> Iterator[str]:
    """Yield the names in braces in every text of a value."""
    if isinstance(value, str):
        yield from _VARIABLE.findall(value)
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _variables(member)
    elif isinstance(value, list):
        for member in value:
            yield from _variables(member)


def _bare(name: str) -> str:
    """Return a transform's name without the ``d``, ``D`` or ``Dict`` of its dictionary form."""
    for ending in ("Dict", "d", "D"):
        if name.endswith(ending):
            return name.removesuffix(ending)
    return name


def _table_name(node: Mapping[str, Any]) -> str | None:
    name = class_name(node)
    return next((known for known in (name, _bare(name)) if known in GEOMETRY), None)


def _is_called(node: Mapping[str, Any], ref: Any) -> bool:
    """Return whether ``ref`` means this component: by its alias or by its class's name."""
    own = class_name(node)
    if not own or not isinstance(ref, str):
        return False
    return ref == alias(node) or bool({ref, _bare(ref)} & {own, _bare(own)})
