"""GridController: the product in its recorded order, lazily."""

from __future__ import annotations

import time
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.automl.defs import (
    Context,
    ContextKey,
    FloatRange,
    IntRange,
    JobStatus,
    Outcome,
    ParameterRange,
    SearchSpace,
)
from medl.components.controllers.grid import GridController
from medl.testing.controllers import ControllerContract
from medl.testing.spaces import SPACES


def enum(name: str, choices: int) -> ParameterRange:
    return ParameterRange(f"net.enum.train.model$0:{name}", "net", "enum", (name,), tuple((n,) for n in range(choices)))


def span(name: str, low: float, high: float) -> ParameterRange:
    return ParameterRange(f"lr.float.$0:{name}", "lr", "float", (name,), (FloatRange(low, high),))


def grid(space: SearchSpace, **args: int) -> list[tuple[float, ...]]:
    return [tuple(values.values()) for values in GridController(**args).points(space)]


def drive(controller: GridController, space: SearchSpace, status: JobStatus = JobStatus.OK) -> list[tuple[str, dict]]:
    """Ask until nothing more comes, answering the oldest open recommendation."""
    ctx = Context()
    controller.set_search_space(space, ctx)
    queue = list(controller.initial_recommendation(ctx))
    seen = []
    while queue:
        recommendation = queue.pop(0)
        seen.append((recommendation.id, dict(recommendation.result.values)))
        queue += controller.refine_recommendation(Outcome(recommendation.id, status, {"m": 0.5}), ctx)
    return seen


def test_three_binary_items_come_in_the_recorded_order():
    space = SearchSpace((enum("a", 2), enum("b", 2), enum("c", 2)))
    assert grid(space)[:5] == [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1)]
    assert len(grid(space)) == 8


def test_a_float_has_its_ends_and_even_steps():
    assert grid(SearchSpace((span("lr", 0.1, 0.3),)), points=3) == [(0.1,), (pytest.approx(0.2),), (0.3,)]
    assert [p[0] for p in grid(SearchSpace((span("lr", 1.0, 2.0),)), points=5)] == [1.0, 1.25, 1.5, 1.75, 2.0]


def test_one_point_is_the_middle_and_a_closed_range_is_one_point():
    assert grid(SearchSpace((span("lr", 1.0, 3.0),)), points=1) == [(2.0,)]
    assert grid(SearchSpace((span("lr", 2.0, 2.0), enum("a", 2))), points=7) == [(2.0, 0), (2.0, 1)]


@given(st.floats(-1.7e308, 1.7e308), st.floats(-1.7e308, 1.7e308), st.integers(1, 7))
def test_every_point_lies_in_its_range(a: float, b: float, points: int):
    space = SearchSpace((span("x", min(a, b), max(a, b)),))
    found = list(GridController(points=points).points(space))
    assert not [fault for values in found for fault in space.faults(values)]
    if points > 1:
        assert found[0]["lr.float.$0:x"] == min(a, b)
        assert found[-1]["lr.float.$0:x"] == max(a, b)


def test_a_product_too_large_to_list_is_walked():
    space = SearchSpace(tuple(enum(f"p{n}", 10) for n in range(60)))
    controller = GridController()
    began = time.process_time()
    ctx = Context()
    controller.set_search_space(space, ctx)
    assert 0 < len(controller.initial_recommendation(ctx)) < 100
    assert controller.count(space) == 10**60
    assert len(list(islice(controller.points(space), 25))) == 25
    assert time.process_time() - began < 1.0


def test_driven_to_its_end_it_gives_every_point_once_and_unique_ids():
    space = SearchSpace((enum("a", 7), span("lr", 0.0, 1.0), enum("b", 5)))
    seen = drive(GridController(points=2), space)
    assert len({id for id, _ in seen}) == 70
    assert len({tuple(values.values()) for _, values in seen}) == 70


def test_max_rounds_caps_it():
    assert len(drive(GridController(max_rounds=83), SearchSpace((enum("a", 100),)))) == 83


def test_failed_outcomes_do_not_stop_it():
    assert len(drive(GridController(), SearchSpace((enum("a", 90),)), JobStatus.FAILED)) == 90


