"""A server on a free port, clients that say anything, and a search that waits to be told how its jobs go on."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time

import pytest

from medl.automl.console.console import listen
from medl.automl.console.limits import Limits
from medl.automl.console.protocol import done
from medl.automl.console.server import Server


class Raw:
    """A client that sends bytes."""

    def __init__(self, port, token=None):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.buffer = b""
        if token is not None:
            self.greeting = self.say({"token": token})

    def send(self, data):
        self.sock.sendall(data)

    def say(self, value):
        self.send(json.dumps(value).encode() + b"\n")
        return self.line()

    def line(self):
        """Return the next reply, ``None`` once the server has hung up."""
        while b"\n" not in self.buffer:
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def close(self):
        self.sock.close()


class Served:
    """A server that answers ``echo WORDS`` at once and ``order`` when :meth:`obey` is called."""

    def __init__(self, **limits):
        self.said, self.orders, self.raws = [], [], []
        listener = listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        self.server = Server(
            listener, "right", lambda: {"run_id": "a"}, self.answer, limits=Limits(**limits), say=self.said.append
        )

    def answer(self, request, respond):
        if request.command == "order":
            self.orders.append(respond)
            return None
        if request.command == "broken":
            raise RuntimeError("a fault")
        if request.command == "long":
            return done("x" * int(request.args[0]))
        return done(" ".join(request.args))

    def connect(self, token="right"):
        self.raws.append(Raw(self.port, token))
        return self.raws[-1]

    def answers(self):
        """Return whether a new client is answered."""
        raw = self.connect()
        said = raw.say({"command": "echo", "args": ["here"]})
        raw.close()
        return said == {"ok": True, "parts": [{"text": "here"}]}


@pytest.fixture
def serve():
    made = []

    def make(**limits):
        made.append(Served(**limits))
        return made[-1]

    yield make
    for one in made:
        one.server.close()
        for raw in one.raws:
            with contextlib.suppress(OSError):
                raw.close()
        assert one.said == []
    assert not [thread for thread in threading.enumerate() if thread.name == "console"]


def until(condition, seconds=20.0):
    """Wait for something that comes soon, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.005)
    raise AssertionError("it never came")


@pytest.fixture(name="until")
def _until():
    return until
