"""A suggester by name, with args, or by path."""

from __future__ import annotations

import pytest

from medl.automl.defs import Context, ContextKey
from medl.components.suggesters import SUGGESTERS
from medl.components.suggesters.choice import Choice
from medl.errors import ConfigError
from medl.testing.spaces import ENUM_ONLY, FLOAT_ONLY

OWN = """
from medl.automl.api import Suggester


class First(Suggester):
    def __init__(self, share=0.5):
        self.share = share

    def suggest(self, space, number, observations, pending):
        return {p.prl: 0 for p in space.parameters}


class Other:
    pass
"""


@pytest.mark.parametrize("name", sorted(SUGGESTERS))
def test_every_suggester_of_the_table_goes_by_its_name(name):
    choice = Choice(name, 7, "asha")
    assert choice.build(Context()).suggest(FLOAT_ONLY, 0, [], []) is not None
    assert choice.count(ENUM_ONLY) == 18


def test_args_and_seed_are_given():
    assert Choice({"name": "random"}, 7, "asha").build(Context()).seed == 7
    assert Choice({"name": "random", "args": {"seed": 1}}, 7, "asha").build(Context()).seed == 1
    assert Choice({"name": "grid", "args": {"points": 2}}, 0, "asha").count(FLOAT_ONLY) == 8


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("tpee", 'suggester "tpee" does not go with asha; did you mean "tpe".*bayesian, grid, kde, random, tpe'),
        ("pbt", "does not go with asha.*whole"),
        ({"name": "grid", "args": {"point": 2}}, 'has no arg "point"; it has: points, seed'),
        ({"name": "grid", "args": {"points": 0}}, "points must be"),
        ({"nam": "grid"}, "suggester must be a name"),
        ({"name": "grid", "args": [1]}, "args that are no object"),
        ({"path": "First"}, 'not "module.Class"'),
        (3, "suggester must be a name"),
    ],
)
def test_what_is_wrong_is_named(spec, words):
    with pytest.raises(ValueError, match=words):
        Choice(spec, 0, "asha")


def test_a_class_of_the_users_own(tmp_path):
    (tmp_path / "custom").mkdir()
    (tmp_path / "custom" / "own_suggester_a.py").write_text(OWN, encoding="utf-8")
    ctx = Context()
    ctx.set_prop(ContextKey.MMAR_ROOT, str(tmp_path))
    own = Choice({"path": "own_suggester_a.First", "args": {"share": 0.1}}, 0, "asha").build(ctx)
    assert own.share == 0.1
    with pytest.raises(ValueError, match=r"must be a medl.automl.api.Suggester"):
        Choice({"path": "own_suggester_a.Other"}, 0, "asha").build(ctx)
    with pytest.raises(ConfigError):
        Choice({"path": "subprocess.Popen"}, 0, "asha").build(ctx)
