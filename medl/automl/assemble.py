"""From config_automl.json to a controller, an executor and handlers; what is wrong is found first, all at once.

The check reads sources and imports nothing of the user's; :func:`assemble` imports and builds.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medl.assets import asset
from medl.automl import user_code
from medl.automl.api import Controller, Executor, Handler
from medl.automl.controller_names import arg_name, short_name
from medl.automl.goal_settings import goal_problems, read_goals, read_stopping
from medl.automl.goals import Goals
from medl.automl.parts import CONTROLLER, ROLES, Part, article, read_parts
from medl.automl.run_limits import RunLimits, read_limits
from medl.automl.search_config import with_defaults
from medl.conf.component import class_of, place_problem, user_folders
from medl.conf.json_path import child
from medl.conf.signature import NameMissing, Sources
from medl.conf.validate import schema_problems
from medl.errors import ConfigError, Problem

PACKAGE = "medl"
"""The one installed package whose classes a ``path`` may name; user code lies in custom/ or on PYTHONPATH."""


@dataclass(frozen=True)
class Assembly:
    """What a run is made of.

    Attributes:
        controller: recommends.
        executor: runs jobs.
        handlers: in the order of the config.
        baseline: whether a first job trains with the archive's own values.
        storage: an Optuna storage URL for the mirror, or ``None`` for a journal file in the run's folder.
        goals: objectives and constraints; by default the config's key metric, to be large.
        stopping: the rule that ends running jobs early, ``{"name": "median", "args": {…}}``, or ``None`` for none.
        limits: attempts and time of jobs, time of the run.
    """

    controller: Controller
    executor: Executor
    handlers: tuple[Handler, ...]
    baseline: bool = False
    storage: str | None = None
    goals: Goals = field(default_factory=Goals)
    stopping: Mapping[str, Any] | None = None
    limits: RunLimits = field(default_factory=RunLimits)


def automl_problems(config: Mapping[str, Any], file: str, custom: Path) -> list[Problem]:
    """Return everything that is wrong with config_automl.json, without importing user code.

    Args:
        config: the config, variables resolved.
        file: its name, for messages.
        custom: the archive's folder of user code.
    """
    problems = schema_problems(config, "config_automl", file)
    problems += goal_problems(config, lambda key: (file, key))
    sources = Sources(user_folders(custom))
    parts, found = read_parts(config, file, sources)
    problems += found
    packages = (PACKAGE, *_allowed(config))
    for part in parts:
        problems += _class_problems(part, file, sources, packages)
    return problems


def assemble(config: Mapping[str, Any], file: str, custom: Path) -> Assembly:
    """Return the built parts.

    Raises:
        ConfigError: the config breaks a rule, user code cannot be imported, or a class refuses its args; all at once.
    """
    config = with_defaults(config)
    problems = automl_problems(config, file, custom)
    if problems:
        raise ConfigError(problems)
    parts, _ = read_parts(config, file, Sources(user_folders(custom)))
    built: dict[str, list[Any]] = {role.word: [] for role in ROLES}
    for part in parts:
        try:
            built[part.role.word].append(_build(part, file, user_folders(custom), (PACKAGE, *_allowed(config))))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return Assembly(
        controller=built["controller"][0],
        executor=built["executor"][0],
        handlers=tuple(built["handler"]),
        baseline=bool(config.get("baseline", False)),
        storage=config.get("storage") or None,
        limits=read_limits(config),
        goals=read_goals(config),
        stopping=read_stopping(config),
    )


def _allowed(config: Mapping[str, Any]) -> list[str]:
    """Return the further packages that the config lets ``path`` name."""
    packages = config.get("allowed_packages")
    return [name for name in packages if isinstance(name, str)] if isinstance(packages, list) else []


def _class_problems(part: Part, file: str, sources: Sources, packages: Sequence[str]) -> list[Problem]:
    """Return what is wrong with a component's class and args, as far as sources tell."""
    place = f"{part.place}.path"
    problem = place_problem(part.dotted, sources.folders, packages, file, place)
    if problem is not None:
        return [problem]
    name = part.dotted.rpartition(".")[2]
    try:
        signature = sources.signature(part.dotted)
    except NameMissing as missing:
        return [Problem(missing.reason, file, place, near=missing.near)]
    problems = signature.problems(part.args, name, file, f"{part.place}.args")
    problems += _schema_problems(part, file, {problem.path for problem in problems})
    if not problems and part.is_ours:
        try:  # ours check their values when they are made, and do nothing else then
            _class_of(part)(**part.args)
        except (TypeError, ValueError) as error:
            problems.append(_refusal(part, file, error))
    problems = [_as_written(problem, part) for problem in problems]
    for again in part.twice:
        meant = arg_name(again, part.written)
        rule = f'"{again}" is another name of "{part.written[meant]}", which is there too'
        problems.append(Problem(rule, file, child(f"{part.place}.args", again), remedy="Remove one of them."))
    return problems


