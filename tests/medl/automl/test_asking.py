"""One call at a time in one thread, and how its answer is taken."""

from __future__ import annotations

import threading

import pytest

from medl.automl.asking import AskingThread


def test_answers_come_with_their_tag_and_errors_are_answers():
    woken = threading.Event()
    asking = AskingThread(woken.set)
    assert asking.take() is None
    asking.start("a", lambda: threading.current_thread().name)
    assert asking.wait(10)
    assert asking.busy, "until the answer is taken"
    answer = asking.take()
    assert (answer.tag, answer.value, answer.error) == ("a", "controller", None)
    assert woken.wait(10)
    assert not asking.busy
    asking.start("b", lambda: 1 / 0)
    assert asking.wait(10)
    assert isinstance(asking.take().error, ZeroDivisionError)
    asking.close()


def test_a_second_call_has_to_wait():
    go = threading.Event()
    asking = AskingThread(lambda: None)
    asking.start(1, lambda: go.wait(30))
    assert not asking.wait(0.01)
    assert asking.take() is None
    with pytest.raises(RuntimeError, match="one call at a time"):
        asking.start(2, int)
    go.set()
    assert asking.wait(10)
    assert asking.take().tag == 1
    asking.close()
