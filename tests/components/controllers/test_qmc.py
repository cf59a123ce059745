"""QmcController."""

from __future__ import annotations

import pytest

from medl.automl.defs import JobStatus, Outcome
from medl.components.controllers.qmc import QmcController
from medl.testing.controllers import ControllerContract
from medl.testing.dialogue import play
from medl.testing.spaces import FLOAT_ONLY, SPACES


class TestContract(ControllerContract):
    rounds = 9

    @pytest.fixture(params=["mixed", "single_point", "conditional", "discrete"])
    def space(self, request):
        return SPACES[request.param]

    @pytest.fixture
    def controller_factory(self):
        return lambda max_rounds, seed: QmcController(max_rounds, seed=seed)


def points(seed: int, status: JobStatus = JobStatus.OK) -> list[dict]:
    values = {"dice": 0.5} if status is JobStatus.OK else {}
    said = play(QmcController(65, seed=seed), FLOAT_ONLY, lambda r: Outcome(r.id, status, values))
    return [dict(r.result.values) for r in said.recommendations]


def test_it_fills_a_range_evenly():
    prl = FLOAT_ONLY.parameters[1].prl
    # the first one is drawn at random, then comes the sequence; its first 2^m points hit each of 2^m parts once
    assert sorted(int(p[prl] * 64) for p in points(0)[1:]) == list(range(64))


def test_outcomes_do_not_matter_and_seeds_do():
    assert points(0) == points(0, JobStatus.FAILED)
    assert points(0) != points(1)
