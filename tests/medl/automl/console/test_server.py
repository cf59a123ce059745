"""The server under clients that are wrong, huge, slow, greedy, many, or gone."""

from __future__ import annotations

import json
import random
import socket
import threading
import time

import pytest

ECHO = {"command": "echo", "args": ["a", "b"]}


def test_the_token_first_then_a_reply_for_each_request_in_their_order(serve):
    raw = serve().connect()
    assert raw.greeting == {"ok": True, "run_id": "a"}
    assert raw.say(ECHO) == {"ok": True, "parts": [{"text": "a b"}]}
    raw.send(b"".join(json.dumps({"command": "echo", "args": [str(n)]}).encode() + b"\n" for n in range(30)))
    assert [raw.line()["parts"][0]["text"] for _ in range(30)] == [str(n) for n in range(30)]


@pytest.mark.parametrize("token", ["", "wrong", "righ", "right ", "r\u00e4cht", "\ud800"])
def test_another_token_is_told_so_and_hung_up_on(serve, token):
    raw = serve().connect(token)
    assert raw.greeting["ok"] is False and "not the token" in raw.greeting["parts"][0]["text"]
    assert raw.line() is None


def test_a_request_before_the_token_is_not_answered(serve):
    served = serve()
    raw = served.connect(None)
    assert raw.say(ECHO)["ok"] is False
    assert raw.line() is None
    assert served.answers()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET / HTTP/1.1\r",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\xff\xfe\x00",
        b"[1]",
        b"null",
        b'{"command": 3}',
        b'{"command": "echo", "args": "ab"}',
        b'{"command": "echo", "args": [1]}',
        b'{"command": "echo", "args": ["1","2","3","4","5","6","7","8","9"]}',
        b'{"command": "' + b"e" * 300 + b'"}',
        b'{"command": "echo", "more": 1}',
        b"[" * 4000,
        b'{"a":' * 800,
        b"1" * 4090,
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_what_is_no_request_is_told_so_and_hung_up_on(serve, line, known):
    served = serve()
    raw = served.connect("right" if known else None)
    raw.send(line + b"\n")
    said = raw.line()
    assert said["ok"] is False and said["parts"][0]["text"]
    assert raw.line() is None
    assert served.answers()


@pytest.mark.parametrize("known", [True, False])
def test_a_line_without_end_is_cut_off(serve, known):
    served = serve()
    raw = served.connect("right" if known else None)
    with pytest.raises(OSError):
        for _ in range(4000):
            raw.send(b"x" * 65536)
    assert served.answers()


def test_who_gives_no_token_in_time_goes(serve):
    served = serve(token_s=0.1)
    raw = served.connect(None)
    assert "no token" in raw.line()["parts"][0]["text"] and raw.line() is None


def test_a_line_that_comes_too_slowly_goes_with_its_client(serve):
    served = serve(line_s=0.2)
    raw = served.connect()
    with pytest.raises(OSError):
        for letter in b'{"command": "echo", "args": ["' + b"a" * 1000:
            raw.send(bytes([letter]))
            time.sleep(0.01)
    assert served.answers()


def test_who_asks_nothing_for_long_goes(serve):
    raw = serve(idle_s=0.1).connect()
    assert "nothing was asked" in raw.line()["parts"][0]["text"] and raw.line() is None


def test_who_does_not_read_goes_and_holds_up_nobody(serve, until):
    served = serve(write_s=0.3, reply_bytes=40_000_000)
    raw = served.connect()
    raw.send(b'{"command": "long", "args": ["30000000"]}\n')
    assert served.answers()
    until(lambda: not served.server._connections)


def test_a_reply_that_would_be_too_long_is_an_error(serve):
    assert (
        "too long" in serve(reply_bytes=1000).connect().say({"command": "long", "args": ["2000"]})["parts"][0]["text"]
    )


def test_who_asks_too_often_waits(serve):
    raw = serve(requests=20.0).connect()
    began = time.monotonic()
    for _ in range(28):  # twenty at once, then one each 50 ms
        assert raw.say(ECHO)["ok"]
    assert 0.3 <= time.monotonic() - began < 5


