from __future__ import annotations

from medl.conf.evaluation_layout import flat_problem, lifted
from medl.errors import Problem


def test_values_stay_and_components_move() -> None:
    config = {"determinism": {"random_seed": 1}, "amp": True, "handlers": [], "thing": {"name": "A"}}
    assert lifted(config) == {
        "determinism": {"random_seed": 1},
        "amp": True,
        "validate": {"handlers": [], "thing": {"name": "A"}},
    }


def test_a_problem_is_said_in_the_words_of_the_flat_config() -> None:
    problem = flat_problem(
        Problem('MeanDice needs "x", but validate.dataset is disabled', "c.json", "validate.key_metric.args.x", 3)
    )
    assert problem.rule == 'MeanDice needs "x", but dataset is disabled'
    assert (problem.path, problem.value) == ("key_metric.args.x", 3)
