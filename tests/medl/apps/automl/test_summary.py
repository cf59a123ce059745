"""``medl.apps.automl.summary``: the table of any run."""

from __future__ import annotations

import json

from medl.apps.automl import summary, train


def test_the_table_of_a_run(archive, capsys):
    assert train.main(["-m", str(archive.root), "--set", "run_id=a", "max_rounds=1"]) == 0
    capsys.readouterr()
    for words in (["run_id=a"], ["--set", "run_id=a"]):
        assert summary.main(["-m", str(archive.root), *words]) == 0
        said = capsys.readouterr().out
        for word in ("START", "END", "ROOT", "SCORE", "WORKER", "STATUS", "W1_1_J0", "W1_2_J1"):
            assert word in said
    assert summary.main(["-m", str(archive.root), "run_id=a", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "finished"


def test_a_run_that_is_not_there_names_those_that_are(archive, capsys):
    assert train.main(["-m", str(archive.root), "--set", "run_id=first", "max_rounds=1"]) == 0
    assert summary.main(["-m", str(archive.root), "run_id=frist"]) == 2
    error = capsys.readouterr().err
    assert 'Did you mean "first"?' in error
    assert summary.main(["-m", str(archive.root)]) == 2
    assert "Runs here: first." in capsys.readouterr().err


def test_an_archive_without_runs(archive, capsys):
    assert summary.main(["-m", str(archive.root), "run_id=a"]) == 2
    assert "There is no run in" in capsys.readouterr().err
