"""DEHB: its first bracket halves and goes on from checkpoints, after it every trial is a new one."""

from __future__ import annotations

import statistics

import pytest

from medl.automl.curves import CurveJobs
from medl.automl.defs import SearchSpace
from medl.automl.simulate import simulate
from medl.components.controllers.brackets import fitted, total_epochs
from medl.components.controllers.dehb import DehbController
from medl.components.controllers.hyperband import HyperbandController
from medl.testing.dialogue import run_context
from medl.testing.spaces import CONDITIONAL, FLOAT_ONLY, float_range

SIX = SearchSpace(tuple(float_range(f"x{number}", 0.0, 1.0) for number in range(6)))


def curve(values, epoch):
    return -sum((value - 0.3 - 0.05 * n) ** 2 for n, value in enumerate(values.values())) - 0.3 / epoch


def run(controller, space=FLOAT_ONLY, workers=4):
    jobs = CurveJobs(curve, epochs=27)
    return simulate(controller, space, jobs, workers=workers, ctx=run_context(workers)), jobs


def best(simulated):
    ended = [event["outcome"]["values"] for event in simulated.events if event["type"] == "job_ended"]
    return max(values["score"] for values in ended if values)


def test_only_the_first_bracket_goes_on_from_checkpoints():
    simulated, _ = run(DehbController(seed=3))
    trials = list(simulated.core.trials.values())
    first = fitted(27, 3, "paper", 27)[0]
    resumed = [trial for trial in trials if trial["resume_from"]]
    assert len(resumed) == sum(rung.trials for rung in first[1:])
    started = [trial for trial in trials if not trial["resume_from"]]
    assert {trial["until_epoch"] for trial in started} == {1, 3, 9, 27}


def test_all_brackets_run_twice_and_no_more_epochs_are_trained_than_said():
    simulated, jobs = run(DehbController())
    assert jobs.trained <= 2 * total_epochs(fitted(27, 3, "paper", 27))
    assert jobs.trained >= 0.9 * 2 * total_epochs(fitted(27, 3, "paper", 27))
    capped, jobs = run(DehbController(max_epochs_total=300))
    assert 250 <= jobs.trained <= 300
    assert len(capped.core.jobs) < len(simulated.core.jobs)


def test_ahead_of_hyperband_at_equal_epochs():
    pairs = []
    for seed in range(7):
        plain, jobs = run(HyperbandController(seed=seed, iterations=8), SIX)
        evolved, _ = run(DehbController(seed=seed, max_epochs_total=jobs.trained), SIX)
        pairs.append((best(evolved), best(plain)))
    assert statistics.median(a for a, _ in pairs) > statistics.median(b for _, b in pairs)
    assert sum(a > b for a, b in pairs) >= 5


def test_conditions_hold_for_mutants():
    def odd(values, epoch):
        return float(len(values)) + sum(map(float, values.values())) % 1

    jobs = CurveJobs(odd, epochs=27)
    simulated = simulate(DehbController(max_epochs_total=400), CONDITIONAL, jobs, workers=3, ctx=run_context(3))
    for trial in simulated.core.trials.values():
        assert not CONDITIONAL.faults(trial["values"])


def test_failures_everywhere_end_the_run():
    def broken(values, epoch):
        return float("nan")

    jobs = CurveJobs(broken, epochs=27)
    simulated = simulate(DehbController(max_epochs_total=200), FLOAT_ONLY, jobs, workers=3, ctx=run_context(3))
    assert simulated.core.status == "finished"
    assert not any(trial["resume_from"] for trial in simulated.core.trials.values())


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"mutation_factor": 3}, "mutation_factor must be a number between 0 and 2, but got 3"),
        ({"crossover_prob": -0.1}, "crossover_prob must be a number between 0 and 1, but got -0.1"),
        ({"max_epochs_total": 0}, "max_epochs_total must be a whole number of at least 1, but got 0"),
    ],
)
def test_args_out_of_bounds_are_refused(args, said):
    with pytest.raises(ValueError, match=said):
        DehbController(**args)
