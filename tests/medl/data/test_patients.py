from __future__ import annotations

import pytest

from medl.data.patients import by_expression, by_table, numbered, stem
from medl.errors import ConfigError


def test_an_expression_finds_patients():
    assert by_expression(["a/p1_x.nii", "p2_y.nii"], "p[0-9]") == {"a/p1_x.nii": "p1", "p2_y.nii": "p2"}
    with pytest.raises(ConfigError, match=r"\(1 without\), but got \"q\.nii\""):
        by_expression(["p1.nii", "q.nii"], "p([0-9])")
    with pytest.raises(ConfigError, match="regular expression"):
        by_expression(["a"], "(")


def test_a_table_names_items_by_path_name_or_stem(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("file,patient\nimages/a.nii.gz,1\nb.nii.gz,1\nc,2\n", encoding="utf-8-sig")
    names = ["images/a.nii.gz", "images/b.nii.gz", "images/c.nii.gz"]
    assert list(by_table(names, table, "patient").values()) == ["1", "1", "2"]
    with pytest.raises(ConfigError, match='"patient"'):
        by_table(names, table, "patiant")
    with pytest.raises(ConfigError, match="1 without"):
        by_table(["d.nii"], table, "patient")
    with pytest.raises(ConfigError, match="cannot be read"):
        by_table(names, tmp_path / "none.csv", "patient")


def test_what_is_written_of_a_patient_says_nothing():
    assert numbered({"a": "Doe^Jane", "b": "Roe", "c": "Doe^Jane"}, ["a", "b", "c", "d"]) == {
        "a": "p001",
        "b": "p002",
        "c": "p001",
        "d": "p003",
    }


def test_stems():
    assert [stem(name) for name in ("a.nii.gz", "b.PNG", "c")] == ["a", "b", "c"]
