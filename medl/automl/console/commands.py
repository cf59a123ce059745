"""The console's commands: what each is called, what it takes, and the replies of those that only look."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from medl.automl.console.board import Board, WorkerState
from medl.automl.console.protocol import Reply, Request, refused, table
from medl.automl.defs import JobStatus
from medl.automl.narration import show_values
from medl.automl.summary import best_lines
from medl.errors import near_names
from medl.masked import masked
from medl.mmar.run_folder import RunFolder

ROWS = 200
"""Jobs that a list shows where nobody asks for another number."""
MOST_ROWS = 2000
LINES = 20
MOST_LINES = 500
_TAIL_BYTES = 65536


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: its word.
        args: names of its args as they are shown; those in brackets may be left out.
        what: what it does.
        order: whether it changes the run: then the engine's loop handles it.
    """

    name: str
    args: tuple[str, ...]
    what: str
    order: bool = False

    @property
    def usage(self) -> str:
        """The command as it is typed."""
        return " ".join((self.name, *self.args))

    def fits(self, count: int) -> bool:
        """Return whether it takes so many args."""
        return sum(not arg.startswith("[") for arg in self.args) <= count <= len(self.args)


COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command("list_workers", (), "the workers: GPUs, state, jobs so far"),
        Command("show_worker", ("WORKER",), "one worker, and the job that it runs"),
        Command("suspend_worker", ("WORKER",), "give it no new job; the one that it runs goes on", order=True),
        Command("resume_worker", ("WORKER",), "let it work again", order=True),
        Command("abort_worker", ("WORKER",), "end its job at once; the worker goes on with the next", order=True),
        Command("stop", (), "stop the search: running jobs end, queued ones are dropped", order=True),
        Command("summary", (), "the table of the run"),
        Command("list_jobs", ("[STATUS]", "[COUNT]"), "the last jobs, with values; of one status"),
        Command("show_job", ("JOB",), "one job: its name, the end of it (J3), or its worker"),
        Command("tail", ("JOB", "[LINES]"), "the last lines of a job's log.txt"),
    )
}


