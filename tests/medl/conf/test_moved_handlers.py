"""Handlers that became transforms."""

from __future__ import annotations

from typing import Any

import pytest

from medl.conf.catalogue import Catalogue
from medl.conf.moved_handlers import inverted, move_handlers, saved_segmentation
from medl.conf.old_args import CannotTranslate

CATALOGUE = Catalogue.load()
SAVER = {"name": "SegmentationSaver", "args": {"output_transform": "lambda x: x['pred']"}}


def moved(section: dict[str, Any]) -> Any:
    return move_handlers({"validate": section}, CATALOGUE, "c.json")


def test_disabled_and_rank_go_along() -> None:
    made = moved({"handlers": [{**SAVER, "disabled": True, "rank": 0}]}).config["validate"]["post_transforms"][0]
    assert (made["name"], made["disabled"], made["rank"]) == ("SaveImaged", True, 0)


def test_it_goes_to_the_end_of_the_post_transforms_in_the_order_of_handlers() -> None:
    inverter = {"name": "TransformInverter", "args": {}}
    result = moved({"handlers": [inverter, SAVER], "post_transforms": [{"name": "Activationsd"}]})
    names = [spec["name"] for spec in result.config["validate"]["post_transforms"]]
    assert names == ["Activationsd", "CopyItemsd", "Invertd", "SaveImaged"]
    assert len(result.notes) == 2


def test_engine_without_post_transforms_gets_them_and_one_with_others_keeps_them() -> None:
    engine = {"name": "SupervisedEvaluator", "args": {"network": "@model"}}
    section = {"handlers": [SAVER], "evaluator": engine}
    assert moved(section).config["validate"]["evaluator"]["args"]["postprocessing"] == "@post_transforms"
    own = {**engine, "args": {"network": "@model", "postprocessing": "@mine"}}
    assert moved({**section, "evaluator": own}).config["validate"]["evaluator"]["args"]["postprocessing"] == "@mine"


def test_nothing_to_move_is_nothing_said() -> None:
    config = {"validate": {"handlers": [{"path": "mine.SegmentationSaver"}]}}
    result = move_handlers(config, CATALOGUE)
    assert (result.config, result.notes, result.problems, result.paths) == (config, [], [], {})


@pytest.mark.parametrize("args", [{}, {"output_transform": "lambda x: x['pred'] * 2"}])
def test_saver_of_something_else_is_a_problem(args: dict[str, Any]) -> None:
    with pytest.raises(CannotTranslate, match="names one key"):
        saved_segmentation(args)
    (problem,) = moved({"handlers": [{"name": "StatsHandler"}, {**SAVER, "args": args}]}).problems
    assert problem.path == "validate.handlers[1].args" and problem.remedy


def test_inverter_of_monai_06_works_in_place() -> None:
    (made,) = inverted({"output_keys": ["pred"], "meta_keys": "pred_meta_dict", "nearest_interp": False})
    assert made["args"] == {
        "keys": ["pred"],
        "transform": "@pre_transforms",
        "orig_keys": "image",
        "nearest_interp": False,
    }


def test_prediction_and_its_inverse_stand_side_by_side() -> None:
    import torch
    from monai.transforms import Compose, CopyItemsd, Invertd, SpatialPadd

    copied, inverse = inverted({"output_keys": "pred"})
    pad = Compose([SpatialPadd(keys="image", spatial_size=[6, 6])])
    item = pad({"image": torch.rand(1, 4, 4)})
    item = CopyItemsd(**copied["args"])({**item, "pred": item["image"] * 2})
    out = Invertd(**{**inverse["args"], "transform": pad})(item)
    assert out["pred"].shape == (1, 6, 6) and out["pred_inverted"].shape == (1, 4, 4)
