"""Kills of searches at random moments: nothing is lost, nothing is done twice, and the end is the same.

    python benchmarks/faults/kills.py                       50 kills, 12 of them of real trainings
    python benchmarks/faults/kills.py --kills 200 --real 40 --seed 7
    python benchmarks/faults/kills.py --kills 8 --real 0 --only function

Each search is run once without a kill. Then it is started again and again by the same command and SIGKILL is sent to
its engine, to a job, to a rank of Horovod or to everything at once, each at a random moment, until its share of kills
is used up; the last start runs to the end. What is compared is in docs/faults.md.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processes import ALL, ENGINE, KINDS, kill, marked, targets
from searches import REAL, SIMULATED, Search

from medl.automl.events import Event, read_events

MARK = "MEDL_KILLS"
PATIENCE_S = 900.0


@dataclass
class Result:
    """What one search came to.

    Attributes:
        killed: kind to number of kills.
        starts: how often the command was given, the uninterrupted run left out.
        runs: how many runs it took; a new one begins where one ended before its kill.
        faults: what was not as it must be, in sentences.
    """

    search: Search
    killed: collections.Counter[str] = field(default_factory=collections.Counter)
    starts: int = 0
    runs: int = 0
    trials: int = 0
    attempts: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def one_end_each(events: Sequence[Event]) -> list[str]:
    """Return the trials that did not end exactly once."""
    asked = [item["id"] for event in events if event["type"] == "recommended" for item in event["recommendations"]]
    jobs = {event["job"]: event["trial"] for event in events if event["type"] == "job_started"}
    ends = collections.Counter(jobs[event["job"]] for event in events if event["type"] == "job_ended")
    started = set(jobs.values())
    faults = [f"{trial} ended {ends[trial]} times" for trial in started if ends[trial] != 1]
    faults += [f"{trial} never started" for trial in asked if trial not in started]
    return faults + ([] if events[-1]["type"] == "run_ended" else ["the run has not ended"])


def sequences(events: Sequence[Event]) -> dict[str, Any]:
    """Return what the record says but for times, attempts and interruptions, each kind of fact in its order."""
    ended = []
    for event in events:
        if event["type"] == "job_ended":
            outcome = {key: value for key, value in event["outcome"].items() if key not in ("cost_s", "info")}
            ended.append((event["job"], outcome))
    reported: dict[tuple[str, int], Any] = {}
    for event in events:
        if event["type"] == "job_reported":
            reported[event["job"], event["epoch"]] = (event["values"], event.get("decision"))
    return {
        "recommendations": [(e["after"], e["recommendations"]) for e in events if e["type"] == "recommended"],
        "jobs": list({e["job"]: e["values"] for e in events if e["type"] == "job_started"}.items()),
        "outcomes": ended,
        "validations": sorted(reported.items()),
        "end": events[-1].get("status"),
    }


def trials(events: Sequence[Event]) -> list[tuple[str, str, str]]:
    """Return each trial's values with its status and score, to the last bit, in an order of their own."""
    values = {event["job"]: event["values"] for event in events if event["type"] == "job_started"}
    ended = [(event["job"], event["outcome"]) for event in events if event["type"] == "job_ended"]
    return sorted((json.dumps(values[job]), one["status"], json.dumps(one["values"])) for job, one in ended)


def differences(search: Search, whole: Sequence[Event], killed: Sequence[Event]) -> list[str]:
    """Return in what the record of a killed run differs from that of an uninterrupted one."""
    faults = one_end_each(killed)
    if trials(whole) != trials(killed):
        extra = [str(one) for one in set(trials(killed)) ^ set(trials(whole))]
        faults.append(f"other trials or scores: {'; '.join(extra)[:600]}")
    if ":" not in search.workers:  # the order of outcomes is the same
        before, after = sequences(whole), sequences(killed)
        faults += [f"other {name}" for name in before if before[name] != after[name]]
    return faults


