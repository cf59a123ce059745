"""Rules that end a running job early because its validations are poor; any single-fidelity controller can have one.

Written in config_automl.json as ``"stopping": {"name": "median", "args": {"warmup_epochs": 3}}``. A rule is a function
of the validations that it was told of, in their order: told of the recorded ones again, it goes on the same.
"""

from __future__ import annotations

import bisect
import inspect
import statistics
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from medl.errors import near_names


class StoppingRule(ABC):
    """Says of each validation whether its job goes on."""

    @abstractmethod
    def judge(self, job: str, epoch: int, value: float) -> str:
        """Return why the job ends after this validation, or an empty text where it goes on.

        Args:
            job: its name.
            epoch: that was validated (1-based).
            value: of the first objective, larger better.
        """


class MedianRule(StoppingRule):
    """Ends a job whose best value so far is worse than the median of what the others had come to on average.

    The average of another job is that of its validations up to this epoch; jobs count that have come as far.

    ============== ======= =======================================================
    arg            default meaning
    ============== ======= =======================================================
    warmup_epochs  1       no job ends at this epoch or before
    min_trials     5       no job ends while fewer others have come as far
    ============== ======= =======================================================

    Source: Golovin et al. 2017, "Google Vizier: A Service for Black-Box Optimization", section 3.2.2. There only jobs
    that are over count; here those that still run count too, so that the rule works before the first is over.

    Raises:
        ValueError: an argument breaks its rule.
    """

    def __init__(self, warmup_epochs: int = 1, min_trials: int = 5):
        self.warmup_epochs = _whole("warmup_epochs", warmup_epochs, 0)
        self.min_trials = _whole("min_trials", min_trials, 1)
        self._seen: dict[str, _Past] = {}

    def judge(self, job: str, epoch: int, value: float) -> str:
        """Return why the job ends after this validation, or an empty text where it goes on."""
        own = self._seen.setdefault(job, _Past())
        own.add(epoch, value)
        if epoch <= self.warmup_epochs:
            return ""
        others = [past for name, past in self._seen.items() if name != job and past.epochs[-1] >= epoch]
        averages = [average for past in others if (average := past.average(epoch)) is not None]
        if len(averages) < self.min_trials or own.best >= (median := statistics.median(averages)):
            return ""
        count = len(averages)
        return (
            f"its best by epoch {epoch} is {own.best:.4g}, below {median:.4g}, the median of {count} others' averages"
        )


class _Past:
    """The validations of one job, with their sums, so that an average takes no time."""

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self._sums = [0.0]
        self.best = float("-inf")

    def add(self, epoch: int, value: float) -> None:
        self.epochs.append(epoch)
        self._sums.append(self._sums[-1] + value)
        self.best = max(self.best, value)

    def average(self, epoch: int) -> float | None:
        """Return the mean up to an epoch, ``None`` where there was no validation by then."""
        count = bisect.bisect_right(self.epochs, epoch)
        return self._sums[count] / count if count else None


class ThresholdRule(StoppingRule):
    """Ends a job that has not come to a value by an epoch.

    ===== ======= ===================================================================================
    arg   default meaning
    ===== ======= ===================================================================================
    value         what the first objective has to reach; of one that is to be small: not exceed
    epoch 1       by which epoch; the first validation at or after it decides, and each one after that
    ===== ======= ===================================================================================

    Raises:
        ValueError: an argument breaks its rule.
    """

    def __init__(self, value: float, epoch: int = 1):
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise ValueError(f"value must be a number, but got {value!r}")
        self.value, self.epoch = float(value), _whole("epoch", epoch, 1)
        self.minimize = False
        """Set by :func:`stopping_rule`: whether the first objective is to be small."""
        self._best: dict[str, float] = {}

    def judge(self, job: str, epoch: int, value: float) -> str:
        """Return why the job ends after this validation, or an empty text where it goes on."""
        best = self._best[job] = max(value, self._best.get(job, value))
        sign = -1.0 if self.minimize else 1.0
        if epoch < self.epoch or best >= sign * self.value:
            return ""
        return (
            f"its best by epoch {epoch} is {sign * best:.4g}, the threshold from epoch {self.epoch} on {self.value:g}"
        )


RULES: dict[str, type[StoppingRule]] = {"median": MedianRule, "threshold": ThresholdRule}


def stopping_rule(spec: Mapping[str, Any], *, minimize: bool = False) -> StoppingRule:
    """Return the rule that a config's ``stopping`` describes, new.

    Args:
        spec: ``{"name": "median" | "threshold", "args": {…}}``.
        minimize: whether the first objective is to be small.

    Raises:
        ValueError: there is no such rule, it has no such arg, or an arg breaks its rule; the text starts with the name
            of what is wrong (``name``, or the arg's).
    """
    name, args = spec.get("name"), dict(spec.get("args") or {})
    if name not in RULES:
        near = near_names(str(name), RULES)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"name must be one of {', '.join(RULES)}, but got {name!r}{meant}")
    known = inspect.signature(RULES[name]).parameters
    for arg in args:
        if arg not in known:
            raise ValueError(f"{arg} is no arg of the stopping rule {name}; it has {', '.join(known)}")
    for arg, parameter in known.items():
        if parameter.default is parameter.empty and arg not in args:
            raise ValueError(f"{arg} is missing: the stopping rule {name} needs it")
    rule = RULES[name](**args)
    if isinstance(rule, ThresholdRule):
        rule.minimize = minimize
    return rule


def _whole(name: str, number: Any, least: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, but got {number!r}")
    return number
