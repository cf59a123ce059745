from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medl.automl.console.protocol import Malformed, Request, decode, encode, request_of, token_of

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda x: st.lists(x) | st.dictionaries(st.text(), x),
)


@settings(deadline=None)
@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_line_is_a_request_or_malformed(line):
    for read in (request_of, token_of):
        try:
            read(line)
        except Malformed as error:
            assert str(error)


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.text()))
def test_what_is_sent_is_one_ascii_line_and_read_back(value):
    line = encode(value)
    assert line.isascii() and line.count(b"\n") == 1 and line.endswith(b"\n")
    assert decode(line[:-1]) == value


def test_a_request():
    assert request_of(b'{"command": "tail", "args": ["J1", "5"]}') == Request("tail", ("J1", "5"))
    assert request_of(b'{"command": "stop"}') == Request("stop")


@pytest.mark.parametrize(
    "line", [b'{"token": 3}', b'{"version": 1}', b'{"token": "a", "version": 2}', b'{"token":"a","x":1}']
)
def test_no_token(line):
    with pytest.raises(Malformed):
        token_of(line)
