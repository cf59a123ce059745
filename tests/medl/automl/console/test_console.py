"""A real search, driven through the real server, and what happens where there is no console."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time

import pytest

from medl.automl.api import Controller
from medl.automl.console.client import Client
from medl.automl.console.console import listen
from medl.automl.console.door import read_door
from medl.automl.console.modules import CommandModule, CommandModuleSpec, CommandSpec
from medl.automl.console.rendering import shown
from medl.automl.console.settings import ConsoleSettings
from medl.automl.defs import Context, ContextKey, Outcome, Recommendation, SearchResult
from medl.automl.engine import Engine
from medl.automl.events import read_events
from medl.automl.fingerprint import fingerprint
from medl.automl.worker_spec import parse_workers
from medl.components.executors.function_executor import FunctionExecutor
from medl.errors import RunError
from medl.mmar.run_folder import RunFolder

SEARCH = [{"domain": "lr", "type": "float", "args": ["x"], "targets": [0.0, 1.0]}]


class Grid(Controller):
    """Recommends so many values at once, and notes what it is told."""

    def __init__(self, count):
        self.count, self.heard = count, []

    def set_search_space(self, space, ctx):
        self.space = space

    def initial_recommendation(self, ctx):
        prl = self.space.parameters[0].prl
        values = [number / self.count for number in range(self.count)]
        return [Recommendation(f"t{n}", SearchResult(self.space, {prl: value})) for n, value in enumerate(values)]

    def refine_recommendation(self, outcome: Outcome, ctx):
        self.heard.append((outcome.recommendation_id, str(outcome.status), outcome.reason, outcome.objectives))
        return []


class Search:
    """A search in a thread; each of its jobs makes an epoch for every ``go()``, and ends with its tenth."""

    def __init__(self, folder, count=6, workers="0:1", console=ConsoleSettings(port=0), run=True):  # noqa: B008
        self.folder = RunFolder(folder, "a")
        self.said, self.controller = [], Grid(count)
        self.steps, self.open = threading.Semaphore(0), False
        ctx = Context()
        ctx.set_prop(ContextKey.RUN_ROOT, str(self.folder.root))
        self.engine = Engine(
            folder=self.folder,
            workers=parse_workers(workers),
            controller=self.controller,
            executor=FunctionExecutor(self.curve, epochs=10, search=SEARCH),
            ctx=ctx,
            fingerprint=fingerprint(config=1),
            say=self.said.append,
            console=console,
            poll_s=0.02,
        )
        self.thread = threading.Thread(target=self.run, daemon=True)
        if run:
            self.thread.start()

    def curve(self, values, epoch):
        while not self.open and not self.steps.acquire(timeout=0.02):
            if self.engine._core.aborted or self.engine.ctx.get_prop("enough"):
                break
        return values["x"] + epoch / 100

    def run(self):
        try:
            self.result = self.engine.run()
        except RunError as error:
            self.result = error

    def end(self):
        self.open = True
        self.thread.join(30)
        assert not self.thread.is_alive()
        return self.result

    @property
    def file(self):
        return self.folder.root / "console.json"

    def events(self, *types):
        found = read_events(self.folder.events)[0] if self.folder.events.exists() else []
        return [event for event in found if event["type"] in types]

    def client(self, until):
        until(self.file.is_file)
        return Client(read_door(self.file))


@pytest.fixture
def search(tmp_path):
    made = []

    def make(**more):
        made.append(Search(tmp_path, **more))
        return made[-1]

    yield make
    for one in made:
        if one.thread.is_alive():
            one.engine.ctx.set_prop("enough", True)
            one.engine.ctx.stop_work("test")
            one.end()


def at_work(client, until, count=2):
    """Wait until so many workers have a job, as the console says: the record knows it a moment before."""
    until(lambda: sum("busy" in row[2] for row in rows(client.ask("list_workers"))) == count)


def rows(reply):
    return next(part["rows"] for part in reply["parts"] if "rows" in part)


def details(reply):
    return dict(rows(reply))


def test_a_search_is_looked_at_and_driven(search, until):
    run = search()
    with run.client(until) as client:
        assert client.run_id == "a"
        at_work(client, until)
        assert rows(client.ask("list_workers")) == [["W1", "0", "busy", "1"], ["W2", "1", "busy", "1"]]
        assert details(client.ask("show_worker", ["W2"]))["JOB"] == "W2_1_J2"

        said = shown(client.ask("suspend_worker", ["W2"]))
        assert said == "W2 is suspended: it is given no new job; W2_1_J2 goes on"
        assert rows(client.ask("list_workers"))[1] == ["W2", "1", "busy, suspended", "1"]
        assert shown(client.ask("suspend_worker", ["W2"])) == "W2 was suspended before"

        assert shown(client.ask("abort_worker", ["W1"])) == "W1_1_J1 on W1 is aborted"
        until(lambda: len(run.events("job_ended")) == 1 and len(run.events("job_started")) == 3)
        at_work(client, until)
        ended = run.events("job_ended")[0]
        assert (ended["job"], ended["outcome"]["status"]) == ("W1_1_J1", "stopped")
        assert ended["outcome"]["reason"] == "aborted by the console"
        until(lambda: run.controller.heard)
        assert run.controller.heard[0] == ("t0", "stopped", "aborted by the console", ())
        assert run.events("job_started")[2]["worker"] == "W1"  # it goes on with the next

        run.steps.release(100)  # W2's job ends, and nothing more starts there; some of W1's end too
        until(lambda: any(event["job"] == "W2_1_J2" for event in run.events("job_ended")))
        until(lambda: rows(client.ask("list_workers"))[1] == ["W2", "1", "suspended", "1"])
        assert shown(client.ask("abort_worker", ["W2"])) == "W2 runs no job"

        assert "works again" in shown(client.ask("resume_worker", ["W2"]))
        assert shown(client.ask("resume_worker", ["W2"])) == "W2 was not suspended"
        listed = rows(client.ask("list_jobs"))
        assert listed[0][:4] == ["W1_1_J1", "t0", "W1", "stopped"]
        shown_job = details(client.ask("show_job", ["J1"]))
        assert shown_job["REASON"] == "aborted by the console"
    run.end()
    assert run.result.status == "finished"
    assert not run.file.exists()
    assert [event["worker"] for event in run.events("worker_suspended", "worker_resumed")] == ["W2", "W2"]
    assert len(run.events("job_ended")) == 6


def test_stop_lets_running_jobs_end(search, until):
    run = search()
    with run.client(until) as client:
        at_work(client, until)
        assert "2 running jobs will end" in shown(client.ask("stop"))
        assert "before, by console: stop" in shown(client.ask("stop"))
        until(lambda: len(rows(client.ask("list_jobs", ["stopped"]))) == 4)
    assert run.end().status == "stopped"
    assert [event["outcome"]["status"] for event in run.events("job_ended")] == ["ok", "ok"]


def test_all_workers_suspended_the_run_waits(search, until):
    run = search(workers="0")
    with run.client(until) as client:
        at_work(client, until, 1)
        assert "the run waits" in shown(client.ask("suspend_worker", ["W1"]))
        run.open = True
        until(lambda: run.events("job_ended"))
        time.sleep(0.2)
        assert run.thread.is_alive() and len(run.events("job_started")) == 1
        client.ask("resume_worker", ["W1"])
    assert run.end().status == "finished"
    assert len(run.events("job_ended")) == 6


def test_a_stop_while_all_are_suspended_ends_the_run(search, until):
    run = search(workers="0")
    with run.client(until) as client:
        at_work(client, until, 1)
        client.ask("suspend_worker", ["W1"])
        run.open = True
        until(lambda: run.events("job_ended"))
        client.ask("stop")
        assert run.end().status == "stopped"


def test_the_summary_as_clara_prints_it(search, until):
    run = search(console=ConsoleSettings(port=0, kept=3))
    with run.client(until) as client:
        at_work(client, until)
        run.steps.release(30)
        until(lambda: rows(client.ask("list_jobs", ["ok"])))
        text = shown(client.ask("summary")).splitlines()
    assert text[:2] == ["AutoML summary", "Top MMARs to keep: 3"]
    assert set(text[2]) == {"-"} == set(text[4])
    assert [word.strip() for word in text[3].strip("|").split("|")] == "START END ROOT SCORE WORKER STATUS".split()


def test_orders_that_make_no_sense(search, until):
    run = search()
    with run.client(until) as client:
        at_work(client, until)
        for words, why in (
            (["suspend_worker", "W9"], "Known: W1, W2"),
            (["suspend_worker"], "usage: suspend_worker WORKER"),
            (["suspend_worker", "W1", "W2"], "usage:"),
            (["show_worker", "../W1"], "Known: W1, W2"),
            (["list_worker"], 'Did you mean "list_workers"?'),
            (["show_job", "J77"], "no job"),
            (["tail", "../../etc/passwd"], "no job"),
            (["tail", "J1", "-1"], "number from 1"),
            (["tail", "J1"], "log.txt: No such file"),
            (["list_jobs", "good"], "Known: running, ok"),
            (["_answer"], "no command"),
        ):
            reply = client.ask(words[0], words[1:])
            assert reply["ok"] is False and why in shown(reply), words


def test_tail_reads_the_jobs_log_and_nothing_else(search, until, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "abcdef-secret")
    run = search()
    with run.client(until) as client:
        at_work(client, until)
        log = run.folder.job("W1_1_J1").log
        log.parent.mkdir(exist_ok=True)
        log.write_text("\n".join(f"line {n}" for n in range(50000)) + "\nabcdef-secret\x1b[31m red\n5%\r90%\r100%\n")
        assert shown(client.ask("tail", ["J1", "3"])).splitlines() == ["line 49999", "***[31m red", "100%"]
        assert len(shown(client.ask("tail", ["W1"])).splitlines()) == 20
        log.unlink()
        (tmp_path / "secret").write_text("secret")
        log.symlink_to(tmp_path / "secret")
        assert not client.ask("tail", ["J1"])["ok"]


def test_a_suspended_worker_stays_so_when_the_run_goes_on(search, until, tmp_path):
    first = search()
    with first.client(until) as client:
        at_work(client, until)
        client.ask("suspend_worker", ["W2"])
        first.engine._signals.first = 15  # as a signal would
        first.engine.ctx.set_prop("enough", True)
        first.engine._crew.wake()
        assert first.end().status == "interrupted"
    second = search()
    with second.client(until) as client:
        at_work(client, until, 1)
        assert rows(client.ask("list_workers")) == [["W1", "0", "busy", "1"], ["W2", "1", "suspended", "1"]]
        assert any("W2 is still suspended" in line for line in second.said)
        second.engine._signals.first = 15
        second.engine.ctx.set_prop("enough", True)
        second.engine._crew.wake()
        second.end()
    third = search(console=None)
    third.open = True
    assert third.end().status == "finished"
    assert any("W2 was suspended and works again" in line for line in third.said)


def test_an_abort_that_the_engine_did_not_live_to_see(search, until, tmp_path):
    first = search(workers="0")
    with first.client(until) as client:
        at_work(client, until, 1)
        first.engine._signals.first = 15
        first.engine.ctx.set_prop("enough", True)
        first.engine._crew.wake()
        first.end()
    # as if it had been killed right after the order
    lines = first.folder.events.read_bytes().splitlines(keepends=True)
    first.folder.events.write_bytes(
        b"".join(line for line in lines if b"run_paused" not in line and b"job_int" not in line)
    )
    from medl.automl.events import EventLog

    log = EventLog(first.folder.events)
    log.append({"type": "abort_asked", "job": "W1_1_J1", "attempt": 1, "reason": "x"})
    log.close()
    second = search(workers="0")
    second.open = True
    assert second.end().status == "finished"
    ended = second.events("job_ended")
    assert (ended[0]["job"], ended[0]["outcome"]["status"]) == ("W1_1_J1", "stopped")
    assert [event["job"] for event in second.events("job_started")].count("W1_1_J1") == 1
    assert len(ended) == 6


def test_commands_that_user_code_adds(search, until):
    class Mine(CommandModule):
        def get_spec(self):
            return CommandModuleSpec(
                "mine",
                [CommandSpec("hello", "greets", "hello NAME", self.hello), CommandSpec("bad", "", "bad", self.bad)],
            )

        def hello(self, conn, args):
            conn.append_string(f"hello {args[1]}")

        def bad(self, conn):
            raise ValueError("what")

    run = search()
    run.engine.ctx.add_command_module(Mine())
    with run.client(until) as client:
        assert ("hello", "hello NAME", "greets") in client.commands
        assert shown(client.ask("hello", ["you"])) == "hello you"
        assert shown(client.ask("bad")) == "bad failed: ValueError: what"
        assert 'Did you mean "hello"' in shown(client.ask("helo"))


def test_console_json_is_for_its_owner_alone(search, until):
    run = search()
    door = run.client(until)._door
    assert run.file.stat().st_mode & 0o777 == 0o600
    assert len(door.token) >= 40
    assert not any(door.token in line for line in run.said)
    assert door.token not in run.folder.events.read_text()
    run.file.chmod(0o640)
    with pytest.raises(RunError, match="read by others"):
        read_door(run.file)


def test_a_wrong_token_is_refused(search, until):
    from dataclasses import replace

    run = search()
    run.client(until).close()
    with pytest.raises(RunError, match="not the token of this run"):
        Client(replace(read_door(run.file), token="x" * 43))


def test_it_listens_on_loopback_alone(search, until):
    run = search()
    run.client(until).close()
    port = read_door(run.file).port
    own = next((info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)), "127.0.0.1")
    if not own.startswith("127."):
        with pytest.raises(OSError):
            socket.create_connection((own, port), timeout=2).close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_another_address_is_refused_without_tls(search, host):
    run = search(console=ConsoleSettings(host, 0))
    error = run.end()
    assert isinstance(error, RunError) and "without TLS" in str(error)
    assert not run.file.exists() and not run.events("job_started")


def test_a_port_that_is_taken(search, until):
    taken = listen("127.0.0.1", 0)
    port = taken.getsockname()[1]
    run = search(console=ConsoleSettings(port=port))
    run.client(until).close()
    assert read_door(run.file).port != port
    until(lambda: any(f"({port} is taken)" in line for line in run.said))
    taken.close()


def test_a_console_that_cannot_open_does_not_hurt_the_run(search, monkeypatch):
    monkeypatch.setattr("medl.automl.console.console.write_door", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    run = search()
    assert run.end().status == "finished"
    assert any("no console: full; the run goes on without it" in line for line in run.said)


def test_orders_that_wait_when_the_engine_ends_are_told(search, until):
    run = search(run=False)
    run.engine.folder.root.mkdir(parents=True)
    run.engine._console.open()
    with Client(read_door(run.file)) as client:
        got = []
        asking = threading.Thread(target=lambda: got.append(client.ask("stop")))
        asking.start()
        until(lambda: not run.engine._console._requests.empty())
        run.engine._console.close()
        asking.join(10)
    assert shown(got[0]) == "the engine has ended"
    assert not run.file.exists()


def made(folder, cert, key):
    """Make a certificate for localhost that nobody else has signed."""
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    argv = [*words.split(), "-addext", names, "-keyout", key, "-out", cert]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)
    return folder / cert


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    made(folder, "cert.pem", "key.pem")
    return folder / "cert.pem", folder / "key.pem"


def test_tls(search, until, certificate, tmp_path):
    from dataclasses import replace

    cert, key = certificate
    run = search(console=ConsoleSettings("0.0.0.0", 0, cert, key))
    with run.client(until) as client:
        at_work(client, until)
        assert client._sock.version() in ("TLSv1.2", "TLSv1.3")
        assert rows(client.ask("list_workers"))[0][0] == "W1"
        for _ in range(30):
            assert client.ask("list_jobs")["ok"]
        # one that speaks no TLS, one that stays in the middle of the greeting, one that says nothing
        for data in (b'{"token": "x"}\n' * 3, b"\x16\x03\x01\x00\xa5\x01", b""):
            sock = socket.create_connection(("127.0.0.1", client._door.port))
            sock.sendall(data)
        assert "will end" in shown(client.ask("stop"))
    door = read_door(run.file)
    with pytest.raises(RunError, match="does not show the certificate"):
        Client(replace(door, cert=str(made(tmp_path, "other.pem", "other_key.pem"))))
    with pytest.raises(RunError):  # nobody speaks to it without TLS
        Client(replace(door, cert=""))
    assert run.end().status == "stopped"


def test_a_certificate_that_is_none_is_refused(search, tmp_path):
    (tmp_path / "c.pem").write_text("no certificate")
    error = search(console=ConsoleSettings("127.0.0.1", 0, tmp_path / "c.pem")).end()
    assert isinstance(error, RunError) and "c.pem" in str(error)


def test_the_outcomes_are_the_same_with_a_console_as_without(search, tmp_path):
    def outcomes(run):
        run.open = True
        assert run.end().status == "finished"
        found = [event["outcome"] for event in run.events("job_ended")]
        return {outcome["recommendation_id"]: (outcome["status"], outcome["values"]) for outcome in found}

    assert outcomes(search()) == outcomes(Search(tmp_path / "other", console=None))
