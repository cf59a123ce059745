"""ReinforcementController: the recorded order, what it learns, and that it is ahead of random values."""

from __future__ import annotations

import math
import statistics

import pytest

from medl.automl.defs import Context, FloatRange, IntRange, JobStatus, Outcome, ParameterRange, SearchSpace
from medl.components.controllers.random import RandomController
from medl.components.controllers.reinforcement import ReinforcementController
from medl.testing.dialogue import play
from medl.testing.simulated import SPACE, SimulatedTraining
from medl.testing.spaces import CONDITIONAL, ENUM_ONLY, MANY, MIXED, SINGLE_POINT, enum_range, float_range


def points(said):
    return [tuple(r.result.values.values()) for r in said.recommendations]


def test_a_space_of_enums_comes_at_once_in_grid_order():
    space = SearchSpace((enum_range("a", 1, 2), enum_range("b", 1, 2), enum_range("c", 1, 2)))
    controller = ReinforcementController(max_rounds=100)
    controller.set_search_space(space, Context())
    given = controller.initial_recommendation(Context())
    assert [tuple(r.result.values.values()) for r in given][:5] == [
        (0, 0, 0),
        (1, 0, 0),
        (0, 1, 0),
        (1, 1, 0),
        (0, 0, 1),
    ]
    assert len(given) == 8
    assert controller.refine_recommendation(Outcome(given[0].id, JobStatus.OK, {"d": 1.0}), Context()) == []
    assert controller.parallelism(space) == 8


@pytest.mark.parametrize("max_rounds", [1, 5, 18, 30])
def test_max_rounds_caps_the_grid(max_rounds):
    controller = ReinforcementController(max_rounds=max_rounds)
    assert len(play(controller, ENUM_ONLY).recommendations) == min(18, max_rounds) == controller.count(ENUM_ONLY)
    assert controller.count(MIXED) == max_rounds


def test_with_a_float_each_combination_starts_at_the_means_one_job_at_a_time():
    space = SearchSpace((float_range("lr", 0.0, 1.0, "lr"), enum_range("a", 1, 2), enum_range("b", 1, 2, 3)))
    controller = ReinforcementController(max_rounds=9)
    said = play(controller, space, workers=8)
    assert points(said)[:6] == [(0.5, 0, 0), (0.5, 1, 0), (0.5, 0, 1), (0.5, 1, 1), (0.5, 0, 2), (0.5, 1, 2)]
    assert len(points(said)) == 9
    assert all(p[0] != 0.5 for p in points(said)[6:])
    assert all(len(given) <= 1 for _, given in said.turns)
    assert said.most_open == 1 == controller.parallelism(space)


def test_a_closed_range_beside_enums_is_still_a_grid():
    space = SearchSpace((float_range("p", 0.3, 0.3), enum_range("a", 1, 2, 3)))
    controller = ReinforcementController(max_rounds=8)
    said = play(controller, space)
    assert points(said) == [(0.3, 0), (0.3, 1), (0.3, 2)]
    assert len(said.turns[0][1]) == 3 == controller.parallelism(space)
    assert points(play(ReinforcementController(), SINGLE_POINT)) == [(0.5, 0)]


def test_eight_rounds_of_eight_combinations_are_all_starts():
    space = SearchSpace((float_range("lr", 0.0, 1.0), *(enum_range(n, 1, 2) for n in "abc")))
    assert {p[0] for p in points(play(ReinforcementController(), space))} == {0.5}


def test_failed_jobs_push_away_and_interrupted_ones_teach_nothing():
    space = SearchSpace((float_range("lr", 0.0, 1.0),))

    def mean_after(status: JobStatus) -> float:
        controller = ReinforcementController(max_rounds=60, seed=1)

        def answer(r):
            value = r.result.values["transform.float.$0:lr"]
            return Outcome(r.id, status) if value > 0.5 else Outcome(r.id, JobStatus.OK, {"d": 0.5 + 0.1 * value})

        said = play(controller, space, answer)
        return statistics.mean(p[0] for p in points(said)[30:])

    assert mean_after(JobStatus.FAILED) < mean_after(JobStatus.INTERRUPTED)
    assert mean_after(JobStatus.FAILED) < 0.55


def test_it_settles_where_scores_are_best():
    space = SearchSpace((float_range("lr", -2.0, 2.0), enum_range("a", "x", "y", "z")))

    def answer(r):
        value, choice = r.result.values.values()
        return Outcome(r.id, JobStatus.OK, {"d": 100.0 - 10 * (value - 1.2) ** 2 - 5 * (choice != 1)})

    late = points(play(ReinforcementController(max_rounds=300), space, answer))[-60:]
    assert statistics.mean(p[0] for p in late) == pytest.approx(1.2, abs=0.25)
    assert sum(p[1] == 1 for p in late) > 50


@pytest.mark.parametrize("factor", [1e-9, 1.0, 1e9])
def test_the_scale_of_the_scores_does_not_matter(factor):
    def answer(r):
        return Outcome(r.id, JobStatus.OK, {"d": factor * (r.result.values["lr.float.$0:learning_rate"] + 3)})

    plain = points(play(ReinforcementController(max_rounds=30), MIXED, answer))
    factor = 4.0 * factor  # a power of two: not even roundings differ
    assert points(play(ReinforcementController(max_rounds=30), MIXED, answer)) == plain


