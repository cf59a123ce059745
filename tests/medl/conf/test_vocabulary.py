from __future__ import annotations

import pytest

from medl.conf import vocabulary
from medl.conf.bounded import FUNCTIONS
from medl.conf.interpreter import _resolve


def test_every_dotted_name_exists() -> None:
    pytest.importorskip("monai")
    assert all(_resolve(name) is not None for name in vocabulary.DOTTED)


def test_no_member_is_private_or_formats() -> None:
    assert not any(name.startswith("_") or "format" in name for name in vocabulary.MEMBERS)


def test_the_builtins_are_those_that_are_bounded() -> None:
    assert frozenset(FUNCTIONS) == vocabulary.BUILTINS
    dangerous = {
        "eval",
        "exec",
        "compile",
        "open",
        "getattr",
        "setattr",
        "type",
        "vars",
        "globals",
        "object",
        "iter",
        "map",
    }
    assert not dangerous & vocabulary.BUILTINS
