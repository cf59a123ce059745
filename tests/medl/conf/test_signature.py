"""Signatures read from sources that are never run."""

from __future__ import annotations

import inspect
from pathlib import Path
from textwrap import dedent

import pytest

from medl.conf.parameters import Parameter
from medl.conf.signature import NameMissing, Sources, signature_of


def source(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(dedent(text), encoding="utf-8")


def names(folder: Path, dotted: str) -> list[str]:
    signature = signature_of(dotted, [folder])
    assert not signature.open, "the signature should be known"
    return [p.name if p.required else f"{p.name}={p.default}" for p in signature.parameters]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class X:\n    def __init__(self, a, b=1, *, c, d='x'): ...", ["a", "b=1", "c", "d='x'"]),
        ("class X:\n    def __init__(self, a, /, b=None): ...", ["a", "b=None"]),
        ("class X:\n    def __new__(cls, a): ...", ["a"]),
        ("class X:\n    pass", []),
        ("def X(a, b=2): ...", ["a", "b=2"]),
        ("async def X(a): ...", ["a"]),
        ("class Y:\n    def __init__(self, a): ...\nclass X(Y):\n    pass", ["a"]),
        ("class Y:\n    def __init__(self, a): ...\nX = Y", ["a"]),
        ("from abc import ABC\nclass X(ABC):\n    def __init__(self, a): ...", ["a"]),
        ("from abc import ABC\nclass X(ABC):\n    pass", []),
        ("try:\n    import q\nexcept ImportError:\n    def X(a): ...", ["a"]),
        ("if True:\n    class X:\n        def __init__(self, a): ...", ["a"]),
        ("def X(a): ...\ndef X(b): ...", ["b"]),
        (
            "from dataclasses import dataclass, field\nfrom typing import ClassVar\n@dataclass\nclass X:\n    a: int\n"
            "    b: list = field(default_factory=list)\n    c: int = field(init=False)\n    d: ClassVar[int] = 1\n",
            ["a", "b=list"],
        ),
    ],
)
def test_parameters_of_classes_and_functions(tmp_path: Path, text: str, expected: list[str]) -> None:
    source(tmp_path, "mine.py", text)
    assert names(tmp_path, "mine.X") == expected


@pytest.mark.parametrize(
    "text",
    [
        "class X:\n    def __init__(self, a, **kwargs): ...",
        "from nowhere_at_all import Y\nclass X(Y):\n    pass",
        "from nowhere_at_all import X",
        "import functools\nX = functools.partial(print)",
        "@decorate\ndef X(a): ...",
        "class X:\n    @decorate\n    def __init__(self, a): ...",
        "class X(metaclass=M):\n    pass",
        "from typing import NamedTuple\nclass X(NamedTuple):\n    a: int",
        "def __getattr__(name): ...",
        "from nowhere_at_all import *",
        "class X(X):\n    pass",
        "A = X\nX = A",
        "class X(make_base()):\n    pass",
    ],
)
def test_what_the_source_does_not_say_is_let_through(tmp_path: Path, text: str) -> None:
    source(tmp_path, "mine.py", text)
    assert signature_of("mine.X", [tmp_path]).open


def test_source_is_not_run(tmp_path: Path) -> None:
    source(tmp_path, "mine.py", "raise SystemExit('this was run')\nclass X:\n    def __init__(self, a): ...")
    assert names(tmp_path, "mine.X") == ["a"]


def test_imports_and_packages_are_followed(tmp_path: Path) -> None:
    source(tmp_path, "pkg/__init__.py", "from .inner import X as Public\nfrom . import other\nfrom .stars import *")
    source(tmp_path, "pkg/inner.py", "from .base import Base\nclass X(Base):\n    pass")
    source(tmp_path, "pkg/base.py", "class Base:\n    def __init__(self, a, b=0): ...")
    source(tmp_path, "pkg/stars.py", "class Starred:\n    def __init__(self, s): ...")
    source(tmp_path, "mine.py", "import pkg.base\nclass X(pkg.base.Base): ...")
    source(tmp_path, "other.py", "import pkg.base as base\nclass Y(base.Base): ...")
    assert names(tmp_path, "pkg.Public") == ["a", "b=0"]
    assert names(tmp_path, "pkg.inner.X") == ["a", "b=0"]
    assert names(tmp_path, "pkg.Starred") == ["s"]
    assert names(tmp_path, "mine.X") == ["a", "b=0"]
    assert names(tmp_path, "other.Y") == ["a", "b=0"]


def test_own_class_over_one_of_monai(tmp_path: Path) -> None:
    source(
        tmp_path,
        "mine.py",
        "from monai.engines import SupervisedTrainer\nimport torch\n"
        "class X(SupervisedTrainer):\n    pass\nclass Net(torch.nn.Module):\n    pass",
    )
    assert names(tmp_path, "mine.X")[:2] == ["device", "max_epochs"]
    assert names(tmp_path, "mine.Net") == []


@pytest.mark.parametrize(
    ("dotted", "reason", "near"),
    [
        ("mine.Xx", 'the module "mine" has no "Xx"', ("mine.X",)),
        ("mine_.X", 'there is no module "mine_"', ("mine",)),
        ("pkg.innner.X", 'there is no module "pkg.innner"', ("pkg.inner",)),
        ("X", '"X" is no "module.Class"', ()),
        ("wrong.X", "wrong.py is not Python: line 1", ()),
        ("not-a-name.X", 'there is no module "not-a-name"', ()),
    ],
)
def test_name_that_leads_nowhere(tmp_path: Path, dotted: str, reason: str, near: tuple[str, ...]) -> None:
    source(tmp_path, "mine.py", "class X: ...")
    source(tmp_path, "pkg/__init__.py", "")
    source(tmp_path, "pkg/inner.py", "")
    source(tmp_path, "wrong.py", "class X(:")
    with pytest.raises(NameMissing) as caught:
        signature_of(dotted, [tmp_path])
    assert reason in caught.value.reason
    assert caught.value.near == near


def test_compiled_module_is_unknown_rather_than_missing() -> None:
    assert signature_of("math.sqrt").open


def test_folders_are_searched_alone_when_asked(tmp_path: Path) -> None:
    source(tmp_path, "mine.py", "")
    sources = Sources([tmp_path])
    assert sources.module_file("mine", installed=False) == tmp_path / "mine.py"
    assert sources.module_file("json", installed=False) is None
    assert sources.module_file("json") is not None


def test_components_of_ours_are_found_without_import() -> None:
    file = Sources().module_file("medl.components")
    assert file is not None
    assert file.parent.name == "components"


def test_own_source_agrees_with_inspect() -> None:
    expected = [p for p in inspect.signature(Parameter).parameters]
    assert [p.name for p in signature_of("medl.conf.parameters.Parameter").parameters] == expected