class Runner:
    """Starts one search as a process of its own.

    Args:
        search: which.
        folder: takes its archive and what it prints.
        draw: where the moments come from.
        say: takes lines for people.
    """

    def __init__(self, search: Search, folder: Path, draw: random.Random, say: Any = print):
        self.search, self.folder, self.draw, self.say = search, folder, draw, say
        self.root = search.archive(folder / "archive")
        self.mark = f"{MARK}={uuid.uuid4()}"
        self.starts = 0

    def events(self, run_id: str) -> list[Event]:
        return read_events(self.root / "automl" / run_id / "events.jsonl")[0]

    def start(self, run_id: str) -> subprocess.Popen[bytes]:
        self.starts += 1
        name, _, value = self.mark.partition("=")
        env = {**os.environ, name: value, "OMP_NUM_THREADS": "1"}
        with (self.folder / f"said.{self.starts}").open("wb") as said:
            argv = self.search.command(self.root, run_id)
            return subprocess.Popen(argv, env=env, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)

    def said(self) -> Iterator[str]:
        for number in range(1, self.starts + 1):
            yield (self.folder / f"said.{number}").read_text(errors="replace")

    def whole(self) -> tuple[list[Event], float, float]:
        """Run it without a kill; return its record, and the seconds to its first job and to its end."""
        began = time.monotonic()
        engine = self.start("whole")
        record = self.root / "automl/whole/events.jsonl"
        while engine.poll() is None and not (record.exists() and b"job_started" in record.read_bytes()):
            time.sleep(0.02)
        first = time.monotonic() - began
        code = engine.wait(PATIENCE_S)
        if code:
            raise SystemExit(f"{self.search.name} fails without a kill:\n{list(self.said())[-1]}")
        return self.events("whole"), first, time.monotonic() - began

    def killed(self, kills: int) -> Result:
        """Run it with so many kills, to the end."""
        try:
            return self._killed(kills)
        finally:  # whatever came between
            kill(marked(self.mark))

    def _killed(self, kills: int) -> Result:
        began = time.monotonic()
        result = Result(self.search)
        whole, first, seconds = self.whole()
        result.faults += one_end_each(whole)
        kinds = itertools.cycle(self.search.kinds)
        while sum(result.killed.values()) < kills:
            result.runs += 1
            run_id = f"killed{result.runs}"
            left = kills - sum(result.killed.values())
            self._one(run_id, result, kinds, left, first, seconds)
            events = self.events(run_id)
            result.faults += differences(self.search, whole, events)
            result.trials += sum(event["type"] == "job_ended" for event in events)
            result.attempts += sum(event["type"] == "job_started" for event in events)
        result.starts = self.starts - 1
        result.seconds = time.monotonic() - began
        result.faults += self._left_behind()
        return result

    def _one(self, run_id: str, result: Result, kinds: Iterator[str], kills: int, first: float, seconds: float) -> None:
        engine = self.start(run_id)
        done = 0
        while engine.poll() is None and done < kills:
            # now and then before the first job has started, mostly later; sooner where a run ended before
            spread = 1.3 * 0.7 ** (result.runs - 1) / kills
            self._wait(engine, self.draw.uniform(0.5 * first, first + spread * (seconds - first)))
            kind = next(kinds)
            found: list[list[int]] = []
            until = time.monotonic() + seconds
            while engine.poll() is None and not (found := targets(engine.pid, kind)) and time.monotonic() < until:
                time.sleep(0.01)
            if engine.poll() is not None or not found:
                continue
            kill(self.draw.choice(found))
            done += 1
            result.killed[kind] += 1
            if kind in (ENGINE, ALL):
                engine.wait(60)
                engine = self.start(run_id)
        code = engine.wait(PATIENCE_S)
        if code:
            result.faults.append(f"exit code {code}: {list(self.said())[-1][-600:]}")

    @staticmethod
    def _wait(engine: subprocess.Popen[bytes], seconds: float) -> None:
        try:
            engine.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def _left_behind(self) -> list[str]:
        """Return which processes and files are left, and what the engines complained about."""
        until = time.monotonic() + 20
        while (left := marked(self.mark)) and time.monotonic() < until:
            time.sleep(0.1)
        faults = [f"process {pid} is left" for pid in left]
        for run in (self.root / "automl").iterdir():
            names = [path.name for path in run.rglob("*") if path.name.endswith((".tmp", ".partial", ".part"))]
            names += [path.name for path in run.iterdir() if path.is_symlink()]
            # what an attempt left that was killed is kept with it
            faults += [f"{run.name}/{name} is left" for name in names if not list(run.glob(f"*.attempt*/**/{name}"))]
        for text in self.said():
            for words in ("Traceback", "than it did before", "the Optuna mirror"):
                if words in text:
                    faults.append(f'an engine said "{words}": {text[text.index(words) - 200 :][:800]}')
        return faults


def shares(searches: Sequence[Search], kills: int) -> list[int]:
    """Return how many kills each search gets, as evenly as can be."""
    return [kills // len(searches) + (number < kills % len(searches)) for number in range(len(searches))]


def main(argv: Sequence[str] | None = None) -> int:
    """Kill, compare, print the table; return 1 where anything was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="in all (%(default)s)")
    parser.add_argument("--real", type=int, default=12, help="of them of real trainings (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments; which job is hit depends on the machine")
    parser.add_argument("--only", default="", help="searches whose name has this text")
    parser.add_argument("--keep", metavar="DIR", help="keep the runs there")
    given = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    chosen = [
        (search, number)
        for searches, kills in ((SIMULATED, given.kills - given.real), (REAL, given.real))
        for picked in [[search for search in searches if given.only in search.name]]
        if picked
        for search, number in zip(picked, shares(picked, kills), strict=True)
        if number
    ]
    if not chosen:
        parser.error(f"no search has {given.only!r} in its name, or there is nothing to kill")
    results = []
    with tempfile.TemporaryDirectory(prefix="medl-kills-") as folder:
        parent = Path(given.keep) if given.keep else Path(folder)
        parent.mkdir(parents=True, exist_ok=True)
        for number, (search, kills) in enumerate(chosen):
            place = parent / str(number)
            place.mkdir()
            result = Runner(search, place, random.Random(given.seed * 1000 + number)).killed(kills)
            results.append(result)
            told = ", ".join(f"{count} {kind}" for kind, count in result.killed.items())
            print(f"{search.name}: killed {told}; {result.seconds:.0f} s", file=sys.stderr, flush=True)
            for fault in result.faults:
                print(f"{search.name}: {fault}", flush=True)
    print_table(results)
    return 1 if any(result.faults for result in results) else 0


def print_table(results: Sequence[Result]) -> None:
    """Print a row per search, and the sum."""
    print(f"\n| search | {' | '.join(KINDS)} | starts | runs | jobs | attempts | faults | s |")
    print(f"|---|{'---:|' * (len(KINDS) + 6)}")
    for result in results:
        counts = [result.killed[kind] for kind in KINDS]
        cells = [*counts, result.starts, result.runs, result.trials, result.attempts, len(result.faults)]
        print(f"| {result.search.name} | {' | '.join(map(str, cells))} | {result.seconds:.0f} |")
    killed = sum((result.killed for result in results), collections.Counter())
    total = sum(killed.values())
    real = sum(sum(result.killed.values()) for result in results if result.search.real)
    print(f"\n{total} kills, {real} of real trainings: " + ", ".join(f"{killed[kind]} {kind}" for kind in KINDS))


if __name__ == "__main__":
    sys.exit(main())
