"""Regularized evolution: children differ in one value, parents are of the last ones judged."""

from __future__ import annotations

from random import Random

import pytest

from medl.automl.curves import CurveJobs
from medl.automl.defs import JobStatus, Observation, Outcome
from medl.automl.simulate import simulate
from medl.automl.unit_cube import draw_point, to_unit
from medl.components.controllers.evolution import EvolutionController, RegularizedEvolution, mutated
from medl.components.controllers.random import RandomController
from medl.testing.dialogue import run_context, told
from medl.testing.spaces import CONDITIONAL, FLOAT_ONLY, MANY, MIXED


@pytest.mark.parametrize("space", [FLOAT_ONLY, MIXED, MANY, CONDITIONAL])
def test_a_child_is_a_point_that_differs_in_one_value_of_its_parent(space):
    random = Random(1)
    for _ in range(200):
        parent = draw_point(space, random)
        child = mutated(space, parent, random)
        assert not space.faults(child)
        changed = [prl for prl in parent if prl in child and child[prl] != parent[prl]]
        assert len(changed) == 1


def test_parents_are_the_last_ones_judged_however_good_older_ones_were():
    evolution = RegularizedEvolution(population_size=3, sample_size=3, seed=0)
    prl = FLOAT_ONLY.parameters[1].prl
    points = [{p.prl: p.targets[0].min for p in FLOAT_ONLY.parameters} | {prl: 0.1 * n} for n in range(6)]
    scores = [9.0, 8.0, 7.0, 1.0, 3.0, 2.0]
    known = [Observation(point, (score,)) for point, score in zip(points, scores, strict=True)]
    parent = points[4]  # the best of the last three; the sample of three with repeats misses it at times
    from_parent = 0
    for number in range(6, 206):
        child = evolution.suggest(FLOAT_ONLY, number, known, [])
        same = [[p.prl for p in FLOAT_ONLY.parameters if child[p.prl] == point[p.prl]] for point in points]
        assert max(map(len, same[3:])) >= len(FLOAT_ONLY.parameters) - 1
        from_parent += len(same[4]) == len(FLOAT_ONLY.parameters) - 1 or child[prl] != parent[prl]
    assert from_parent > 100


def test_ahead_of_random_where_the_score_can_be_climbed():
    def curve(values, epoch):
        return -sum((to_unit(FLOAT_ONLY[prl], value) - 0.3) ** 2 for prl, value in values.items())

    def best(controller):
        events = simulate(controller, FLOAT_ONLY, CurveJobs(curve, epochs=1), workers=4).events
        return max(e["outcome"]["values"]["score"] for e in events if e["type"] == "job_ended")

    wins = [best(EvolutionController(60, seed=seed)) > best(RandomController(60, seed=seed)) for seed in range(11)]
    assert sum(wins) >= 9


def test_one_that_failed_is_a_parent_only_where_all_failed():
    ctx = run_context()
    controller = EvolutionController(8, population_size=3)
    controller.set_search_space(FLOAT_ONLY, ctx)
    queue = list(controller.initial_recommendation(ctx))
    for _ in range(8):
        queue += told(controller, Outcome(queue.pop(0).id, JobStatus.FAILED), ctx)
    assert not queue


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"population_size": 0}, "population_size must be a whole number of at least 1, but got 0"),
        ({"population_size": 3, "sample_size": 4}, "sample_size must be at most population_size 3, but got 4"),
        ({"seed": 0.5}, "seed must be a whole number, but got 0.5"),
        ({"max_recommendations": 0}, "max_recommendations must be a whole number of at least 1, but got 0"),
    ],
)
def test_args_out_of_bounds_are_refused(args, said):
    with pytest.raises(ValueError, match=said):
        EvolutionController(**args)
