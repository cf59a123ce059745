"""A search's config once its defaults and the command line's settings are in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from medl.automl import prl
from medl.automl.controller_names import ROUNDS, arg_name, controller_name, rounds_arg
from medl.automl.goal_settings import with_goal_settings
from medl.automl.parts import CONTROLLER, accepted_args, dotted_path
from medl.automl.run_limits import LIMIT_SETTINGS
from medl.automl.space_changes import ADDED, DOMAINS_KEY, RANGES, REMOVED
from medl.conf.component import user_folders
from medl.conf.signature import Sources

SETTING = "--set"
"""The file, in messages, of what the command line says."""

DEFAULT_EXECUTOR = "MMARExecutor"
DEFAULT_HANDLERS = "MMARHandler", "StatsHandler"
"""What a search that only says its controller is made of."""


def with_defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with an executor where it has none; then, and only then, with handlers where it has none.

    >>> with_defaults({"controller": {"name": "GridController"}})["executor"]
    {'name': 'MMARExecutor'}
    """
    if "executor" in config:
        return dict(config)
    handlers = config.get("handlers", [{"name": name} for name in DEFAULT_HANDLERS])
    return {**config, "executor": {"name": DEFAULT_EXECUTOR}, "handlers": handlers}


def default_notes(config: Mapping[str, Any], file: str) -> list[str]:
    """Return the line that says which parts a config does not name."""
    if "executor" in config:
        return []
    handlers = "" if "handlers" in config else f", the handlers {' and '.join(DEFAULT_HANDLERS)}"
    return [f"{file}: not said, so the executor is {DEFAULT_EXECUTOR}{handlers}"]


def with_settings(config: Mapping[str, Any], settings: Mapping[str, Any], custom: Path | None = None) -> dict[str, Any]:
    """Return the config, defaults in, with what ``--set`` says of the search.

    Of the controller: ``algorithm``, ``controller.<arg>``, and ``max_rounds`` (or ``max_recommendations``), which is
    given to one that has such an arg; the engine cuts every other one off there. Of the goals: ``metric``, ``mode``,
    ``stopping``; of the space: ``domains`` and the settings beside it; and ``baseline``, ``storage``, the limits.

    Args:
        config: config_automl.json, variables resolved.
        settings: the variables of the command line.
        custom: the archive's folder of user code.

    >>> with_settings({"controller": {"name": "grid"}}, {"controller.points": 5})["controller"]["args"]
    {'points': 5}
    """
    config = with_defaults(config)
    config = {**config, **{key: settings[key] for key in ("baseline", "storage", *LIMIT_SETTINGS) if key in settings}}
    config = with_goal_settings(config, settings)
    for key, read in ((ADDED, _names), (REMOVED, _names), (DOMAINS_KEY, _names), (RANGES, _object)):
        if key in settings:
            config[key] = read(settings[key])
    controller = config.get("controller")
    algorithm = settings.get("algorithm")
    if algorithm is not None:
        known = CONTROLLER.classes()
        own = controller.get("name") if isinstance(controller, Mapping) else None
        if not isinstance(own, str) or controller_name(own, known) != controller_name(algorithm, known):
            controller = {"name": algorithm}  # another one's args would not fit
    if not isinstance(controller, Mapping):
        return config
    dotted, _ = dotted_path(CONTROLLER, "controller", controller, "")
    accepted = accepted_args(dotted, Sources(user_folders(custom))) if dotted else ()
    given = {arg_name(key, accepted): value for key, value in controller_settings(settings).items()}
    rounds, asked = rounds_arg(accepted), max_rounds_setting(settings)
    if asked is not None and rounds is not None:
        given.setdefault(rounds, settings[asked])
    args = controller.get("args")
    if given and (args is None or isinstance(args, Mapping)):
        kept = {name: value for name, value in (args or {}).items() if arg_name(name, accepted) not in given}
        controller = {**controller, "args": {**kept, **given}}
    return {**config, "controller": dict(controller)}


def controller_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that are args of the controller, by the names that are written; lists and objects from JSON.

    >>> controller_settings({"controller.fidelity": '{"variable": "data_fraction", "min": 0.1, "max": 1}', "epochs": 9})
    {'fidelity': {'variable': 'data_fraction', 'min': 0.1, 'max': 1}}
    """
    return {
        key.partition(".")[2]: _object(value) if str(value).startswith(("[", "{")) else value
        for key, value in settings.items()
        if key.startswith("controller.")
    }


def max_rounds_setting(settings: Mapping[str, Any]) -> str | None:
    """Return the name of the setting that bounds the recommendations, ``None`` where there is none."""
    return next((name for name in ROUNDS if name in settings), None)


def place_of(settings: Mapping[str, Any], file: str) -> Callable[[str], tuple[str, str]]:
    """Return the function from a first-level key to the file and the path at which the user wrote it."""
    return lambda key: (SETTING if key in settings else file, key)


def _names(text: Any) -> Any:
    """Return the list of names that a setting spells: ``a,b``, one locator, or a list in JSON."""
    if not isinstance(text, str):
        return text
    if text.startswith("["):
        return _object(text)
    try:
        prl.parse(text)  # whose args have commas between them
    except ValueError:
        return [word for word in text.split(",") if word]
    return [text]


def _object(text: Any) -> Any:
    """Return the JSON value that a setting spells, the text itself where it spells none: the schema refuses that."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text
