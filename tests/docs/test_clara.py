"""What docs/clara.md says of old configs is what the tables hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from medl.assets import asset
from medl.conf.implicit_style import NAME_LISTS, UNSAID
from medl.conf.translate import table

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def text() -> str:
    return (REPOSITORY / "docs" / "clara.md").read_text(encoding="utf-8")


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("row", table(), ids=lambda row: f"{row['class'][0]}-{row['do']}-{row.get('arg', '')}")
def test_every_row_has_a_line(text: str, row: dict[str, object]) -> None:
    names = row["class"]
    assert isinstance(names, list)
    said = [line for line in lines(text) if line.startswith(f"| {', '.join(names)} |")]
    if row["do"] == "default":
        said = [line for line in said if line.endswith(f"| {row['since']} |")]
    wanted = row.get("args", [row["arg"]] if "arg" in row else [])
    assert isinstance(wanted, list)
    assert any(all(f"`{arg}`" in line for arg in wanted) for line in said), names


def test_what_was_unsaid_is_named(text: str) -> None:
    for name in ("optimizer", "lr_scheduler", "dataset", "dataloader", *NAME_LISTS):
        assert f"`{name}`" in text or f'"{name}"' in text or f"{name} without" in text or "an optimizer without" in text
    for name in UNSAID:
        assert name in text, name


def test_files_that_are_named_exist(text: str) -> None:
    for name in re.findall(r"`config/([a-z_.]+\.json)`", text):
        assert (asset("config") / name).is_file(), name
    for name in re.findall(r"`(medl/conf/[a-z_]+\.py)`", text):
        assert (REPOSITORY / name).is_file(), name