def test_all_together_have_a_rate_too_and_each_has_a_turn(serve):
    served = serve(requests=1000.0, all_requests=50.0)
    raws = [served.connect() for _ in range(5)]
    began = time.monotonic()
    counts = [0] * 5

    def ask(number):
        while time.monotonic() - began < 1.0:
            raws[number].say(ECHO)
            counts[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 30 <= sum(counts) <= 120
    assert min(counts) >= 4


def test_too_many_known_clients_are_refused(serve):
    served = serve(clients=2)
    kept = [served.connect(), served.connect()]
    assert "2 clients already" in served.connect().greeting["parts"][0]["text"]
    assert all(raw.say(ECHO)["ok"] for raw in kept)


def test_strangers_make_room_for_those_who_come_later(serve):
    served = serve(strangers=3)
    strangers = [served.connect(None) for _ in range(20)]
    assert served.answers()
    assert strangers[0].line() is None


def test_more_come_than_are_taken_in_a_second(serve):
    served = serve(accepts=20.0)
    raws = [served.connect(None) for _ in range(30)]  # the kernel takes them, the server later
    assert served.answers()
    assert len(raws) == 30


def test_an_order_is_answered_when_it_was_carried_out_and_others_meanwhile(serve, until):
    from medl.automl.console.protocol import done

    served = serve()
    raw = served.connect()
    raw.send(b'{"command": "order"}\n{"command": "echo", "args": ["after"]}\n')
    until(lambda: served.orders)
    assert served.answers()
    served.orders[0](done("carried out"))
    assert raw.line()["parts"][0]["text"] == "carried out"
    assert raw.line()["parts"][0]["text"] == "after"


def test_an_order_whose_client_has_gone(serve, until):
    from medl.automl.console.protocol import done

    served = serve()
    raw = served.connect()
    raw.send(b'{"command": "order"}\n')
    until(lambda: served.orders)
    raw.close()
    served.orders[0](done("nobody hears this"))
    assert served.answers()


def test_a_fault_in_an_answer_is_a_reply(serve):
    served = serve()
    raw = served.connect()
    assert raw.say({"command": "broken"}) == {"ok": False, "parts": [{"text": "broken failed: RuntimeError: a fault"}]}
    assert raw.say(ECHO)["ok"]


def test_clients_that_go_in_the_middle(serve):
    served = serve()
    for known in (True, False) * 5:
        raw = served.connect("right" if known else None)
        raw.send(b'{"comm')
        raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset instead of a goodbye
        raw.close()
    assert served.answers()


def test_closing_sends_what_is_left_and_hangs_up(serve):
    served = serve()
    raw = served.connect()
    idle = served.connect()
    raw.send(b'{"command": "echo", "args": ["x"]}\n')
    assert raw.line()["ok"]
    served.server.close()
    assert raw.line() is None and idle.line() is None
    with pytest.raises(OSError):
        served.connect()


def test_garbage_of_many_kinds_never_ends_it(serve):
    served = serve(accepts=1000.0)
    draw = random.Random(0)
    for _ in range(150):
        raw = served.connect("right" if draw.random() < 0.3 else None)
        data = draw.choice(
            [
                lambda: draw.randbytes(draw.randrange(1, 5000)),
                lambda: b"\n" * draw.randrange(1, 5000),
                lambda: json.dumps({"token": draw.random()}).encode(),
                lambda: b'{"command":"echo","args":["' + draw.randbytes(20) + b'"]}\n',
            ]
        )()
        try:
            raw.send(data)
        except OSError:
            continue
        if draw.random() < 0.5:
            raw.close()
    assert served.answers()


def test_waiting_for_whatever_costs_nothing(serve, until):
    served = serve(line_s=0.05, token_s=0.05, idle_s=0.05, write_s=30.0, reply_bytes=40_000_000, accepts=5.0)
    waiting = served.connect()
    waiting.send(b'{"command": "order"}\n{"half')
    until(lambda: served.orders)
    deaf = served.connect()
    deaf.send(b'{"command": "long", "args": ["30000000"]}\n')
    for _ in range(8):
        served.connect(None)
    time.sleep(0.3)
    rounds, real = [], served.server._round
    served.server._round = lambda: (rounds.append(1), real())
    time.sleep(0.5)
    assert len(rounds) < 30
