"""Functions over a batch become functions over its items, and give the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data import decollate_batch

from medl.conf.collated import decollated, keys_read
from medl.conf.expression import evaluate, parse_expression
from medl.conf.old_args import CannotTranslate

BATCH = {
    "pred": torch.rand(3, 2, 4, generator=torch.Generator().manual_seed(0)),
    "label": torch.ones(3, 2, 4),
    "loss": torch.tensor(0.5),
}


def value(text: str, given: Any) -> Any:
    return evaluate(parse_expression(text), lambda _: None)(given)


def items() -> list[dict[str, Any]]:
    return [{**item, "loss": 0.5} for item in decollate_batch({k: v for k, v in BATCH.items() if k != "loss"})]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lambda x: x['loss']", "#monai.handlers.from_engine(['loss'], first=True)"),
        ("lambda y: y['loss'] * 2", "lambda y: y[0]['loss'] * 2"),
        ("lambda x: (x['pred'], x['label'])", "#monai.handlers.from_engine(['pred', 'label'])"),
        ("lambda x: x['pred']", "#monai.handlers.from_engine(['pred'])"),
        (
            "lambda x: (x['pred'] > 0.5, x['label'])",
            "lambda x: ([item['pred'] > 0.5 for item in x], [item['label'] for item in x])",
        ),
        ("lambda x: x['pred'].sigmoid()", "lambda x: [item['pred'].sigmoid() for item in x]"),
    ],
)
def test_function_gives_the_same(old: str, new: str) -> None:
    assert decollated(old) == new
    before, after = value(old, BATCH), value(new, items())
    if not isinstance(before, tuple):
        before, after = (before,), (after,)
    for left, right in zip(before, after, strict=True):
        right = torch.stack(list(right)) if isinstance(right, (list, tuple)) else torch.as_tensor(right)
        assert torch.equal(torch.as_tensor(left), right)


@pytest.mark.parametrize(
    "text",
    [
        "lambda x: None",
        "lambda x: x",
        "lambda x: x[0]['loss']",
        "lambda x: [i['pred'] for i in x]",
        "#monai.handlers.from_engine(['loss'], first=True)",
        "plain",
        "lambda x: x['loss",
    ],
)
def test_anything_else_stays(text: str) -> None:
    assert decollated(text) == text


@pytest.mark.parametrize(
    "text", ["lambda x: x['pred'].mean()", "lambda x: x['pred'][0]", "lambda x: x['pred'] if x['loss'] else 0"]
)
def test_what_needs_the_whole_batch_is_refused(text: str) -> None:
    with pytest.raises(CannotTranslate, match="whole batch"):
        decollated(text)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("#monai.handlers.from_engine('pred')", ["pred"]),
        ("#monai.handlers.from_engine(['a', 'b'])", ["a", "b"]),
        ("lambda x: x['pred'] * 2", None),
        ("lambda x: [i['pred'] for i in x if i]", None),
        ("#len(@model)", None),
        (3, None),
    ],
)
def test_keys_read(text: Any, keys: list[str] | None) -> None:
    assert keys_read(text) == keys
