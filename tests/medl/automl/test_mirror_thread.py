"""A mirror that fails, hangs or is damaged: the run hears of it in a line, and the study is whole again afterwards."""

from __future__ import annotations

import threading
import time

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from medl.automl.defs import FloatRange, ParameterRange, SearchSpace
from medl.automl.events import space_to_json
from medl.automl.mirror_thread import MirrorThread
from medl.automl.study import AnothersStudy, rebuild

LR = "lr.float.$0:lr"
SPACE = SearchSpace((ParameterRange(LR, "lr", "float", ("lr",), (FloatRange(0.0, 1.0),)),))


def job(number):
    name = {"job": f"W1_{number}_J{number}"}
    outcome = {"status": "ok", "values": {"dice": number / 10}, "epoch": 2, "reason": ""}
    return [
        {"type": "job_started", **name, "trial": f"t{number}", "attempt": 1, "worker": "W1", "values": {LR: [0.5]}},
        {"type": "job_ended", **name, "outcome": outcome},
    ]


RECOMMENDED = [{"id": f"t{number}", "values": {LR: number / 10}} for number in range(1, 5)]
EVENTS = [
    {"n": number, "time": f"2026-01-02T03:04:{number:02}.000+00:00", **event}
    for number, event in enumerate(
        [
            {"type": "run_started", "space": space_to_json(SPACE)},
            {"type": "recommended", "after": None, "recommendations": RECOMMENDED},
            *[event for number in range(1, 5) for event in job(number)],
        ],
        1,
    )
]


def values(journal):
    storage = JournalStorage(JournalFileBackend(str(journal)))
    return [trial.value for trial in optuna.load_study(study_name="a", storage=storage).trials]


class Said(list):
    """Lines, which a test may wait for."""

    def __call__(self, line):
        self.append(line)

    def wait(self, words):
        until = time.monotonic() + 60
        while not any(words in line for line in self):
            assert time.monotonic() < until, f"{words} was not said, but {list(self)}"
            time.sleep(0.01)


def test_it_mirrors_everything_before_it_closes(tmp_path):
    journal, said = tmp_path / "study.journal", Said()
    thread = MirrorThread(lambda events: rebuild(events, journal, "a"), EVENTS[:3], said)
    for event in EVENTS[3:]:
        thread.take(event)
    thread.close(60)
    assert values(journal) == [0.1, 0.2, 0.3, 0.4]
    assert not said


@pytest.mark.parametrize("harm", ["delete", "cut"])
def test_a_journal_damaged_in_mid_run_is_made_anew(tmp_path, harm):
    journal, said, mirrored = tmp_path / "study.journal", Said(), threading.Event()

    def make(events):
        made = rebuild(events, journal, "a")
        mirrored.set()
        return made

    thread = MirrorThread(make, EVENTS[:4], said, pauses_s=[0.01])
    assert mirrored.wait(60)
    if harm == "delete":
        journal.unlink()
    else:
        journal.write_bytes(journal.read_bytes()[:40])
    thread.take(EVENTS[4])
    said.wait("kept again")
    for event in EVENTS[5:]:
        thread.take(event)
    thread.close(60)
    assert values(journal) == [0.1, 0.2, 0.3, 0.4]
    assert len(said) == 2
    assert "study.journal was " in said[0]


def test_one_damaged_after_the_last_event_is_whole_when_the_run_ends(tmp_path):
    journal, said, mirrored = tmp_path / "study.journal", Said(), threading.Event()
    thread = MirrorThread(
        lambda events: (rebuild(events, journal, "a"), mirrored.set())[0], EVENTS, said, pauses_s=[0.01]
    )
    assert mirrored.wait(60)
    journal.unlink()
    thread.close(60)
    assert values(journal) == [0.1, 0.2, 0.3, 0.4]


def test_a_storage_that_is_down_is_tried_again_and_again_and_then_given_up(tmp_path):
    said, tries = Said(), []

    def make(events):
        tries.append(len(events))
        raise ConnectionError("no\nserver")

    thread = MirrorThread(make, EVENTS[:2], said, pauses_s=[0.01] * 3)
    said.wait("not kept any more")
    thread.take(EVENTS[2])  # nobody listens
    thread.close()
    assert tries == [2] * 4
    assert len(said) == 2
    assert "ConnectionError: no server" in said[0]
    assert "medl automl mirror" in said[1]


def test_the_end_of_the_run_cuts_the_pause_short_and_tries_once_more(tmp_path):
    journal, said, tries = tmp_path / "study.journal", Said(), []

    def make(events):
        tries.append(1)
        if len(tries) <= 2:
            raise ConnectionError("no server")
        return rebuild(events, journal, "a")

    thread = MirrorThread(make, EVENTS[:2], said, pauses_s=[0.01, 3600.0])
    until = time.monotonic() + 60
    while len(tries) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    for event in EVENTS[2:]:
        thread.take(event)
    thread.close(60)
    assert values(journal) == [0.1, 0.2, 0.3, 0.4]


def test_at_the_end_a_few_tries_have_to_do(tmp_path):
    said, tries, begin = Said(), [], threading.Event()

    def make(events):
        begin.wait(60)
        tries.append(1)
        raise ConnectionError("no server")

    thread = MirrorThread(make, EVENTS, said, pauses_s=[0.01] * 100)
    thread.take(EVENTS[-1])
    closing = threading.Thread(target=thread.close)
    closing.start()
    begin.set()
    closing.join(60)
    assert len(tries) <= 5
    assert "not kept any more" in said[-1]


@pytest.mark.parametrize("error", [AnothersStudy("of another run"), ImportError("no driver")])
def test_what_will_not_pass_is_not_tried_again(error):
    said, tries = Said(), []

    def make(events):
        tries.append(1)
        raise error

    MirrorThread(make, [], said).close()
    assert len(tries) == len(said) == 1
    assert str(error) in said[0]


def test_a_storage_that_hangs_is_left_behind(tmp_path):
    said, release = Said(), threading.Event()
    thread = MirrorThread(lambda events: release.wait(60), [], said)
    began = time.monotonic()
    for event in EVENTS:
        thread.take(event)
    thread.close(0.05)
    assert time.monotonic() - began < 10
    (line,) = said
    assert line.startswith("the Optuna mirror has not caught up in 0.05 s and is left as it is; `medl automl mirror`")
    release.set()
