"""Errors inside an engine."""

from __future__ import annotations

import logging

import pytest
from ignite.engine import Engine
from monai.handlers import StatsHandler

from medl.errors import TrainingError
from medl.train.pass_on import PassOn


def test_the_error_comes_out_before_anyone_logs_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def fail(engine: Engine, batch: object) -> None:
        raise TrainingError("epoch 1: no")

    engine = Engine(fail)
    PassOn().attach(engine)
    StatsHandler(name=None).attach(engine)
    with caplog.at_level(logging.INFO), pytest.raises(TrainingError, match="epoch 1: no"):
        engine.run([0])
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
