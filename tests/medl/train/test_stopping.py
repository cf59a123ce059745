"""Signals."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from medl.train.stopping import Stopped, raise_when_asked


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_first_signal_raises_with_the_shells_exit_code(number: signal.Signals, code: int) -> None:
    raise_when_asked()
    with pytest.raises(Stopped, match=f"stopped by {number.name}") as caught:
        signal.raise_signal(number)
    assert caught.value.exit_code == code
    assert not isinstance(caught.value, Exception)
    assert signal.getsignal(signal.SIGTERM) == signal.getsignal(signal.SIGINT) == signal.SIG_DFL
