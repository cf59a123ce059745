"""BOHB is hyperband with a model: it finds more at equal epochs, and learns where trials fail."""

from __future__ import annotations

import math
import statistics

import pytest

from medl.automl.curves import CurveJobs
from medl.automl.defs import SearchSpace
from medl.automl.simulate import simulate
from medl.components.controllers.bohb import BohbController
from medl.components.controllers.hyperband import HyperbandController
from medl.testing.spaces import FLOAT_ONLY, float_range

PROB, SHIFT = (parameter.prl for parameter in FLOAT_ONLY.parameters[1:])


def curve(values, epoch):
    return 1 - (values[PROB] - 0.7) ** 2 - (values[SHIFT] + 2.2) ** 2 - 0.3 / epoch


WIDE = SearchSpace(tuple(float_range(f"x{number}", 0.0, 1.0) for number in range(5)))


def bowl(values, epoch):
    return -sum((value - 0.3) ** 2 for value in values.values()) - 0.3 / epoch


def regret(controller):
    simulated = simulate(controller, WIDE, CurveJobs(bowl, epochs=27), workers=4)
    whole = [job.outcome for job in simulated.core.jobs.values() if job.outcome["epoch"] == 27]
    return -0.3 / 27 - max(outcome["values"]["score"] for outcome in whole), simulated.epochs


def test_it_is_ahead_of_random_at_equal_epochs():
    with_model = [regret(BohbController(seed=seed, iterations=3)) for seed in range(4)]
    at_random = [regret(HyperbandController(seed=seed, iterations=3)) for seed in range(4)]
    assert {epochs for _, epochs in with_model} == {epochs for _, epochs in at_random}
    medians = [statistics.median(one for one, _ in some) for some in (with_model, at_random)]
    assert medians[0] < 0.75 * medians[1]


@pytest.mark.parametrize("seed", range(3))
def test_it_avoids_the_half_in_which_trials_fail(seed):
    def failing(values, epoch):
        return math.nan if values[PROB] < 0.5 else curve(values, epoch)

    controller = BohbController(seed=seed, iterations=4)
    simulated = simulate(controller, FLOAT_ONLY, CurveJobs(failing, epochs=27), workers=4)
    new = [job.outcome["status"] for job in simulated.core.jobs.values() if "." not in str(job.trial)]
    assert new[:60].count("failed") > 5
    assert new[60:].count("failed") <= 0.2 * len(new[60:])


@pytest.mark.parametrize(
    "args", [{"kde_samples": 0}, {"top_n_percent": 0}, {"random_fraction": 1.5}, {"bandwidth_factor": 0}, {"R": 1}]
)
def test_wrong_args_are_named(args):
    with pytest.raises(ValueError, match=next(iter(args))):
        BohbController(**args)
