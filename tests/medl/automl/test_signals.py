"""Signals as wishes, in the main thread."""

from __future__ import annotations

import os
import signal
import threading

from medl.automl.signals import Signals


def test_the_first_is_kept_the_second_insists_and_the_old_handlers_come_back():
    woken = []
    before = signal.getsignal(signal.SIGTERM)
    signals = Signals(lambda: woken.append(1))
    with signals.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        assert (signals.first, signals.insisted, len(woken)) == (signal.SIGTERM, False, 1)
        os.kill(os.getpid(), signal.SIGINT)
        assert (signals.first, signals.insisted, len(woken)) == (signal.SIGTERM, True, 2)
    assert signal.getsignal(signal.SIGTERM) is before


def test_another_thread_leaves_them_alone():
    before, found = signal.getsignal(signal.SIGTERM), []

    def live():
        with Signals(lambda: None).listening():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=live)
    thread.start()
    thread.join(10)
    assert found == [before]
