from __future__ import annotations

import contextlib
import os
import socket
import threading

import pytest

from medl.automl.console.client import Client, find_door
from medl.automl.console.door import Door, read_door, write_door
from medl.automl.lock import hold
from medl.errors import ConfigError, RunError
from medl.mmar.archive import create


def door(port=1, token="right", run_id="a"):
    return Door("127.0.0.1", port, token, run_id, os.getpid())


@pytest.fixture
def archive(tmp_path):
    return create(tmp_path / "archive").root


def run_of(archive, name, port=1):
    folder = archive / "automl" / name
    folder.mkdir(parents=True)
    (folder / "events.jsonl").touch()
    write_door(folder / "console.json", door(port, run_id=name))
    return folder


def test_the_door_is_written_for_its_owner_and_read_back(tmp_path):
    os.umask(old := os.umask(0))
    try:
        os.umask(0)
        write_door(tmp_path / "console.json", door())
    finally:
        os.umask(old)
    assert (tmp_path / "console.json").stat().st_mode & 0o777 == 0o600
    assert read_door(tmp_path / "console.json") == door()
    assert [path.name for path in tmp_path.iterdir()] == ["console.json"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"host": 1}', "[" * 60000, '{"host":"a","port":"x"}', "\ud800"])
def test_a_file_that_is_no_door(tmp_path, text):
    path = tmp_path / "console.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    path.chmod(0o600)
    with pytest.raises(RunError):
        read_door(path)


def test_the_run_is_found_by_its_name_by_its_port_or_for_being_alone(archive):
    first, second = run_of(archive, "a", 40001), run_of(archive, "b", 40002)
    with pytest.raises(RunError, match="no search with a console runs"):
        find_door(archive)
    with hold(first / "lock"):
        assert find_door(archive).run_id == find_door(archive, "a").run_id == "a"
        with pytest.raises(RunError, match='"b" is not running'):
            find_door(archive, "b")
        with hold(second / "lock"):
            assert find_door(archive, port=40002).run_id == "b"
            with pytest.raises(ConfigError, match=r"a \(port 40001\), b \(port 40002\)"):
                find_door(archive)
    with pytest.raises(ConfigError, match="Runs here: a, b"):
        find_door(archive, "c")


def test_nobody_answers():
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    with pytest.raises(RunError, match="nobody answers"):
        Client(door(sock.getsockname()[1]))
    sock.close()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "hung up"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is no console"),
        (b"[]\n", "is no console"),
        (b"x" * (5 << 20), "is no console"),
        (None, "has not answered in 0.3 s"),
    ],
)
def test_what_answers_is_no_console(said, why):
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve():
        sock, _ = listener.accept()
        with sock:
            sock.recv(1000)
            if said is None:
                done.wait(10)
            else:
                with contextlib.suppress(OSError):
                    sock.sendall(said)

    thread = threading.Thread(target=serve)
    thread.start()
    with pytest.raises(RunError, match=why):
        Client(door(listener.getsockname()[1]), timeout_s=0.3)
    done.set()
    thread.join()
    listener.close()


def test_words_that_are_too_long_are_not_even_sent(serve):
    served = serve()
    client = Client(door(served.port))
    assert not client.ask("echo", ["x" * 300])["ok"]
    assert not client.ask("echo", ["x"] * 9)["ok"]
    assert client.ask("echo", ["é"])["parts"][0]["text"] == "é"
    client.close()
