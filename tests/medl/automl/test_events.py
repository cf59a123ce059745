"""The record: what is written is read back, and a torn tail costs one fact at most."""

from __future__ import annotations

import errno
import json
import os
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medl.automl.defs import FloatRange, JobStatus, Outcome, ParameterRange, Recommendation, SearchResult, SearchSpace
from medl.automl.events import (
    EventLog,
    outcome_from_json,
    outcome_to_json,
    read_events,
    recommendation_from_json,
    recommendation_to_json,
    space_from_json,
    space_to_json,
)
from medl.errors import RunError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SPACE = SearchSpace(
    (
        ParameterRange("lr.float.$0:lr", "lr", "float", ("lr",), (FloatRange(0.001, 0.1),)),
        ParameterRange(
            "net.enum.train.model$0:act,norm", "net", "enum", ("act", "norm"), (("relu", "batch"), ("prelu", [1]))
        ),
    )
)


def written(path, *events):
    log = EventLog(path)
    try:
        for event in events:
            log.append(event)
        return log.events
    finally:
        log.close()


def test_events_come_back_numbered_and_timed(tmp_path):
    path = tmp_path / "events.jsonl"
    events = written(path, {"type": "a", "x": [1, "ä\u2028\n"]}, {"type": "b"})
    assert read_events(path) == (events, None)
    assert [event["n"] for event in events] == [1, 2]
    assert events[0]["x"] == [1, "ä\u2028\n"]
    assert datetime.fromisoformat(events[0]["time"]).tzinfo is not None
    assert [json.loads(line)["type"] for line in path.read_text().split("\n")[:-1]] == ["a", "b"]


def test_a_missing_log_has_no_events(tmp_path):
    assert read_events(tmp_path / "none") == ([], None)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.dictionaries(st.text(), JSON, max_size=3), min_size=2, max_size=4))
def test_torn_at_every_byte_of_the_last_two_lines(tmp_path_factory, contents):
    path = tmp_path_factory.mktemp("run") / "events.jsonl"
    events = written(path, *({"type": "x", "content": content} for content in contents))
    whole = path.read_bytes()
    ends = [position + 1 for position, byte in enumerate(whole) if byte == 10]
    for cut in range([0, *ends][-3], len(whole) + 1):
        path.write_bytes(whole[:cut])
        safe = sum(end <= cut + 1 for end in ends)  # a line that lost only its newline is whole
        torn = cut not in (0, *ends) and cut + 1 not in ends
        found, said = read_events(path)
        assert found == events[:safe]
        assert (said is not None) == torn
    path.write_bytes(whole[:-2])
    assert written(path, {"type": "next"})[:-1] == events[:-1]  # the torn tail is gone, the next line stands alone
    found, said = read_events(path)
    assert said is None
    assert found[-1]["type"] == "next"
    assert found[-1]["n"] == len(events)


def test_a_line_that_lost_only_its_newline_is_kept_and_the_next_is_a_line_of_its_own(tmp_path):
    path = tmp_path / "events.jsonl"
    written(path, {"type": "a"}, {"type": "b"})
    path.write_bytes(path.read_bytes()[:-1])
    written(path, {"type": "c"})
    assert [event["type"] for event in read_events(path)[0]] == ["a", "b", "c"]


@pytest.mark.parametrize("tail", [b"\0" * 300, b"{", b"\xff\xfe", b'{"n":3,"type":"x","crc":"00000000"}\n'])
def test_any_rubbish_at_the_end_is_a_torn_tail(tmp_path, tail):
    path = tmp_path / "events.jsonl"
    events = written(path, {"type": "a"}, {"type": "b"})
    path.write_bytes(path.read_bytes() + tail)
    found, torn = read_events(path)
    assert found == events
    assert torn is not None
    assert "line 3" in torn


@pytest.mark.parametrize("line", [0, 1])
def test_a_damaged_line_before_the_end_is_an_error_with_its_number(tmp_path, line):
    path = tmp_path / "events.jsonl"
    written(path, {"type": "aaaa"}, {"type": "bbbb"}, {"type": "cccc"})
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"type":"', b'"type":"!')
    path.write_bytes(b"".join(lines))
    with pytest.raises(RunError, match=f"line {line + 1} is damaged"):
        read_events(path)


def test_a_line_that_is_missing_is_an_error(tmp_path):
    path = tmp_path / "events.jsonl"
    written(path, {"type": "a"}, {"type": "b"}, {"type": "c"})
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2] + lines[2])
    with pytest.raises(RunError, match="line 2"):
        read_events(path)


def test_a_full_disk_leaves_whole_lines_and_says_what_to_do(tmp_path, monkeypatch):
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.append({"type": "a"})
    real = os.pwrite
    budget = [10]

    def pwrite(file, data, offset):
        if not budget[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        part = data[: budget[0]]
        budget[0] -= len(part)
        return real(file, part, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(RunError, match=r"No space left.*Make room"):
        log.append({"type": "b"})
    assert [event["type"] for event in log.events] == ["a"]
    assert read_events(path) == (log.events, None)
    monkeypatch.undo()
    log.append({"type": "c"})
    log.close()
    assert [event["type"] for event in read_events(path)[0]] == ["a", "c"]


def test_the_line_is_synced_before_append_returns(tmp_path, monkeypatch):
    log = EventLog(tmp_path / "events.jsonl")
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(log.path.read_bytes()), real(file)))
    log.append({"type": "a"})
    log.close()
    assert synced[-1].endswith(b"\n")
    assert b'"a"' in synced[-1]


def test_nan_never_enters_the_log(tmp_path):
    log = EventLog(tmp_path / "events.jsonl")
    with pytest.raises(ValueError):
        log.append({"type": "a", "x": float("nan")})
    log.close()
    assert read_events(log.path) == ([], None)


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(RunError, match="cannot be written"):
        EventLog(tmp_path / "missing" / "events.jsonl")


def test_space_recommendation_and_outcome_come_back(tmp_path):
    def through(value):
        return json.loads(json.dumps(value))

    assert space_from_json(through(space_to_json(SPACE))) == SPACE
    values = {"lr.float.$0:lr": 0.01, "net.enum.train.model$0:act,norm": 1}
    recommendation = Recommendation("a", SearchResult(SPACE, values), until_epoch=3, resume_from="W1_1_J1")
    assert recommendation_from_json(through(recommendation_to_json(recommendation, SPACE)), SPACE) == recommendation
    outcome = Outcome("a", JobStatus.OK, {"dice": 0.5}, {"size": 1.0}, 2, 3.5, {"k": [1]}, "")
    assert outcome_from_json(through(outcome_to_json(outcome))) == outcome


def test_numpy_values_become_plain_and_odd_ones_stay_to_be_complained_about():
    import numpy as np

    values = {"lr.float.$0:lr": np.float32(0.5), "net.enum.train.model$0:act,norm": np.int64(1)}
    found = recommendation_to_json(Recommendation("a", SearchResult(SPACE, values)), SPACE)["values"]
    assert [type(value) for value in found.values()] == [float, int]
    odd = {"lr.float.$0:lr": True, "net.enum.train.model$0:act,norm": 1.5}
    assert recommendation_to_json(Recommendation("a", SearchResult(SPACE, odd)), SPACE)["values"] == odd
