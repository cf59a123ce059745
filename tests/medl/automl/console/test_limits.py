from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from medl.automl.console.limits import Bucket


def test_a_second_is_let_through_at_once_then_the_rate():
    bucket = Bucket(10.0, 0.0)
    assert sum(bucket.take(0.0) for _ in range(20)) == 10
    assert not bucket.take(0.05)
    assert bucket.take(0.1) and not bucket.take(0.1)


@settings(deadline=None)
@given(st.floats(0.1, 100), st.lists(st.floats(0, 3), max_size=20))
def test_after_the_wait_there_is_room_and_never_more_than_the_rate(rate, steps):
    bucket, now, taken = Bucket(rate, 0.0), 0.0, 0
    for step in steps:
        now += step
        while bucket.take(now):
            taken += 1
        now += bucket.wait(now)
        assert bucket.take(now)
        taken += 1
        assert taken <= max(1.0, rate) + now * rate + 1e-3


def test_a_clock_that_goes_back_gives_nothing():
    bucket = Bucket(1.0, 100.0)
    assert bucket.take(100.0)
    assert not bucket.take(50.0)
