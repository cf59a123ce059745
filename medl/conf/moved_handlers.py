"""Handlers that are transforms today: those that saved and inverted predictions stand in ``post_transforms`` now."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from medl.conf.catalogue import Catalogue
from medl.conf.collated import keys_read
from medl.conf.json_path import child
from medl.conf.old_args import CannotTranslate
from medl.conf.rewriting import Rewriting
from medl.conf.sections import args_of, components, is_component
from medl.conf.translate import Row, table, today_class
from medl.errors import Problem

ENGINES = ("trainer", "evaluator")
Component = dict[str, Any]
IMAGE_METADATA = "medl.components.training.image_metadata.ImageMetadatad"


def move_handlers(
    config: Mapping[str, Any], catalogue: Catalogue, file: str = "", rows: Sequence[Row] | None = None
) -> Rewriting:
    """Return the config with the table's ``move`` rows applied.

    A handler leaves its list, and what does the same goes to the end of the section's ``post_transforms``, in the
    handlers' order. An engine that had no post transforms is given them.

    Args:
        config: a training config, variables already in.
        catalogue: knows which class a name stands for.
        file: the name shown in problems.
        rows: another table than ``config/translations.json``.
    """
    result = Rewriting(copy.deepcopy(dict(config)))
    moves = [row for row in (table() if rows is None else rows) if row["do"] == "move"]
    gone: dict[str, list[int]] = {}
    for place in list(components(result.config)):
        name = today_class(place, catalogue) if place.key == "handlers" and place.index is not None else ""
        row = next((row for row in moves if name in row["class"]), None)
        if row is None or place.index is None:
            continue
        where, args = args_of(place.spec)
        try:
            made = FUNCTIONS[row["function"]](dict(args) if isinstance(args, dict) else {})
        except CannotTranslate as error:
            remedy = "Write SaveImaged or Invertd in post_transforms."
            result.problems.append(Problem(str(error), file, f"{place.path}.{where}", remedy=remedy))
            made = []
        gone.setdefault(place.section, []).append(place.index)
        section, kept = result.config[place.section], {k: v for k, v in place.spec.items() if k in ("disabled", "rank")}
        had_none = row["to"] not in section
        transforms = section.setdefault(row["to"], [])
        if not isinstance(transforms, list):
            continue  # said by the schema
        for spec in made:
            result.paths[child(f"{place.section}.{row['to']}", len(transforms))] = place.path
            transforms.append({**spec, **kept})
        if had_none:
            _connect(section, row["to"])
        names = " and ".join(spec["name"] for spec in made)
        result.note(f"{name}: the handler is now {names} in {row['to']} ({row['why']}); translated.")
    for name, indices in gone.items():
        _leave_out(result, name, indices)
    return result


def _leave_out(result: Rewriting, section: str, indices: list[int]) -> None:
    """Take handlers out of a section, and remember where the others stood."""
    path = f"{section}.handlers"
    kept = [(old, item) for old, item in enumerate(result.config[section]["handlers"]) if old not in indices]
    result.config[section]["handlers"] = [item for _, item in kept]
    for new, (old, _) in enumerate(kept):
        if new != old:
            result.paths[child(path, new)] = child(path, old)


def _connect(section: dict[str, Any], key: str) -> None:
    """Give the section's engine its post transforms, where it has none."""
    for engine in ENGINES:
        specs = section.get(engine)
        for spec in specs if isinstance(specs, list) else [specs]:
            if isinstance(spec, dict) and is_component(spec):
                args = args_of(spec)[1]
                if isinstance(args, dict) and "network" in args:
                    args.setdefault("postprocessing", f"@{key}")


def saved_segmentation(args: dict[str, Any]) -> list[Component]:
    """Return SaveImaged for SegmentationSaver: the same files, named and placed as the image.

    Predictions for images that a transform has made anew carry no metadata; they are given those that
    ``batch_transform`` names.

    >>> spec = saved_segmentation({"output_dir": "eval", "output_transform": "lambda x: x['pred']"})[-1]
    >>> spec["args"]["keys"], spec["args"]["output_postfix"]
    ('pred', 'seg')
    """
    read = keys_read(args.get("output_transform", ""))
    if read is None or len(read) != 1:
        raise CannotTranslate("SegmentationSaver's output_transform names one key: \"lambda x: x['pred']\"")
    made: Component = {"keys": read[0], "output_postfix": "seg", "resample": True}
    placed: list[Component] = []
    if "batch_transform" in args:
        metadata = keys_read(args["batch_transform"])
        if metadata is None or len(metadata) != 1:
            raise CannotTranslate(
                "SegmentationSaver's batch_transform names one key: \"lambda x: x['image_meta_dict']\""
            )
        made["meta_keys"] = metadata[0]
        placed = [
            {"name": "ImageMetadatad", "path": IMAGE_METADATA, "args": {"keys": read[0], "meta_keys": metadata[0]}}
        ]
    left_out = ("output_transform", "batch_transform", "name")
    saver = {"name": "SaveImaged", "args": {**made, **{k: v for k, v in args.items() if k not in left_out}}}
    return [*placed, saver]


def inverted(args: dict[str, Any]) -> list[Component]:
    """Return CopyItemsd and Invertd for TransformInverter.

    MONAI 0.5 put the result beside the prediction, under ``pred_inverted``; 0.6 put it in the prediction's place.

    >>> [spec["name"] for spec in inverted({"output_keys": "pred"})]
    ['CopyItemsd', 'Invertd']
    """
    args = {name: value for name, value in args.items() if name not in ("loader", "collate_fn", "num_workers")}
    given = args.pop("output_keys", "pred")
    keys = [given] if isinstance(given, str) else list(given)
    in_place = "meta_keys" in args or "batch_meta_keys" in args
    postfix = args.pop("postfix", "inverted")
    names = keys if in_place else [f"{key}_{postfix}" for key in keys]
    originals = args.pop("batch_keys", "image")
    for old in ("meta_keys", "batch_meta_keys", "meta_key_postfix"):
        args.pop(old, None)
    inverse = {"keys": names, "transform": args.pop("transform", "@pre_transforms"), "orig_keys": originals}
    made = [{"name": "Invertd", "args": {**inverse, **args}}]
    if in_place:
        return made
    return [{"name": "CopyItemsd", "args": {"keys": keys, "times": 1, "names": names}}, *made]


FUNCTIONS: Mapping[str, Callable[[dict[str, Any]], list[Component]]] = {
    "inverted": inverted,
    "saved_segmentation": saved_segmentation,
}
"""The functions that the table's ``move`` rows may name."""
