from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.automl import prl
from medl.automl.prl import PRL

TEXTS = {
    "lr.enum.train.lr_policy$0:poly_power": PRL("lr", "enum", "train.lr_policy", 0, ("poly_power",)),
    "net.enum.train.model$1:final_activation": PRL("net", "enum", "train.model", 1, ("final_activation",)),
    "transform.enum.train.pre_transforms.#8$0:prob": PRL("transform", "enum", "train.pre_transforms.#8", 0, ("prob",)),
    "lr.float.$0:learning_rate": PRL("lr", "float", "", 0, ("learning_rate",)),
    "net.enum.$12:a,@b": PRL("net", "enum", "", 12, ("a", "@b")),
}

keys = st.text(st.characters(exclude_characters=".$:#,", exclude_categories=("Cs",)), min_size=1, max_size=8)
steps = st.lists(keys | st.integers(0, 500), max_size=5).map(tuple)
args = st.lists(st.from_regex(r"@?[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True), min_size=1, max_size=3).map(tuple)


@pytest.mark.parametrize(("text", "expected"), TEXTS.items())
def test_recorded_texts_are_read_and_written(text: str, expected: PRL) -> None:
    assert prl.parse(text) == expected
    assert prl.format(expected) == text
    assert str(expected) == text


@given(
    st.sampled_from(["lr", "net", "transform"]),
    st.sampled_from(["float", "int", "enum"]),
    steps,
    st.integers(0, 99),
    args,
)
def test_round_trip(domain, kind, way, index, names) -> None:
    made = PRL(domain, kind, prl.path_of(way), index, names)
    text = str(made)
    assert prl.parse(text) == made
    assert prl.parse(text).steps == way
    assert text.split(":")[1] == ",".join(names), "user code reads the args behind the only colon"
    assert f".{kind}" in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "train.model$0:act",
        "loss.enum.train.model$0:act",
        "net.ints.train.model$0:act",
        "net.enum.train.model:act",
        "net.enum.train.model$0:",
        "net.enum.train.model$-1:act",
        "net.enum.train.model$0:act:norm",
        "net.enum.train.model$0:act#shared",
        "net.enum.train.list.#0$0:act",
        "net.enum.train..model$0:act",
        "net.enum.train.model$0:act\n",
        "net.enum.train.model$01:act",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="locator reads"):
        prl.parse(text)


@pytest.mark.parametrize("key", ["a.b", "a$0", "a:b", "#1", "a,b", ""])
def test_keys_that_locators_cannot_hold_are_refused(key: str) -> None:
    assert not prl.can_be_step(key)
    with pytest.raises(ValueError, match="key on the way"):
        prl.path_of(("train", key))