def known(request: Request, others: Iterable[str] = ()) -> Command | Reply:
    """Return the command of a request, or why there is none; ``others`` are names of more commands."""
    command = COMMANDS.get(request.command)
    if command is None:
        names = [*COMMANDS, *others]
        near = near_names(request.command[:40], names, count=1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        return refused(f'there is no command "{request.command[:40]}".{hint} Known: {", ".join(names)}')
    if not command.fits(len(request.args)):
        return refused(f"usage: {command.usage}")
    return command


class Reader:
    """Answers the commands that only look; from any one thread.

    Args:
        board: the state of the run.
        folder: of the run.
        kept: how many archives the run keeps; ``None`` for all.
    """

    def __init__(self, board: Board, folder: RunFolder, kept: int | None = None):
        self._board, self._folder, self._kept = board, folder, kept

    def answer(self, request: Request) -> Reply:
        """Return the reply to a request that fits its command."""
        reply: Reply = getattr(self, f"_{request.command}")(*request.args)
        return reply

    def _list_workers(self) -> Reply:
        rows = [(worker.name, worker.gpus, worker.state, str(worker.jobs)) for worker in self._board.workers()]
        return Reply(True, (table(("NAME", "GPUS", "STATE", "JOBS"), rows),))

    def _show_worker(self, name: str) -> Reply:
        worker = find_worker(self._board.workers(), name)
        if isinstance(worker, Reply):
            return worker
        rows = [("NAME", worker.name), ("GPUS", worker.gpus), ("STATE", worker.state), ("JOBS", str(worker.jobs))]
        if worker.job is not None and (row := self._row(worker.job)) is not None:
            rows += [("JOB", worker.job), ("TRIAL", row["trial"]), ("ATTEMPT", str(row["attempt"]))]
            rows += [("SINCE", _moment(worker.since)), ("EPOCH", _epoch(row)), ("VALUES", show_values(row["values"]))]
        return Reply(True, (table(("", ""), [(left, right) for left, right in rows if right]),))

    def _summary(self) -> Reply:
        summary = self._board.summary()
        head = [{"text": "AutoML summary"}]
        if self._kept is not None:
            head.append({"text": f"Top MMARs to keep: {self._kept}"})
        rows = summary["jobs"][-MOST_ROWS:]
        shown = [
            (_moment(row["start"]), _moment(row["end"]), _name(row, summary), _score(row), _worker(row), _state(row))
            for row in rows
        ]
        columns = ("START", "END", "ROOT", "SCORE", "WORKER", "STATUS")
        more = [{"text": line} for line in best_lines(summary)]
        return Reply(True, (*head, table(columns, shown), *_left_out(summary["jobs"], rows), *more))

    def _list_jobs(self, status: str = "", count: str = "") -> Reply:
        if status.isdigit() and not count:
            status, count = "", status
        statuses = [str(one) for one in JobStatus]
        if status and status not in statuses:
            return refused(f'there is no status "{status[:40]}". Known: {", ".join(statuses)}')
        number = _number(count, ROWS, MOST_ROWS)
        if isinstance(number, Reply):
            return number
        summary = self._board.summary()
        found = [row for row in summary["jobs"] if not status or row["status"] == status]
        rows = found[-number:]
        shown = [
            (_name(row, summary), row["trial"], _worker(row), _state(row), _score(row), _values(row)) for row in rows
        ]
        columns = ("JOB", "TRIAL", "WORKER", "STATUS", "SCORE", "VALUES")
        return Reply(True, (table(columns, shown), *_left_out(found, rows)))

    def _show_job(self, name: str) -> Reply:
        row = self._job(name)
        if isinstance(row, Reply):
            return row
        rows = [
            ("JOB", row["job"]),
            ("TRIAL", row["trial"]),
            ("ATTEMPT", str(row["attempt"])),
            ("WORKER", row["worker"]),
        ]
        rows += [("STATUS", row["status"]), ("SCORE", _score(row)), ("EPOCH", _epoch(row))]
        rows += [(metric, f"{value:g}") for metric, value in row["objectives"].items()]
        rows += [("START", _moment(row["start"])), ("END", _moment(row["end"])), ("VALUES", show_values(row["values"]))]
        rows += [("REASON", row["reason"] or ""), ("FOLDER", str(self._folder.job(row["job"]).root))]
        return Reply(True, (table(("", ""), [(left, right) for left, right in rows if right not in ("", "-")]),))

    def _tail(self, name: str, lines: str = "") -> Reply:
        number = _number(lines, LINES, MOST_LINES)
        if isinstance(number, Reply):
            return number
        row = self._job(name)
        if isinstance(row, Reply):
            return row
        log = self._folder.job(row["job"]).log
        try:
            text = last_lines(log, number)
        except OSError as error:
            return refused(f"{log}: {error.strerror}")
        return Reply(True, ({"text": masked(text)},))

    # Finding ----------------------------------------------------------------------------------------------------------

    def _row(self, job: str) -> dict[str, Any] | None:
        rows = self._board.summary()["jobs"]
        return next((row for row in reversed(rows) if row["job"] == job), None)

    def _job(self, name: str) -> dict[str, Any] | Reply:
        """Return the row of the last attempt of a job: by its name, the end of it, or the worker that runs it."""
        running = next((worker.job for worker in self._board.workers() if worker.name == name), None)
        rows = [row for row in self._board.summary()["jobs"] if row["job"] is not None]
        for row in reversed(rows):
            if row["job"] in (name, running) or row["job"].endswith(f"_{name}"):
                return dict(row)
        near = near_names(name[:80], dict.fromkeys(row["job"] for row in rows[-MOST_ROWS:]), count=1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        return refused(f'there is no job "{name[:80]}" in this run.{hint}')


def find_worker(workers: list[WorkerState], name: str) -> WorkerState | Reply:
    """Return the worker of that name, or why there is none."""
    for worker in workers:
        if worker.name == name:
            return worker
    return refused(f'there is no worker "{name[:40]}". Known: {", ".join(worker.name for worker in workers)}')


def last_lines(path: Path, count: int) -> str:
    """Return the last lines of a text file, of its last 64 KiB at most.

    Raises:
        OSError: it cannot be read, or is no plain file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "no plain file")
        start = max(0, found.st_size - _TAIL_BYTES)
        data = os.pread(descriptor, _TAIL_BYTES, start)
    finally:
        os.close(descriptor)
    if start:
        data = data.partition(b"\n")[2]
    # a progress bar draws its line over itself: of those only the last is seen
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in data.decode("utf-8", "replace").split("\n")]
    if lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines[-count:])


# Showing --------------------------------------------------------------------------------------------------------------


def _number(text: str, default: int, most: int) -> int | Reply:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
        return refused(f'a number from 1 to {most} is needed, but got "{text[:40]}"')
    return int(text[:9])


def _left_out(found: list[Any], rows: list[Any]) -> list[dict[str, Any]]:
    return [] if len(rows) == len(found) else [{"text": f"the last {len(rows)} of {len(found)}"}]


def _moment(text: str | None) -> str:
    """Return a time as Clara shows it: ``2020-07-01 12:00:00``."""
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S") if text else "-"


def _name(row: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    if row["job"] is None:
        return f"({row['trial']})"
    pareto = summary.get("pareto")
    starred = pareto["front"] if pareto is not None else [summary["best"]]
    return f"{row['job']} *" if row["job"] in starred and row["score"] is not None else str(row["job"])


def _score(row: Mapping[str, Any]) -> str:
    return "-" if row["score"] is None else ", ".join(f"{value:.4f}" for value in row["objectives"].values())


def _worker(row: Mapping[str, Any]) -> str:
    return str(row["worker"] or "-")


def _epoch(row: Mapping[str, Any]) -> str:
    if row["epoch"] is None:
        return ""
    return f"{row['epoch']}/{row['max_epoch']}" if row["max_epoch"] is not None else str(row["epoch"])


def _state(row: Mapping[str, Any]) -> str:
    status = str(row["status"])
    if status == JobStatus.RUNNING and row["epoch"] is not None:
        status += f" {_epoch(row)}"
        status += f", {row['eta_s']:.0f} s left" if row["eta_s"] is not None else ""
    return status if row["attempt"] <= 1 else f"{status}, attempt {row['attempt']}"


def _values(row: Mapping[str, Any]) -> str:
    text = show_values(row["values"])
    return text if len(text) <= 100 else text[:99] + "…"
