"""Values in messages: short, and a long path keeps the end that tells it from others."""

from __future__ import annotations

from medl.errors import show_value


def test_a_long_path_keeps_both_ends() -> None:
    shown = show_value("/data/" + "folder/" * 40 + "label1.nii.gz")
    assert len(shown) == 120
    assert shown.startswith('"/data/folder/') and shown.endswith('label1.nii.gz"') and "…" in shown


def test_other_long_values_keep_their_beginning() -> None:
    assert show_value(list(range(100))).endswith("…") and len(show_value(list(range(100)))) == 120
    assert show_value("x" * 200).endswith("…")
    assert show_value("/data/a") == '"/data/a"'
