"""The words after ``--set`` of a search: those that are for the search, and those that are variables of its jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medl.automl.console.settings import CONSOLE_SETTINGS, CONSOLE_TEXTS
from medl.automl.controller_names import ROUNDS
from medl.automl.goal_settings import GOAL_SETTINGS
from medl.automl.run_limits import LIMIT_SETTINGS
from medl.automl.space_changes import SPACE_SETTINGS
from medl.conf.load import parse_settings

TEXTS = (
    *("run_id", "workers", "trainconf", "traceout", "algorithm", "storage"),
    *GOAL_SETTINGS,
    *SPACE_SETTINGS,
    *CONSOLE_TEXTS,
)
"""Settings that are texts whatever they look like: ``run_id=y`` is no truth value, ``run_id=007`` no number."""

RUN_SETTINGS = (*TEXTS, *ROUNDS, "baseline", *LIMIT_SETTINGS, *(name for name in CONSOLE_SETTINGS if name not in TEXTS))
"""Settings of the search itself; any other is a variable, of the jobs too."""


def read_settings(words: Sequence[str]) -> dict[str, Any]:
    """Return the settings, typed; a later word wins.

    Words without ``=``, such as the run's name that Clara's scripts pass on, mean nothing.

    >>> read_settings(["a", "run_id=y", "epochs=3"])
    {'run_id': 'y', 'epochs': 3}

    Raises:
        ConfigError: a word begins with ``=``.
    """
    given = [word for word in words if "=" in word]
    settings: dict[str, Any] = dict(parse_settings(given))
    for word in given:
        name, _, value = word.partition("=")
        if name in TEXTS:
            settings[name] = value
    return settings


def job_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that are variables of the jobs."""
    return {
        name: value
        for name, value in settings.items()
        if name not in RUN_SETTINGS and not name.startswith("controller.")
    }
