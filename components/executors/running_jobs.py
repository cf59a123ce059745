"""The jobs that an executor runs: how each is stopped, gently or at once, by another thread than its own."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from medl.automl.process import JobProcess


@dataclass
class _Job:
    stop_file: Path | None = None
    process: JobProcess | None = None
    aborted: bool = False
    early: bool = False


class RunningJobs:
    """Jobs run in threads of their own, wishes to end them come from the main thread, perhaps before they began."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}
        self._aborted: set[str] = set()  # before they began

    def begin(self, name: str) -> None:
        """Take up a job, whose archive is yet to be made."""
        with self._lock:
            self._jobs[name] = _Job(aborted=name in self._aborted)
            self._aborted.discard(name)

    def has_archive(self, name: str, stop_file: Path) -> None:
        """Note the file that asks the job's training to end with its epoch."""
        with self._lock:
            job = self._jobs[name]
            job.stop_file = stop_file
            if job.early:  # asked for while the archive was made
                stop_file.touch()

    def has_process(self, name: str, process: JobProcess) -> None:
        """Note the job's process."""
        with self._lock:
            job = self._jobs[name]
            job.process = process
            aborted = job.aborted
        if aborted:  # asked for while the archive was made
            process.stop()

    def has_no_process(self, name: str) -> None:
        """Forget the job's process, which has ended."""
        with self._lock:
            self._jobs[name].process = None

    def aborted(self, name: str) -> bool:
        """Return whether the job was to end at once."""
        with self._lock:
            return self._jobs[name].aborted

    def end(self, name: str) -> None:
        """Forget a job; one that is run again by hand goes to its end."""
        with self._lock:
            job = self._jobs.pop(name)
        if job.stop_file is not None:
            job.stop_file.unlink(missing_ok=True)

    def stop_early(self, name: str) -> None:
        """Ask a job to end with the epoch that it is in; one that does not run is left alone."""
        with self._lock:
            job = self._jobs.get(name)
            if job is None:
                return
            job.early = True
            if job.stop_file is not None:
                job.stop_file.touch()

    def abort(self, name: str) -> None:
        """End a job at once, also one that has yet to begin."""
        with self._lock:
            job = self._jobs.get(name)
            if job is None:
                self._aborted.add(name)
                return
            job.aborted = True
            process = job.process
        if process is not None:
            process.stop()

    def stop_all(self) -> None:
        """End all processes that there are."""
        with self._lock:
            left = [job.process for job in self._jobs.values() if job.process is not None]
        for process in left:
            process.stop()
