"""The controller contract: a good one passes; each way of misbehaving is caught by the test that is meant for it."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from medl.automl.api import Controller
from medl.automl.defs import Context, JobStatus, Outcome, Recommendation, SearchResult, SearchSpace
from medl.automl.unit_cube import draw
from medl.testing.controllers import ControllerContract
from medl.testing.dialogue import play, scored
from medl.testing.spaces import ENUM_ONLY, FLOAT_ONLY, MIXED, SPACES


class Good(Controller):
    """Random points, two at first and one for every outcome that was awaited."""

    def __init__(self, max_rounds: int, seed: int):
        self.max_rounds, self.random = max_rounds, random.Random(seed)
        self.given = 0
        self.open: set[str] = set()

    def set_search_space(self, space: SearchSpace, ctx: Context) -> None:
        self.space = space

    def value(self, parameter):
        if parameter.kind != "float":
            return draw(parameter, self.random)
        return self.random.uniform(parameter.targets[0].min, parameter.targets[0].max)

    def name(self) -> str:
        return f"g{self.given}"

    def more(self, count: int) -> list[Recommendation]:
        found = []
        for _ in range(min(count, self.max_rounds - self.given)):
            self.given += 1
            values = self.space.active({p.prl: self.value(p) for p in self.space.parameters})
            found.append(Recommendation(self.name(), SearchResult(self.space, values)))
        self.open |= {r.id for r in found}
        return found

    def initial_recommendation(self, ctx: Context) -> Sequence[Recommendation]:
        return self.more(2)

    def refine_recommendation(self, outcome: Outcome, ctx: Context) -> Sequence[Recommendation]:
        if outcome.recommendation_id not in self.open:
            return []
        self.open.discard(outcome.recommendation_id)
        return self.more(1)


class TestGood(ControllerContract):
    @pytest.fixture
    def controller_factory(self):
        return Good


class Silent(Good):
    def initial_recommendation(self, ctx):
        return []


class Outside(Good):
    def value(self, parameter):
        return len(parameter.targets) if parameter.kind == "enum" else super().value(parameter)


class FloatForEnum(Good):
    def value(self, parameter):
        return 0.0 if parameter.kind == "enum" else super().value(parameter)


class SameId(Good):
    def name(self):
        return "g"


class Endless(Good):
    def more(self, count):
        self.max_rounds = self.given + count
        return super().more(count)


class NeedsAScore(Good):
    def refine_recommendation(self, outcome, ctx):
        outcome.values["score"]
        return super().refine_recommendation(outcome, ctx)


class KnowsNobodyElse(Good):
    def refine_recommendation(self, outcome, ctx):
        self.open.remove(outcome.recommendation_id)
        return self.more(1)


class CountsRepeats(Good):
    def refine_recommendation(self, outcome, ctx):
        return self.more(1)


class GlobalRandom(Good):
    def value(self, parameter):
        self.random = random
        return super().value(parameter)


class Unseeded(Good):
    def __init__(self, max_rounds, seed):
        super().__init__(max_rounds, seed)
        self.random = random.Random()


class RemembersElsewhere(Good):
    """Its state survives in the class: a replayed one starts where the first ended."""

    runs = 0

    def name(self):
        type(self).runs += 1
        return f"g{self.runs}"


class SaysOne(Good):
    def parallelism(self, space):
        return 1


class Overflows(Good):
    best = -1e308

    def refine_recommendation(self, outcome, ctx):
        if outcome.status is JobStatus.OK:
            assert abs(outcome.score - self.best) < float("inf")
            self.best = outcome.score
        return super().refine_recommendation(outcome, ctx)


class LateShutdown(Good):
    def shutdown(self, ctx):
        self.space.parameters  # noqa: B018  (not there before set_search_space)


class Maybe(Good):
    def report(self, job, epoch, values, ctx):
        return None


@pytest.mark.parametrize(
    ("bad", "test", "arguments"),
    [
        (Silent, "test_recommends_something_at_first", (MIXED,)),
        (Outside, "test_values_lie_in_the_space", (ENUM_ONLY,)),
        (FloatForEnum, "test_values_lie_in_the_space", (ENUM_ONLY,)),
        (SameId, "test_ids_are_unique", (FLOAT_ONLY,)),
        (Endless, "test_max_rounds_caps_the_recommendations", (FLOAT_ONLY, 2, 1)),
        (Endless, "test_ends", (FLOAT_ONLY,)),
        (NeedsAScore, "test_survives_jobs_that_all_fail", (MIXED, JobStatus.FAILED)),
        (NeedsAScore, "test_survives_some_failures_in_any_order", (MIXED, 0)),
        (KnowsNobodyElse, "test_an_outcome_of_an_unknown_id_changes_nothing", (MIXED,)),
        (CountsRepeats, "test_a_repeated_outcome_changes_nothing", (MIXED,)),
        (GlobalRandom, "test_leaves_the_global_random_generator_alone", (MIXED,)),
        (Unseeded, "test_is_deterministic", (MIXED, 1)),
        (RemembersElsewhere, "test_a_replayed_run_goes_on_as_if_never_ended", (MIXED, 0.4)),
        (SaysOne, "test_keeps_no_more_open_than_it_says", (MIXED,)),
        (Overflows, "test_survives_scores_far_apart", (MIXED,)),
        (LateShutdown, "test_shuts_down_before_it_began", ()),
        (Maybe, "test_answers_reports_and_says_what_it_needs", (MIXED,)),
    ],
)
def test_misbehaviour_is_caught(bad, test, arguments):
    getattr(ControllerContract(), test)(Good, *arguments)
    with pytest.raises((AssertionError, KeyError, AttributeError)):
        getattr(ControllerContract(), test)(bad, *arguments)


class Picky(Good):
    def set_search_space(self, space, ctx):
        if space is not ENUM_ONLY:
            raise ValueError("only enums")
        super().set_search_space(space, ctx)


class TestPicky(ControllerContract):
    """A controller may refuse spaces."""

    @pytest.fixture
    def controller_factory(self):
        return Picky


class RefusesAll(Good):
    def set_search_space(self, space, ctx):
        ctx.stop_work(self, "never")


def test_one_that_refuses_every_space_does_not_pass():
    with pytest.raises(AssertionError, match="refuses every space"):
        ControllerContract().test_searches_at_least_one_space(RefusesAll)


def test_play_serves_the_queue_in_order_and_drops_it_after_a_stop():
    class Stops(Good):
        def initial_recommendation(self, ctx):
            return self.more(6)

        def refine_recommendation(self, outcome, ctx):
            ctx.stop_work(self, "enough")
            return []

    said = play(Stops(9, 0), FLOAT_ONLY, workers=2)
    assert [job.id for job in said.jobs] == ["g1", "g2"]
    assert said.stop_message == "Stops: enough"
    assert said.most_open == 6


@pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))
def test_ready_spaces_are_sound(space):
    assert len({p.prl for p in space.parameters}) == len(space.parameters)
    assert all(p.prl.count(":") == 1 and f".{p.kind}." in p.prl for p in space.parameters)
    best = {p.prl: len(p.targets) - 1 if p.kind == "enum" else p.targets[0].min for p in space.parameters}
    assert space.faults(space.active(best)) == []
    assert 0 <= scored(Recommendation("a", SearchResult(space, space.active(best)))).score <= 1