def _schema_problems(part: Part, file: str, said: set[str]) -> list[Problem]:
    """Return where the args of one of our controllers break their schema, but for the places that are said already."""
    schema = f"controller_{short_name(part.dotted.rpartition('.')[2])}"
    if part.role is not CONTROLLER or not part.is_ours or not (asset("config") / f"{schema}.schema.json").is_file():
        return []
    place = f"{part.place}.args"
    found = []
    for problem in schema_problems(dict(part.args), schema, file):
        path = place + (problem.path if problem.path[:1] in ("", "[") else f".{problem.path}")
        found.append(dataclasses.replace(problem, path=path))
    return [problem for problem in found if problem.path not in said]


def _as_written(problem: Problem, part: Part) -> Problem:
    """Return a problem of an arg at the name by which the config has it."""
    place = f"{part.place}.args."
    for name, written in part.written.items():
        if name != written and (
            problem.path == place + name or problem.path.startswith((f"{place}{name}.", f"{place}{name}["))
        ):
            return dataclasses.replace(problem, path=place + written + problem.path[len(place + name) :])
    return problem


def _refusal(part: Part, file: str, error: BaseException, said: str = "") -> Problem:
    """Return a class's complaint about its args, placed at the arg that it names first.

    Args:
        part: the component.
        file: the config's name.
        error: the complaint.
        said: how it is told, where not in its own words.
    """
    text = str(error)
    first = text.split(" ", 1)[0].strip("'\"")
    place = f"{part.place}.args" + (f".{first}" if first in part.args else "")
    return Problem((said or text).rstrip("."), file, place)


def _class_of(part: Part) -> Any:
    module, _, name = part.dotted.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _build(part: Part, file: str, folders: Sequence[Path], packages: Sequence[str]) -> Any:
    cls: Any = class_of(
        {"path": part.dotted}, catalogue=_NoNames(), folders=folders, packages=packages, file=file, path=part.place
    )
    if rule := _wrong_kind(cls, part):
        raise ConfigError(Problem(rule, file, f"{part.place}.path"))
    try:
        return cls(**part.args)
    except (Exception, SystemExit) as error:
        raise ConfigError(_refusal(part, file, error, user_code.raised(cls, "__init__", error))) from error


def _wrong_kind(cls: Any, part: Part) -> str:
    """Return why what a path names cannot play its role, or an empty text."""
    contract = part.role.contract
    rule = f"{part.dotted} has to be {article(part.role.word)}"
    if not isinstance(cls, type):
        kind = "function" if inspect.isroutine(cls) else type(cls).__name__
        return f"{rule}, a class, but it is {article(kind)}"
    if not issubclass(cls, contract):
        kinds = [role.word for role in ROLES if issubclass(cls, role.contract)]
        what = article(kinds[0]) if kinds else f"no subclass of medl.automl.api.{contract.__name__}"
        return f"{rule}, but it is {what}"
    if missing := sorted(getattr(cls, "__abstractmethods__", ())):
        return f"{rule}, so it has to define {' and '.join(missing)}"
    return ""


class _NoNames:
    """A catalogue for full names only."""

    def find(self, name: str, role: str | None = None) -> None:
        return None

    def near(self, name: str) -> tuple[str, ...]:
        return ()
