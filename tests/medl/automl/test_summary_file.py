"""summary.json while the run goes on, and at its end."""

from __future__ import annotations

import json

from medl.automl.summary import Rows
from medl.automl.summary_file import SummaryFile


def test_it_is_written_at_once_and_at_the_end_in_any_case(tmp_path):
    said = []
    file = SummaryFile(tmp_path / "summary.json", rows := Rows("a"), said.append)
    file.write({})
    assert json.loads((tmp_path / "summary.json").read_text()) == rows.value()
    file._cost = 1000.0  # it takes very long: then it waits
    file.write({})
    assert file.stale
    file.write({}, last=True)
    assert not file.stale
    assert json.loads((tmp_path / "summary.json").read_text())["status"] == "interrupted"
    assert said == []


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    said = []
    SummaryFile(tmp_path / "none" / "summary.json", Rows("a"), said.append).write({})
    assert len(said) == 1
    assert "cannot be written" in said[0]


def test_the_last_one_is_known(tmp_path):
    file = SummaryFile(tmp_path / "summary.json", Rows("a"), print)
    assert not file.is_last()
    file.write({})
    assert not file.is_last()
    file.write({}, last=True)
    assert file.is_last()
