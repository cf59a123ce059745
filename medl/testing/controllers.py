"""What every controller must do, as tests."""

from __future__ import annotations

import random
from collections.abc import Callable
from random import Random

import pytest

from medl.automl.api import Controller
from medl.automl.defs import Context, JobStatus, Outcome, Recommendation, SearchSpace
from medl.testing.dialogue import Dialogue, play, run_context, scored, told
from medl.testing.spaces import SPACES

ControllerFactory = Callable[[int, int], Controller]

NOT_OK = (JobStatus.FAILED, JobStatus.NO_SCORE, JobStatus.INTERRUPTED, JobStatus.STOPPED)


class ControllerContract:
    """The tests of a controller. Subclass it as ``Test…`` and give it a fixture.

    ::

        class TestMyController(ControllerContract):
            @pytest.fixture
            def controller_factory(self):
                return lambda max_rounds, seed: MyController(max_rounds=max_rounds, seed=seed)

    The factory returns a new controller at each call; one without a seed ignores it. Every test runs on the spaces
    of :data:`medl.testing.spaces.SPACES`; override the fixture ``space`` to take others. A space that the controller
    refuses (``ValueError`` or ``ctx.stop_work`` in ``set_search_space``) is taken as not searched, but at least one
    must be.

    Attributes:
        rounds: ``max_rounds`` of most tests; more than one enum grid, so that a search goes on for a while.
    """

    rounds = 24

    @pytest.fixture
    def controller_factory(self) -> ControllerFactory:
        """Override: ``(max_rounds, seed) -> Controller``."""
        raise NotImplementedError('give your test class a fixture "controller_factory"')

    @pytest.fixture(params=list(SPACES))
    def space(self, request: pytest.FixtureRequest) -> SearchSpace:
        """One of the ready spaces after the other."""
        return SPACES[request.param]

    def test_searches_at_least_one_space(self, controller_factory: ControllerFactory) -> None:
        """A controller may refuse a space, but not all of them."""
        refused = {name: play(controller_factory(2, 0), space).refused for name, space in SPACES.items()}
        assert not all(refused.values()), f"the controller refuses every space: {refused}"

    def test_recommends_something_at_first(self, controller_factory: ControllerFactory, space: SearchSpace) -> None:
        """``initial_recommendation`` returns at least one."""
        said = play(controller_factory(self.rounds, 0), space)
        assert said.refused or said.turns[0][1], "initial_recommendation must return at least one recommendation"

    def test_values_lie_in_the_space(self, controller_factory: ControllerFactory, space: SearchSpace) -> None:
        """Each recommendation is one point of the space: every parameter in its range, an enum as a choice's index."""
        said = play(controller_factory(self.rounds, 0), space, workers=3, order=Random(1))
        for recommendation in said.recommendations:
            faults = space.faults(recommendation.result.values)
            assert not faults, f"recommendation {recommendation.id!r} is not in the space: " + "; ".join(faults)

    def test_ids_are_unique(self, controller_factory: ControllerFactory, space: SearchSpace) -> None:
        """No id comes twice in a run."""
        ids = [recommendation.id for recommendation in play(controller_factory(self.rounds, 0), space).recommendations]
        twice = sorted({str(id) for id in ids if ids.count(id) > 1})
        assert not twice, f"ids were given more than once: {twice}"

    @pytest.mark.parametrize("max_rounds", [1, 2, 7])
    @pytest.mark.parametrize("workers", [1, 4])
    def test_max_rounds_caps_the_recommendations(
        self, controller_factory: ControllerFactory, space: SearchSpace, max_rounds: int, workers: int
    ) -> None:
        """A run never has more recommendations than ``max_rounds``."""
        count = len(play(controller_factory(max_rounds, 0), space, workers=workers, order=Random(0)).recommendations)
        assert count <= max_rounds, f"max_rounds is {max_rounds}, but {count} recommendations came"

    def test_ends(self, controller_factory: ControllerFactory, space: SearchSpace) -> None:
        """A run comes to its end by itself."""
        play(controller_factory(self.rounds, 0), space, limit=50 * self.rounds)

    @pytest.mark.parametrize("status", NOT_OK)
    def test_survives_jobs_that_all_fail(
        self, controller_factory: ControllerFactory, space: SearchSpace, status: JobStatus
    ) -> None:
        """Not one job has a score: the run still ends, within the space and ``max_rounds``."""
        said = play(
            controller_factory(self.rounds, 0),
            space,
            lambda recommendation: Outcome(recommendation.id, status, reason="on purpose"),
            limit=50 * self.rounds,
        )
        self._check_whole(said, space)

    @pytest.mark.parametrize("chance", range(3))
    def test_survives_some_failures_in_any_order(
        self, controller_factory: ControllerFactory, space: SearchSpace, chance: int
    ) -> None:
        """Three workers, jobs that end in any order, every third of them badly."""
        dice = Random(chance)

        def answer(recommendation: Recommendation) -> Outcome:
            bad = dice.random() < 0.33
            return Outcome(recommendation.id, dice.choice(NOT_OK)) if bad else scored(recommendation)

        controller = controller_factory(self.rounds, chance)
        said = play(controller, space, answer, workers=3, order=dice, limit=50 * self.rounds)
        self._check_whole(said, space)

    @pytest.mark.parametrize("score", [0.0, -1e6, 1e300, -1e300, 5e-324])
    def test_survives_odd_scores(self, controller_factory: ControllerFactory, space: SearchSpace, score: float) -> None:
        """All the same, huge, tiny and negative scores are no reason to leave the space."""

        def answer(recommendation: Recommendation) -> Outcome:
            return Outcome(recommendation.id, JobStatus.OK, {"score": score})

        self._check_whole(play(controller_factory(self.rounds, 0), space, answer, limit=50 * self.rounds), space)

    def test_survives_scores_far_apart(self, controller_factory: ControllerFactory, space: SearchSpace) -> None:
        """Scores that jump over the whole range of floats neither overflow nor leave the space."""
        scores = Random(0)

        def answer(recommendation: Recommendation) -> Outcome:
            return Outcome(recommendation.id, JobStatus.OK, {"score": scores.choice([-1.7e308, 1.7e308, 0.0, 1e-300])})

        self._check_whole(play(controller_factory(self.rounds, 0), space, answer, limit=50 * self.rounds), space)

    def test_a_repeated_outcome_changes_nothing(
        self, controller_factory: ControllerFactory, space: SearchSpace
    ) -> None:
        """Every outcome told twice: the second time nothing is returned, and the search is the same."""
        once = play(controller_factory(self.rounds, 0), space)
        twice = play(controller_factory(self.rounds, 0), space, repeats=["ok"])
        for (outcome, _), (again, given) in zip(twice.turns, twice.turns[1:], strict=False):
            assert again is not outcome or not given, f"an outcome that was told twice brought {len(given)} more"
        assert _spoken(once.recommendations) == _spoken(twice.recommendations), (
            "an outcome that was told twice changed the recommendations"
        )

    def test_an_outcome_of_an_unknown_id_changes_nothing(
        self, controller_factory: ControllerFactory, space: SearchSpace
    ) -> None:
        """An outcome that answers nothing, at first or late, is answered by nothing."""
        controller = controller_factory(self.rounds, 0)
        said = play(controller, space)
        if said.refused:
            return
        strangers = [Outcome("no such id", JobStatus.OK, {"score": 9.0}), Outcome("nor this", JobStatus.FAILED)]
        for outcome in [*said.outcomes[:1], *strangers]:
            more = list(controller.refine_recommendation(outcome, Context()))
            assert not more, f"an outcome of {outcome.recommendation_id!r} brought {len(more)} more after the end"

    @pytest.mark.parametrize("workers", [1, 3])
    def test_is_deterministic(self, controller_factory: ControllerFactory, space: SearchSpace, workers: int) -> None:
        """The same seed and the same order of outcomes give the same recommendations."""
        one, other = (
            play(controller_factory(self.rounds, 5), space, workers=workers, order=Random(7)).turns for _ in range(2)
        )
        for turn, (first, second) in enumerate(zip(one, other, strict=False)):
            assert _spoken(first[1]) == _spoken(second[1]), f"two equal runs differ after {turn} outcomes"
        assert len(one) == len(other), "two equal runs differ in length"

    def test_leaves_the_global_random_generator_alone(
        self, controller_factory: ControllerFactory, space: SearchSpace
    ) -> None:
        """It neither draws from nor seeds Python's global generator: jobs and other components share it."""
        before = random.getstate()
        play(controller_factory(self.rounds, 0), space)
        assert random.getstate() == before, "the global random generator was used; keep a random.Random(seed)"

    def test_keeps_no_more_open_than_it_says(self, controller_factory: ControllerFactory, space: SearchSpace) -> None:
        """``parallelism(space)`` is at least 1, and never more recommendations wait or run at one time."""
        controller = controller_factory(self.rounds, 0)
        said = play(controller, space, workers=64)
        if said.refused:
            return
        most = controller.parallelism(space)
        assert most >= 1, f"parallelism must be at least 1, but it is {most}"
        assert said.most_open <= most, f"parallelism is {most}, but {said.most_open} jobs waited or ran at one time"

    @pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
    def test_a_replayed_run_goes_on_as_if_never_ended(
        self, controller_factory: ControllerFactory, space: SearchSpace, share: float
    ) -> None:
        """The recorded outcomes, fed to a new controller, bring what was recorded; then the run goes on the same.

        It does so with another number of workers too: a run may go on with fewer of them.
        """
        whole = play(controller_factory(self.rounds, 3), space, workers=64, order=Random(2))
        if whole.refused:
            return
        again, ctx = controller_factory(self.rounds, 3), run_context()
        cut = 1 + round(share * (len(whole.turns) - 1))
        again.set_search_space(space, ctx)
        for turn, (outcome, recorded) in enumerate(whole.turns):
            if turn == cut:
                again.restore([past for past, _ in whole.turns[1:cut] if past is not None])
            given = again.initial_recommendation(ctx) if outcome is None else told(again, outcome, ctx)
            assert _spoken(given) == _spoken(recorded), f"after {turn} outcomes the replay recommends something else"
        again.shutdown(ctx)

    def test_stops_when_asked(self, controller_factory: ControllerFactory, space: SearchSpace) -> None:
        """After a stop the outcomes of the running jobs still come, and then ``shutdown``; neither raises."""
        controller, ctx = controller_factory(self.rounds, 0), run_context()
        if play(controller_factory(self.rounds, 0), space).refused:
            return
        controller.set_search_space(space, ctx)
        running = list(controller.initial_recommendation(ctx))
        ctx.stop_work("contract", "on purpose")
        for recommendation in running[:2]:
            controller.refine_recommendation(Outcome(recommendation.id, JobStatus.STOPPED), ctx)
        controller.shutdown(ctx)

    def test_shuts_down_before_it_began(self, controller_factory: ControllerFactory) -> None:
        """A run may end before the space is known."""
        controller_factory(self.rounds, 0).shutdown(Context())

    def test_answers_reports_and_says_what_it_needs(
        self, controller_factory: ControllerFactory, space: SearchSpace
    ) -> None:
        """``report`` says continue or stop, ``needs`` names jobs."""
        controller, ctx = controller_factory(self.rounds, 0), run_context()
        if play(controller_factory(self.rounds, 0), space).refused:
            return
        controller.set_search_space(space, ctx)
        controller.initial_recommendation(ctx)
        said = controller.report("W1_1_J1", 1, {"score": 0.5}, ctx)
        assert said in ("continue", "stop"), f'report must return "continue" or "stop", but it returned {said!r}'
        needed = list(controller.needs())
        assert all(isinstance(job, str) for job in needed), f"needs must give names of jobs, but it gave {needed!r}"

    def _check_whole(self, said: Dialogue, space: SearchSpace) -> None:
        """Check what holds for every run: in the space, unique, capped."""
        given = said.recommendations
        for recommendation in given:
            faults = space.faults(recommendation.result.values)
            assert not faults, f"recommendation {recommendation.id!r} is not in the space: " + "; ".join(faults)
        assert len({recommendation.id for recommendation in given}) == len(given), "ids were given more than once"
        assert len(given) <= self.rounds, f"max_rounds is {self.rounds}, but {len(given)} recommendations came"


def _spoken(given: object) -> list[tuple[object, ...]]:
    """Return recommendations as plain values that can be compared and shown."""
    assert isinstance(given, list | tuple), f"recommendations come as a list, but got {given!r}"
    return [
        (r.id, sorted(r.result.values.items()), r.until_epoch, r.resume_from, r.inherit_from, r.horizon, r.variables)
        for r in given
    ]