def test_reward_scale_zero_learns_nothing_and_other_args_change_the_search():
    plain = points(play(ReinforcementController(max_rounds=20), MIXED))
    for args in (
        {"reward_scale": 50.0},
        {"learning_rate": 0.5},
        {"baseline_decay": 0.1},
        {"entropy": 0.3},
        {"width": 0.1},
        {"seed": 1},
    ):
        other = points(play(ReinforcementController(max_rounds=20, **args), MIXED))
        assert other[:6] == plain[:6]
        assert other != plain, f"{args} changes nothing"
    still = ReinforcementController(max_rounds=40, reward_scale=0.0, entropy=0.0)
    play(still, MIXED)
    assert all(g.mean == 0.5 and math.isclose(g.width, 0.3) for g in still._gaussian.values())


def test_a_range_as_wide_as_floats_go_and_a_grid_beyond_all_rounds():
    wide = SearchSpace((float_range("x", -1.7e308, 1.7e308),))
    assert all(
        wide.faults(r.result.values) == [] for r in play(ReinforcementController(max_rounds=20), wide).recommendations
    )
    assert len(points(play(ReinforcementController(max_rounds=50), MANY))) == 50


def test_an_empty_space_is_refused():
    with pytest.raises(ValueError, match="at least one parameter"):
        ReinforcementController().set_search_space(SearchSpace(()), Context())


@pytest.mark.parametrize(
    "args",
    [
        {"max_rounds": 0},
        {"max_rounds": 2.0},
        {"max_rounds": True},
        {"seed": "1"},
        {"learning_rate": -0.1},
        {"learning_rate": math.nan},
        {"baseline_decay": 1.0},
        {"reward_scale": -1},
        {"entropy": "much"},
        {"width": 0.0},
    ],
)
def test_wrong_arguments_are_named(args):
    with pytest.raises(ValueError, match=f"^{next(iter(args))} must be"):
        ReinforcementController(**args)


def best_truth(controller, training: SimulatedTraining, rounds: int) -> float:
    """The true score of the values whose observed score was best."""
    seen = [
        (training.answer(r).score, training.truth(r.result.values))
        for r in play(controller, SPACE, training.answer).jobs
    ]
    assert len(seen) == rounds
    return max(seen)[1]


@pytest.mark.parametrize("shape", ["hill", "edge"])
def test_it_is_ahead_of_random_at_200_rounds(shape):
    ahead, gains = 0, []
    for seed in range(20):
        mine = best_truth(ReinforcementController(max_rounds=200, seed=seed), SimulatedTraining(seed, shape), 200)
        theirs = best_truth(RandomController(max_rounds=200, seed=seed), SimulatedTraining(seed, shape), 200)
        ahead += mine > theirs
        gains.append(mine - theirs)
    assert ahead >= 16, f"ahead in {ahead} of 20"
    assert statistics.median(gains) > 0.008


def test_weights_are_where_it_begins():
    controller = ReinforcementController(max_rounds=400, learning_rate=0.0, entropy=0.0)
    jobs = play(controller, CONDITIONAL).jobs
    assert all(CONDITIONAL.faults(job.result.values) == [] for job in jobs)
    drawn = [job.result.values["lr.enum.$0:optimizer"] for job in jobs[4:]]
    assert [drawn.count(n) / len(drawn) for n in range(3)] == pytest.approx([0.5, 0.25, 0.25], abs=0.08)


def test_the_first_combinations_are_the_different_ones_only():
    # 3 optimizers, and norm only beside the second one, where depth is at its mean, 8
    controller = ReinforcementController(max_rounds=50)
    starts = [job.result.values for job in play(controller, CONDITIONAL).jobs[:4]]
    assert [(v["lr.enum.$0:optimizer"], v.get("net.enum.$4:norm")) for v in starts] == [
        *((0, None), (1, 0), (1, 1), (2, None))
    ]
    assert {v["net.int.$2:depth"] for v in starts} == {8}


def test_it_learns_whole_numbers_and_logarithmic_ranges():
    depth = ParameterRange("net.int.$0:depth", "net", "int", ("depth",), (IntRange(1, 9),))
    rate = ParameterRange("lr.float.$0:rate", "lr", "float", ("rate",), (FloatRange(1e-6, 1.0),), "log")

    def answer(recommendation):
        values = recommendation.result.values
        far = abs(values[depth.prl] - 7) / 8 + abs(math.log10(values[rate.prl]) + 2) / 6
        return Outcome(recommendation.id, JobStatus.OK, {"score": 1 - far})

    said = play(ReinforcementController(max_rounds=300, seed=1), SearchSpace((depth, rate)), answer)
    last = [job.result.values for job in said.jobs[-40:]]
    assert statistics.mean(values[depth.prl] for values in last) == pytest.approx(7, abs=1.2)
    assert statistics.mean(math.log10(values[rate.prl]) for values in last) == pytest.approx(-2, abs=1)