def test_an_outcome_that_is_repeated_or_of_nobody_brings_nothing():
    ctx = Context()
    controller = GridController()
    controller.set_search_space(SearchSpace((enum("a", 200),)), ctx)
    first = controller.initial_recommendation(ctx)
    assert len(controller.refine_recommendation(Outcome(first[0].id), ctx)) == 1
    assert controller.refine_recommendation(Outcome(first[0].id), ctx) == []
    assert controller.refine_recommendation(Outcome("nobody"), ctx) == []


def test_an_empty_space_is_refused():
    with pytest.raises(ValueError, match="at least one parameter"):
        GridController().set_search_space(SearchSpace(()), Context())


@pytest.mark.parametrize(
    "args", [{"points": 0}, {"points": True}, {"points": 2.5}, {"max_rounds": 0}, {"max_rounds": "3"}]
)
def test_wrong_arguments_are_named(args):
    with pytest.raises(ValueError, match=next(iter(args))):
        GridController(**args)


def test_a_seed_is_taken_and_changes_nothing():
    space = SearchSpace((enum("a", 3), span("lr", 0.0, 1.0)))
    assert grid(space, seed=7) == grid(space)


def test_the_first_points_are_the_same_for_any_number_of_workers():
    space = SearchSpace((enum("a", 500),))
    counts = set()
    for workers in (1, 64, 100):
        ctx = Context()
        ctx.set_prop(ContextKey.NUM_WORKERS, workers)
        controller = GridController()
        controller.set_search_space(space, ctx)
        counts.add(len(controller.initial_recommendation(ctx)))
    assert counts == {GridController().parallelism(space)}


def test_parallelism_is_the_number_of_points_that_will_run():
    space = SearchSpace((enum("a", 4), span("lr", 0.0, 1.0)))
    assert GridController(points=3).parallelism(space) == 12
    assert GridController(points=3, max_rounds=5).parallelism(space) == 5


class TestContract(ControllerContract):
    @pytest.fixture
    def controller_factory(self):
        return lambda max_rounds, seed: GridController(max_rounds=max_rounds)


def whole(low: int, high: int, step: int = 1, scale: str = "linear") -> ParameterRange:
    return ParameterRange("net.int.$9:n", "net", "int", ("n",), (IntRange(low, high, step),), scale)


@pytest.mark.parametrize(
    ("parameter", "points", "expected"),
    [
        (whole(1, 3), 3, [1, 2, 3]),
        (whole(1, 3), 9, [1, 2, 3]),
        (whole(0, 10), 3, [0, 5, 10]),
        (whole(0, 10, 5), 2, [0, 10]),
        (whole(0, 11, 5), 2, [0, 10]),  # the steps do not reach 11
        (whole(1, 100), 1, [51]),
        (whole(1, 100, scale="log"), 3, [1, 10, 100]),
        (whole(1, 8, scale="log"), 6, [1, 2, 3, 5, 8]),  # 1.5 rounds to 2 as 2.3 does
    ],
)
def test_whole_numbers_are_all_there_or_evenly_spaced(parameter: ParameterRange, points: int, expected: list[int]):
    assert [value for (value,) in grid(SearchSpace((parameter,)), points=points)] == expected
    assert GridController(points=points).count(SearchSpace((parameter,))) == len(expected)


def test_a_logarithmic_range_has_equal_ratios():
    parameter = ParameterRange("lr.float.$0:x", "lr", "float", ("x",), (FloatRange(1e-4, 1.0),), "log")
    assert grid(SearchSpace((parameter,)), points=3) == [(1e-4,), (pytest.approx(1e-2),), (1.0,)]


def test_combinations_of_what_does_not_count_are_one():
    space = SPACES["discrete"]
    points = list(GridController(points=9).points(space))
    assert len(points) == len({tuple(p.items()) for p in points}) == 14 == GridController(points=9).count(space)
    assert all(space.faults(point) == [] for point in points)


def test_ignored_weights_are_traced(tmp_path):
    ctx = Context()
    ctx.set_trace("file", tmp_path / "trace.txt")
    GridController().set_search_space(SPACES["discrete"], ctx)
    assert "the weights of lr.enum.$0:optimizer are ignored" in (tmp_path / "trace.txt").read_text()
