"""One line per event."""

from __future__ import annotations

from medl.automl.defs import FloatRange, ParameterRange, SearchSpace
from medl.automl.narration import ended, show_concrete
from medl.mmar.archive import MMAR

SPACE = SearchSpace(
    (
        ParameterRange("lr.float.$0:lr", "lr", "float", ("lr",), (FloatRange(0.0, 1.0),)),
        ParameterRange("net.enum.m$0:act,@disabled", "net", "enum", ("act", "@disabled"), (("relu", True),)),
    )
)
VALUES = {"lr.float.$0:lr": [0.0123456], "net.enum.m$0:act,@disabled": ["relu", True]}


def row(**more):
    return {"job": "W1_1_J1", "status": "ok", "score": 0.5, "epochs": [1, 2], "reason": None, **more}


def test_values():
    assert show_concrete(SPACE, VALUES) == "lr 0.01235, act relu, @disabled true"
    assert show_concrete(SPACE, {}, own=True) == "the archive's own values"
    assert "(lr 0.01235" in show_concrete(SPACE, VALUES, own=True)


def test_ends(tmp_path):
    archive = MMAR(tmp_path / "it's")
    best = row(job="W2_1_J2", score=0.75)
    assert (
        ended(row(), best, 3.21, archive)
        == "W1_1_J1 ends: score 0.5000 at epoch 2, 3.2 s; best so far 0.7500 (W2_1_J2)"
    )
    failed = row(status="failed", score=None, reason="exit code 1.")
    line = ended(failed, None, 61, archive)
    assert line == "W1_1_J1 failed after 61 s: exit code 1; only this job ends; no score so far"
    archive.commands.mkdir(parents=True)
    archive.log.touch()
    archive.round_script.touch()
    line = ended(failed, None, 61, archive)
    assert f"its log: {archive.log}" in line
    assert "rerun it alone: bash '" in line
