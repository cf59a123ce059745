"""A search under siege: a hundred clients of its console, and garbage from every side.

    python benchmarks/faults/console.py [--seconds 60] [--clients 100]

The same search of fast jobs runs twice, each in a process of its own: alone, then with its console open, so many
clients that ask once a second each, and a third process that sends garbage without a pause: random bytes, lines without
an end, half lines, JSON nested by the thousand, wrong tokens, half greetings of TLS, connections that say nothing.
Prints how many requests were answered and in what time, what the garbage came to, the engine's memory, file descriptors
and time against the search alone. Exit code 1 where a request went wrong, the two searches did not come to the same
outcomes, or something was left behind.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from medl.automl.console.client import Client
from medl.automl.console.door import read_door
from medl.automl.events import read_events
from medl.errors import RunError

JOB_S = 0.2
WORKERS = 2
ASKED = (["list_workers"], ["show_worker", "W1"], ["list_jobs"], ["list_jobs", "ok", "20"], ["summary"])
SEARCH = [
    {"domain": "lr", "type": "float", "args": ["x"], "targets": [0.0, 1.0]},
    {"domain": "lr", "type": "float", "args": ["y"], "targets": [0.0, 1.0]},
]


def search(folder: Path, jobs: int, with_console: bool) -> None:
    """Run the search in this process."""
    from medl.automl.console.settings import ConsoleSettings
    from medl.automl.defs import Context, ContextKey
    from medl.automl.engine import Engine
    from medl.automl.worker_spec import parse_workers
    from medl.components.controllers.random import RandomController
    from medl.components.executors.function_executor import FunctionExecutor
    from medl.mmar.run_folder import RunFolder

    def job(values: dict[str, float]) -> float:
        time.sleep(JOB_S)
        return 1.0 - (values["x"] - 0.3) ** 2 - (values["y"] - 0.6) ** 2

    run = RunFolder(folder, "a")
    ctx = Context()
    ctx.set_prop(ContextKey.RUN_ROOT, str(run.root))
    Engine(
        folder=run,
        workers=parse_workers(":".join(map(str, range(WORKERS)))),
        controller=RandomController(max_rounds=jobs, seed=0),
        executor=FunctionExecutor(job, search=SEARCH),
        ctx=ctx,
        fingerprint="benchmark",
        say=lambda line: None,
        console=ConsoleSettings(port=0) if with_console else None,
    ).run()


def garbage(port: int, seconds: float) -> None:
    """Send garbage, and print what was sent as JSON."""
    sent: Counter[str] = Counter()
    kept: list[socket.socket] = []
    draw = random.Random(0)
    end = time.monotonic() + seconds

    def one() -> None:
        kind = draw.choice(["bytes", "endless", "half", "nested", "token", "tls", "silent", "reset", "newlines"])
        sock = socket.create_connection(("127.0.0.1", port), timeout=1.0)
        sock.settimeout(0.2)
        sent[kind] += 1
        with contextlib.suppress(OSError):
            if kind == "bytes":
                sock.sendall(draw.randbytes(draw.randrange(1, 8192)))
            elif kind == "endless":
                for _ in range(50):
                    sock.sendall(b"x" * 65536)
            elif kind == "half":
                sock.sendall(b'{"token": "')
            elif kind == "nested":
                sock.sendall(b"[" * 4000 + b"\n")
            elif kind == "token":
                sock.sendall(json.dumps({"token": draw.randbytes(24).hex()}).encode() + b"\n")
            elif kind == "tls":
                sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + draw.randbytes(100))
            elif kind == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            elif kind == "newlines":
                sock.sendall(b"\n" * 8192)
        if kind in ("half", "tls", "silent") and len(kept) < 400:
            kept.append(sock)
        else:
            sock.close()

    while time.monotonic() < end:
        try:
            one()
        except OSError:
            sent["not taken"] += 1
            time.sleep(0.01)
        if len(kept) >= 400:
            kept.pop(0).close()
    print(json.dumps(sent))


@dataclass
class Figures:
    """What the honest clients saw.

    Attributes:
        seconds: of each answered request.
        wrong: what went wrong.
        over: requests that met the end of the search.
    """

    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    over: int = 0


def honest(file: Path, number: int, end: float, figures: Figures) -> None:
    """Ask once a second until the end, or until the search is over."""
    draw = random.Random(number)
    time.sleep(draw.random())
    try:
        with Client(read_door(file), timeout_s=30.0) as client:
            while time.monotonic() < end:
                words = draw.choice(ASKED)
                began = time.perf_counter()
                reply = client.ask(words[0], words[1:])
                figures.seconds.append(time.perf_counter() - began)
                if not reply.get("ok"):
                    figures.wrong.append(f"{words}: {reply}")
                time.sleep(1.0)
    except (RunError, OSError) as error:
        if file.exists():
            figures.wrong.append(str(error))
        else:
            figures.over += 1


def watched(process: subprocess.Popen[bytes], seen: dict[str, int]) -> None:
    """Note the most file descriptors and memory of a process while it runs."""
    place = Path(f"/proc/{process.pid}")
    while process.poll() is None:
        with contextlib.suppress(OSError, StopIteration, ValueError):
            seen["fds"] = max(seen.get("fds", 0), len(os.listdir(place / "fd")))
            lines = (place / "status").read_text().splitlines()
            seen["MiB"] = max(
                seen.get("MiB", 0), int(next(x for x in lines if x.startswith("VmHWM")).split()[1]) // 1024
            )
            ticks = (place / "stat").read_text().rpartition(")")[2].split()
            seen["cpu_ms"] = 1000 * (int(ticks[11]) + int(ticks[12])) // os.sysconf("SC_CLK_TCK")
        time.sleep(0.2)


def started(*words: str) -> subprocess.Popen[bytes]:
    """Start this script with other words."""
    return subprocess.Popen([sys.executable, __file__, *words], stdout=subprocess.PIPE)


def outcomes(folder: Path) -> dict[str, object]:
    """Return recommendation to what came of it."""
    events, torn = read_events(folder / "a" / "events.jsonl")
    assert torn is None and events[-1]["type"] == "run_ended", events[-1]
    ended = [event["outcome"] for event in events if event["type"] == "job_ended"]
    return {outcome["recommendation_id"]: (outcome["status"], outcome["values"]) for outcome in ended}


def one_search(folder: Path, jobs: int, clients: int, seconds: float) -> tuple[float, dict[str, int], Figures, str]:
    """Run a search in a process, besieged where there are clients; return its time and what was seen."""
    began = time.monotonic()
    process = started("--search", str(folder), "--jobs", str(jobs), *(["--console"] if clients else []))
    seen: dict[str, int] = {}
    figures = Figures()
    threads = [threading.Thread(target=watched, args=(process, seen))]
    noise = None
    if clients:
        file = folder / "a" / "console.json"
        while not file.exists() and process.poll() is None:
            time.sleep(0.01)
        end = time.monotonic() + seconds
        noise = started("--garbage", str(read_door(file).port), "--seconds", str(seconds))
        threads += [threading.Thread(target=honest, args=(file, n, end, figures)) for n in range(clients)]
    for thread in threads:
        thread.start()
    process.wait()
    took = time.monotonic() - began
    for thread in threads:
        thread.join()
    said = noise.communicate()[0].decode() if noise is not None else "{}"
    if process.returncode:
        figures.wrong.append(f"the engine ended with {process.returncode}")
    return took, seen, figures, said


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=100)
    for hidden in ("--search", "--garbage", "--jobs"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--console", action="store_true", help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.search:
        search(Path(words.search), int(words.jobs), words.console)
        return 0
    if words.garbage:
        garbage(int(words.garbage), words.seconds)
        return 0

    jobs = int(words.seconds * WORKERS / JOB_S)  # in its best case the search is as long as the siege
    with tempfile.TemporaryDirectory() as name:
        alone_s, alone, _, _ = one_search(Path(name) / "alone", jobs, 0, words.seconds)
        besieged_s, besieged, figures, said = one_search(Path(name) / "besieged", jobs, words.clients, words.seconds)
        same = outcomes(Path(name) / "alone") == outcomes(Path(name) / "besieged")
        left = [path.name for path in (Path(name) / "besieged" / "a").iterdir() if "console" in path.name]
    noise = json.loads(said)
    times = sorted(figures.seconds)
    print(f"search: {jobs} jobs of {JOB_S:g} s on {WORKERS} workers; {words.clients} clients for {words.seconds:g} s")
    print(f"garbage: {sum(noise.values()) - noise.get('not taken', 0)} connections ({', '.join(sorted(noise))})")
    print(f"requests answered: {len(times)}, wrong: {len(figures.wrong)}, cut by the end of the search: {figures.over}")
    if times:
        last = times[min(len(times) - 1, int(len(times) * 0.99))]
        found = {"median": statistics.median(times), "p99": last, "most": times[-1]}
        print(f"latency: {', '.join(f'{name} {1000 * value:.1f} ms' for name, value in found.items())}")
    for what, key in (("most file descriptors", "fds"), ("peak memory, MiB", "MiB"), ("CPU, ms", "cpu_ms")):
        print(f"{what}: {alone.get(key)} alone, {besieged.get(key)} besieged")
    print(f"time of the search: {alone_s:.1f} s alone, {besieged_s:.1f} s besieged, ratio {besieged_s / alone_s:.2f}")
    print(f"outcomes the same: {same}; left behind: {left or 'nothing'}")
    for line in figures.wrong[:5]:
        print(f"wrong: {line}")
    return 0 if same and times and not figures.wrong and not left else 1


if __name__ == "__main__":
    sys.exit(main())
