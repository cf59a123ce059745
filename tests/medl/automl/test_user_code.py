"""What is said of exceptions in user code."""

from __future__ import annotations

import pytest

from medl.automl.user_code import raised, raised_and_next, refused_space


class Mine:
    def __init__(self, size=1):
        self.size = size

    def end_job(self):
        raise KeyError("x")


def caught(function, *args):
    try:
        function(*args)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def test_whose_which_method_where_and_what_is_next():
    text = raised_and_next(Mine(), "end_job", caught(Mine().end_job))
    assert text.startswith("Mine.end_job raised KeyError: 'x' (")
    assert text.endswith("test_user_code.py:15); the run goes on")


@pytest.mark.parametrize("method", ["needs", "abort", "shutdown", "end_automl"])
def test_some_methods_have_something_else_next(method):
    assert raised_and_next(Mine(), method, OSError("a")).partition("; ")[2] not in ("", "the run goes on")


def test_a_constructor_that_does_not_take_what_it_is_given():
    error = caught(Mine, 1, 2)
    error.__traceback__ = None  # as raised in medl's own call
    assert raised(Mine, "__init__", error).startswith("Mine.__init__ raised TypeError: ")
    assert raised(Mine, "__init__", error).endswith("test_user_code.py:11)")


def test_a_space_that_is_refused_and_one_that_breaks_the_controller():
    assert refused_space(Mine(), ValueError("only enums.")) == "Mine cannot search this space: only enums"
    assert refused_space(Mine(), ValueError()) == "Mine cannot search this space: ValueError"
    assert refused_space(Mine(), KeyError("x")) == "Mine.set_search_space raised KeyError: 'x'"
