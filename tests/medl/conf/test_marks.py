from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.conf.marks import Mark, mark_of


@pytest.mark.parametrize(
    ("value", "mark"),
    [
        ("@model", Mark.REFERENCE),
        ("@lr_scheduler2", Mark.REFERENCE),
        ("@", Mark.PLAIN),
        ("@model.parameters()", Mark.PLAIN),
        ("@2", Mark.PLAIN),
        ("#@model.parameters()", Mark.EXPRESSION),
        ("#", Mark.EXPRESSION),
        ("lambda x: x", Mark.LAMBDA),
        ("lambda: 0", Mark.LAMBDA),
        ("lambda", Mark.PLAIN),
        ("lambda_gan", Mark.PLAIN),
        ("a lambda x: x", Mark.PLAIN),
        ("{epochs}", Mark.PLAIN),
        (["@model"], Mark.PLAIN),
        (None, Mark.PLAIN),
    ],
)
def test_each_mark(value: object, mark: Mark) -> None:
    assert mark_of(value) is mark
    assert mark.is_code == (mark in (Mark.EXPRESSION, Mark.LAMBDA))


@given(st.text())
def test_every_text_has_one_mark(text: str) -> None:
    mark = mark_of(text)
    assert (mark is Mark.EXPRESSION) == text.startswith("#")
    assert mark is not Mark.REFERENCE or text[1:].isidentifier()
