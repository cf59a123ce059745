"""From config_automl.json to a controller, an executor and handlers; what is wrong is found first, all at once.

The check reads sources and imports nothing of the user's; :func:`assemble` imports and builds.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medl.automl import user_code
from medl.automl.api import Controller, Executor, Handler
from medl.conf.component import class_of, place_problem, user_folders
from medl.conf.signature import NameMissing, Sources
from medl.conf.validate import schema_problems
from medl.errors import ConfigError, Problem, near_names

PACKAGE = "medl"
"""The one installed package whose classes a ``path`` may name; user code lies in custom/ or on PYTHONPATH."""


@dataclass(frozen=True)
class Role:
    """One role of a search: its word, where its classes are listed, and what they must be."""

    word: str
    package: str
    table: str
    contract: type

    def classes(self) -> dict[str, str]:
        """Return the built-in classes: name to dotted path."""
        return dict(getattr(importlib.import_module(self.package), self.table))


# medl never imports its components: a name is looked up by text, as a user's own class is
CONTROLLER = Role("controller", "medl.components.controllers", "CONTROLLERS", Controller)
EXECUTOR = Role("executor", "medl.components.executors", "EXECUTORS", Executor)
HANDLER = Role("handler", "medl.components.handlers", "HANDLERS", Handler)
ROLES = (CONTROLLER, EXECUTOR, HANDLER)

DEFAULT_EXECUTOR = "MMARExecutor"
DEFAULT_HANDLERS = "MMARHandler", "StatsHandler"
"""What a search that only says its controller is made of."""


@dataclass(frozen=True)
class Part:
    """One component of config_automl.json that is enabled: its role, its place, its class and its args."""

    role: Role
    place: str
    dotted: str
    args: Mapping[str, Any]


@dataclass(frozen=True)
class Assembly:
    """What a run is made of.

    Attributes:
        controller: recommends.
        executor: runs jobs.
        handlers: in the order of the config.
        baseline: whether a first job trains with the archive's own values.
        storage: an Optuna storage URL for the mirror, or ``None`` for a journal file in the run's folder.
    """

    controller: Controller
    executor: Executor
    handlers: tuple[Handler, ...]
    baseline: bool = False
    storage: str | None = None


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
    """Return the config, defaults in, with what ``--set`` says of the controller, ``baseline`` and ``storage``.

    Of the controller: ``algorithm``, ``controller.<arg>``, and ``max_rounds``, which is given to one that has such an
    arg; the engine cuts every other one off there.

    Args:
        config: config_automl.json, variables resolved.
        settings: the variables of the command line.
        custom: the archive's folder of user code.

    >>> with_settings({"controller": {"name": "GridController"}}, {"controller.points": 5})["controller"]["args"]
    {'points': 5}
    """
    config = with_defaults(config)
    config = {**config, **{key: settings[key] for key in ("baseline", "storage") if key in settings}}
    controller = config.get("controller")
    algorithm = settings.get("algorithm")
    if algorithm is not None and (not isinstance(controller, Mapping) or controller.get("name") != algorithm):
        controller = {"name": algorithm}  # another one's args would not fit
    if not isinstance(controller, Mapping):
        return config
    given = {key.partition(".")[2]: value for key, value in settings.items() if key.startswith("controller.")}
    if "max_rounds" in settings and _takes(controller, "max_rounds", custom):
        given.setdefault("max_rounds", settings["max_rounds"])
    args = controller.get("args")
    if given and (args is None or isinstance(args, Mapping)):
        controller = {**controller, "args": {**(args or {}), **given}}
    return {**config, "controller": dict(controller)}


def _takes(controller: Mapping[str, Any], arg: str, custom: Path | None) -> bool:
    dotted, _ = _dotted(CONTROLLER, "controller", controller, "")
    try:
        return bool(dotted) and arg in Sources(user_folders(custom)).signature(dotted).names
    except NameMissing:
        return False


def automl_problems(config: Mapping[str, Any], file: str, custom: Path) -> list[Problem]:
    """Return everything that is wrong with config_automl.json, without importing user code.

    Args:
        config: the config, variables resolved.
        file: its name, for messages.
        custom: the archive's folder of user code.
    """
    problems = schema_problems(config, "config_automl", file)
    parts, found = read_parts(config, file)
    problems += found
    sources = Sources(user_folders(custom))
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
    parts, _ = read_parts(config, file)
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
    )


def read_parts(config: Mapping[str, Any], file: str) -> tuple[list[Part], list[Problem]]:
    """Return the enabled components with the dotted path of each class, and what is wrong with their names.

    What breaks the schema is left out silently: :func:`automl_problems` says it.
    """
    parts: list[Part] = []
    problems: list[Problem] = []
    places: list[tuple[Role, str, Any]] = [(role, role.word, config.get(role.word)) for role in (CONTROLLER, EXECUTOR)]
    handlers = config.get("handlers")
    if isinstance(handlers, list):
        places += [(HANDLER, f"handlers[{index}]", spec) for index, spec in enumerate(handlers)]
    for role, place, spec in places:
        if not isinstance(spec, Mapping):
            continue
        if spec.get("disabled") is True:
            if role is not HANDLER:
                rule = f"a search needs its {role.word}, so it cannot be disabled"
                problems.append(Problem(rule, file, f"{place}.disabled"))
            continue
        dotted, found = _dotted(role, place, spec, file)
        problems += found
        if dotted:
            args = spec.get("args", {})
            parts.append(Part(role, place, dotted, args if isinstance(args, Mapping) else {}))
    return parts, problems


def _dotted(role: Role, place: str, spec: Mapping[str, Any], file: str) -> tuple[str, list[Problem]]:
    """Return the dotted path of a component's class; ``path`` wins over ``name``."""
    if "path" in spec:
        path = spec["path"]
        dotted = path.partition("#")[0] if isinstance(path, str) else ""
        return (dotted, []) if "." in dotted and all(dotted.split(".")) else ("", [])  # the schema says it
    name = spec.get("name")
    if not isinstance(name, str) or not name:
        return "", []
    bare = name.partition("#")[0]
    known = role.classes()
    if bare in known or "." in bare:
        return known.get(bare, bare), []
    others = [other.word for other in ROLES if other is not role and bare in other.classes()]
    if others:
        rule = f'"{bare}" is {_article(others[0])}, not {_article(role.word)}'
        return "", [Problem(rule, file, f"{place}.name", remedy=f"Known here: {', '.join(known)}.")]
    return "", [
        Problem(
            f'no {role.word} has the name "{bare}"',
            file,
            f"{place}.name",
            near=near_names(bare, known) or _near_stems(bare, known, role),
            remedy=f'Known: {", ".join(known)}. For your own class write "path": "my_module.{bare}" and put the module '
            "into the archive's custom/ folder or on PYTHONPATH.",
        )
    ]


def _near_stems(name: str, known: Iterable[str], role: Role) -> tuple[str, ...]:
    """Return the names that are near but for the role at their end: ``Randm`` means ``RandomController``."""
    ending = role.word.capitalize()
    stems = {full.removesuffix(ending): full for full in known}
    return tuple(stems[stem] for stem in near_names(name, stems))


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


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
    if not problems and part.dotted in part.role.classes().values():
        try:  # ours check their values when they are made, and do nothing else then
            _class_of(part)(**part.args)
        except (TypeError, ValueError) as error:
            problems.append(_refusal(part, file, error))
    return problems


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
    rule = f"{part.dotted} has to be {_article(part.role.word)}"
    if not isinstance(cls, type):
        kind = "function" if inspect.isroutine(cls) else type(cls).__name__
        return f"{rule}, a class, but it is {_article(kind)}"
    if not issubclass(cls, contract):
        kinds = [role.word for role in ROLES if issubclass(cls, role.contract)]
        what = _article(kinds[0]) if kinds else f"no subclass of medl.automl.api.{contract.__name__}"
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
