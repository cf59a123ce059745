"""A run whose first jobs all end alike is not searched to its end: what ails them ails the others too.

Unless it may be a value that they share: as long as jobs with another choice of it are still to come, the run goes on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from medl.automl.defs import JobStatus
from medl.automl.faults import FIRST_JOBS, POLICIES, fault_in

_NUMBER = re.compile(r"\d+")


class FirstJobs:
    """Looks at the ends of a run's jobs until one of them says that jobs can be trained.

    Args:
        workers: names of the workers; each has to have had a job.
    """

    def __init__(self, workers: Collection[str]):
        self._workers = set(workers)
        self._worker_of: dict[str, str] = {}
        self._failed: list[str] = []
        self._why: set[str] = set()
        self._choices: dict[str, int] = {}  # PRL to the number of its choices
        self._values: dict[str, Mapping[str, Any]] = {}
        self._kind = ""
        self._reason = ""
        self._trainable = False

    def take(self, event: Mapping[str, Any]) -> None:
        """Take an event of the run's record in."""
        if self._trainable:
            return
        if event["type"] == "run_started":
            self._choices = {p["prl"]: len(p["targets"]) for p in event.get("space", ()) if p["kind"] == "enum"}
        elif event["type"] == "job_started":
            self._worker_of[event["job"]] = event["worker"]
            self._values[event["job"]] = event.get("values", {})
        elif event["type"] == "job_ended":
            outcome = event["outcome"]
            fault = fault_in(outcome.get("info", {}))
            if outcome["status"] != JobStatus.FAILED or fault is None or not POLICIES[fault].alike:
                self._trainable = True
                return
            self._failed.append(event["job"])
            self._kind, self._reason = str(fault), outcome.get("reason", "")
            self._why.add(f"{fault} {_NUMBER.sub('', self._reason)}")
            self._trainable = len(self._why) > 1

    @property
    def alike(self) -> str:
        """Why the run is given up, empty where it is not."""
        had = {self._worker_of.get(job, "") for job in self._failed}
        if self._trainable or len(self._failed) < FIRST_JOBS or not self._workers <= had or self._shared():
            return ""
        kind = self._kind.replace("_", " ")
        number = len(self._failed)
        return f"the first {number} jobs, one of every worker among them, failed alike ({kind}): {self._reason}"

    def _shared(self) -> bool:
        """Return whether the jobs had one choice in common where there are others."""
        for prl, count in self._choices.items():
            had = [self._values[job].get(prl) for job in self._failed]
            if count > 1 and had[0] is not None and all(value == had[0] for value in had):
                return True
        return False
