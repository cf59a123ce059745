"""Ten thousand jobs through the core, and that its cost grows with their number only."""

from __future__ import annotations

import time

import pytest

from medl.automl.api import Controller
from medl.automl.core import Core
from medl.automl.defs import FloatRange, Outcome, ParameterRange, Recommendation, SearchResult, SearchSpace
from medl.automl.simulate import simulate
from medl.errors import RunError

PRL = "lr.float.$0:lr"
SPACE = SearchSpace((ParameterRange(PRL, "lr", "float", ("lr",), (FloatRange(0.0, 1.0),)),))


class Counting(Controller):
    """Recommends ``first`` at once and one more per outcome, up to ``total``."""

    def __init__(self, total, first):
        self.total, self.first, self.given = total, first, 0

    def set_search_space(self, space, ctx):
        self.space = space

    def _more(self, count):
        count = min(count, self.total - self.given)
        self.given += count
        numbers = range(self.given - count, self.given)
        return [Recommendation(f"t{n}", SearchResult(self.space, {PRL: (n % 100) / 100})) for n in numbers]

    def initial_recommendation(self, ctx):
        return self._more(self.first)

    def refine_recommendation(self, outcome, ctx):
        return self._more(1)


def job(recommendation):
    value = recommendation.result.values[PRL]
    return Outcome(recommendation.id, values={"dice": value}), 1.0 + value


def timed(count, first, workers=8):
    begun = time.process_time()
    simulated = simulate(Counting(count, first), SPACE, job, workers=workers)
    return time.process_time() - begun, simulated


@pytest.mark.parametrize("first", [8, 10_000])
def test_ten_thousand_jobs(first):
    small, _ = timed(2_000, min(first, 2_000))
    seconds, simulated = timed(10_000, first)
    assert simulated.core.status == "finished"
    assert len(simulated.core.jobs) == 10_000
    assert seconds < 10
    assert seconds < 5 * small * 2.5 + 0.5, "five times the jobs may not cost much more than five times the time"
    assert sum(simulated.busy_s.values()) == pytest.approx(10_000 * 1.495)
    assert simulated.makespan_s == pytest.approx(sum(simulated.busy_s.values()) / 8, rel=0.01)
    again = Core()
    for event in simulated.events:
        again.replay(event)
    assert again == simulated.core


def test_caps_and_stops():
    assert len(simulate(Counting(50, 50), SPACE, job, max_rounds=7).core.jobs) == 7
    stopped = simulate(Counting(50, 50), SPACE, job, max_jobs=5)
    assert stopped.core.status == "stopped"
    assert len(stopped.core.jobs) == 5


def test_what_a_run_refuses_a_simulation_refuses():
    class Twice(Counting):
        def refine_recommendation(self, outcome, ctx):
            return [Recommendation("t0", SearchResult(self.space, {PRL: 0.5}))]

    with pytest.raises(RunError, match=r"Twice.*'t0'.*already used"):
        simulate(Twice(5, 1), SPACE, job)
