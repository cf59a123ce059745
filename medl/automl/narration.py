"""What the person who watches a run reads: one line per event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medl.automl.defs import JobStatus, SearchSpace
from medl.automl.faults import POLICIES, Fault
from medl.mmar.archive import MMAR


def show_concrete(space: SearchSpace, values: Mapping[str, Sequence[Any]], *, own: bool = False) -> str:
    """Return concrete values as ``learning_rate 0.0012, act relu, norm batch``.

    Args:
        space: the search space.
        values: PRL to concrete values, one per arg.
        own: whether these are the archive's own values.
    """
    words = []
    for parameter in space.parameters:
        for arg, value in zip(parameter.args, values.get(parameter.prl, ()), strict=False):
            words.append(f"{arg} {_shown(value)}")
    shown = ", ".join(words)
    if own:
        return f"the archive's own values{f' ({shown})' if shown else ''}"
    return shown or "no values"


def show_values(values: Mapping[str, Sequence[Any]]) -> str:
    """Return the values of a row of the summary as :func:`show_concrete` does; empty where there are none.

    >>> show_values({"lr.float.$0:learning_rate": [0.00123], "net.enum.train.model$0:act": ["relu"]})
    'learning_rate 0.00123, act relu'
    """
    # an arg's name is all that follows the last colon: a locator has only one
    named = ((prl.rpartition(":")[2].split(","), given) for prl, given in values.items())
    return ", ".join(f"{arg} {_shown(value)}" for args, given in named for arg, value in zip(args, given, strict=False))


def show_score(row: Mapping[str, Any], metrics: Sequence[str] = ()) -> str:
    """Return the score of a row of the summary, or each of these objectives by its name.

    >>> show_score({"score": -2.5, "objectives": {"hd95": 2.5}}, ["hd95"])
    'hd95 2.5000'
    """
    if not metrics:
        return f"score {row['score']:.4f}"
    return ", ".join(f"{name} {row['objectives'][name]:.4f}" for name in metrics if name in row["objectives"])


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def ended(
    row: Mapping[str, Any],
    best: Mapping[str, Any] | None,
    seconds: float,
    archive: MMAR,
    metrics: Sequence[str] = (),
) -> str:
    """Return the line of a job that ended.

    Args:
        row: its row of the summary.
        best: the best row so far, if any has a score.
        seconds: how long it ran.
        archive: where it ran.
        metrics: the objectives, where the search says them.
    """
    so_far = "no score so far"
    if best is not None:
        so_far = f"best so far {show_score(best, metrics).removeprefix('score ')} ({best['job']})"
    took = f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    if row["status"] == JobStatus.OK:
        epochs = f" at epoch {row['epochs'][1]}" if row["epochs"] else ""
        early = f", {row['reason']}" if row["reason"] else ""
        return f"{row['job']} ends: {show_score(row, metrics)}{epochs}, {took}{early}; {so_far}"
    line = f"{row['job']} {row['status']} after {took}"
    if row["reason"]:
        line += f": {row['reason'].rstrip('.')}"
    if row["status"] == JobStatus.FAILED:
        places = _places(archive)
        line += f"; only this job ends; {places}" if places else "; only this job ends"
    return f"{line}; {so_far}"


def again(job: str, fault: Fault, attempt: int) -> str:
    """Return the line of a job that runs again after a fault."""
    own = "" if POLICIES[fault].counts else ", not its own fault"
    return f"{job}: {str(fault).replace('_', ' ')}{own}: it runs again, attempt {attempt}"


def _places(archive: MMAR) -> str:
    words = []
    if archive.log.is_file():
        words.append(f"its log: {archive.log}")
    if archive.round_script.is_file():
        words.append(f"rerun it alone: bash {_quoted(archive.round_script)}")
    return "; ".join(words)


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
