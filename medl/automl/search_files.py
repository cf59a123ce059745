"""The files that say how a search is done, read: config_automl.json with the settings of the command line in it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medl.assets import asset
from medl.automl.assemble import automl_problems
from medl.automl.controller_names import ROUNDS, arg_name
from medl.automl.findings import Findings
from medl.automl.goal_settings import GOAL_SETTINGS
from medl.automl.parts import HANDLER, Role, read_parts
from medl.automl.search_config import SETTING, controller_settings, max_rounds_setting, with_settings
from medl.automl.space_changes import SPACE_SETTINGS, SpaceChanges, read_changes
from medl.conf.load import read_object
from medl.conf.variables import resolve_variables
from medl.errors import ConfigError, Problem
from medl.mmar.archive import MMAR

MMAR_HANDLER = HANDLER.package + ".mmar_handler.MMARHandler"


@dataclass(frozen=True)
class SearchFile:
    """What a search's config says.

    Attributes:
        automl: its content, variables and settings in.
        train_file: name of the searched config under config/.
        work_dir: the runs' parent; ``None`` for the archive's own.
        kept: archives that stay, or ``None`` for all.
        changes: of the search space.
    """

    automl: dict[str, Any]
    train_file: str
    work_dir: str | None = None
    kept: int | None = None
    changes: SpaceChanges = field(default_factory=SpaceChanges)


def read_search(
    mmar: MMAR,
    file: str,
    environment: Mapping[str, Any],
    settings: Mapping[str, Any],
    found: Findings,
    readable: bool,
) -> SearchFile:
    """Return what a search's config says, settings in; what is wrong with it goes to ``found``.

    Args:
        mmar: the archive.
        file: the config, relative to the archive.
        environment: the content of environment.json.
        settings: of the command line.
        found: where problems go.
        readable: whether environment.json could be read; where not, what needs it is left unchecked.
    """
    train_file = under_config(settings.get("trainconf") or "config_train.json")
    read = SearchFile({}, train_file)
    with found.step():
        raw = read_object(search_path(mmar, file), file)
        variables = {**settings, "trainconf": train_file}
        try:
            resolved = resolve_variables(raw, environment, variables, mmar.root, file)
        except ConfigError:
            if readable:
                raise
            return read
        automl = with_settings(resolved.config, settings, mmar.custom)
        found.problems += [as_given(problem, settings, file) for problem in automl_problems(automl, file, mmar.custom)]
        read = SearchFile(automl, train_file, changes=read_changes(automl))
        for part in read_parts(automl, file)[0]:
            if part.dotted == MMAR_HANDLER:
                work_dir, kept = part.args.get("work_dir"), part.args.get("num_mmars_to_keep", 5)
                read = dataclasses.replace(
                    read,
                    train_file=under_config(str(part.args.get("train_config_file") or train_file)),
                    work_dir=work_dir if isinstance(work_dir, str) else None,
                    kept=kept if isinstance(kept, int) else None,
                )
    asked = max_rounds_setting(settings)
    rounds = None if asked is None else settings[asked]
    if asked is not None and (isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1):
        found.problems = [p for p in found.problems if (p.file, p.path) != (SETTING, asked)]  # the controller's
        found.add(f"{asked} is a whole number of at least 1", SETTING, asked, value=rounds)
    return read


def search_path(mmar: MMAR, file: str) -> Path:
    """Return where a search's config lies: in the archive, or ready beside the schemas where the archive has none."""
    own, ready = mmar.root / file, asset("config") / under_config(file)
    return ready if ready.name.startswith("config_automl_") and ready.is_file() and not own.exists() else own


def under_config(name: str) -> str:
    """Return a file name under config/, however it is given."""
    return name.removeprefix("config/")


def is_ours(automl: Mapping[str, Any], file: str, role: Role) -> bool:
    """Return whether the component of a role is one of medl's; of the executors, whether it is one that trains."""
    ours = [path for name, path in role.classes().items() if name != "FunctionExecutor"]
    return any(part.role is role and part.dotted in ours for part in read_parts(automl, file)[0])


def as_given(problem: Problem, settings: Mapping[str, Any], file: str) -> Problem:
    """Return a problem of the search's config at the place where the user wrote it: on the command line, perhaps."""
    if problem.file != file:
        return problem
    if problem.path in ("controller.name", "controller.path") and "algorithm" in settings:
        return dataclasses.replace(problem, file=SETTING, path="algorithm")
    if problem.path.startswith("controller.args."):
        arg = re.split(r"[.\[]", problem.path.removeprefix("controller.args."))[0]
        for written in controller_settings(settings):
            if arg_name(written, (arg,)) == arg:
                return dataclasses.replace(problem, file=SETTING, path=f"controller.{written}")
        if arg in ROUNDS and (asked := max_rounds_setting(settings)) is not None:
            return dataclasses.replace(problem, file=SETTING, path=asked)
    first = re.split(r"[.\[]", problem.path)[0]
    if first in settings and first in (*GOAL_SETTINGS, *SPACE_SETTINGS):
        # a setting of the goals is one word, whatever it becomes in the config
        return dataclasses.replace(problem, file=SETTING, path=first if first in GOAL_SETTINGS else problem.path)
    return problem
