"""The check of a training config: every problem that can be seen without running anything, all at once.

Neither torch nor MONAI nor the user's code is imported: names and args come from the catalogue and from sources that
are read, not run.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medl.conf.catalogue import Catalogue
from medl.conf.channel_first import channel_warnings
from medl.conf.check_component import ComponentCheck
from medl.conf.component import user_folders
from medl.conf.data_list import data_list_problems
from medl.conf.item_keys import read_keys
from medl.conf.json_path import child, walk
from medl.conf.nothing import is_switched, nothing_problems
from medl.conf.references import expand_refs, marked, names_in, reference_problems
from medl.conf.sections import (
    ONE_COMPONENT,
    SECTIONS,
    Place,
    alternative_problems,
    args_of,
    class_name,
    components,
    full_name,
    is_disabled,
)
from medl.conf.tensorflow_era import tensorflow_problem
from medl.conf.today import in_todays_words
from medl.conf.validate import schema, schema_problems
from medl.conf.variables import Resolved, Variables, is_variable, resolve_variables
from medl.errors import ConfigError, Problem, near_names

ENVIRONMENT_FILE = "config/environment.json"
COMMENT = ("_", "//", "#")
"""How a key begins that is a comment."""
LISTS = ("pre_transforms", "post_transforms", "handlers", "additional_metrics", "metrics")
"""Keys that hold a list of components."""
SearchProblems = Callable[[dict[str, Any], Catalogue, str], list[Problem]]


@dataclass(frozen=True)
class Checked:
    """What the check found.

    Attributes:
        resolved: the config with variables in, and where each value came from; ``None`` where variables are wrong.
        config: the normal form: variables in, old names translated, refs expanded. Sound where there is no problem.
        notes: translations, each once.
        problems: everything that has to be mended, in the order of the files.
        warnings: what may not be meant; nothing has to be done.
    """

    resolved: Resolved | None
    config: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def require(self) -> Checked:
        """Return this; raise :class:`ConfigError` with all problems where there are any."""
        if self.problems:
            raise ConfigError(self.problems)
        return self


def check_training(
    mmar_root: Path,
    config: dict[str, Any],
    environment: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    file: str = "config/config_train.json",
    catalogue: Catalogue | None = None,
    *,
    environment_file: str = ENVIRONMENT_FILE,
    search_problems: SearchProblems | None = None,
    own_values: bool = False,
    check_data: bool = True,
) -> Checked:
    """Return what is wrong with a training config, and its normal form.

    Args:
        mmar_root: the archive.
        config: the config as it is in the file.
        environment: the content of environment.json.
        settings: the variables of ``--set``.
        file: the config's name in messages.
        catalogue: the components; loaded where it is not given.
        environment_file: the environment's name in messages.
        search_problems: checks the ``search`` sections of the config as it is in the file.
        own_values: whether the config is trained as it is; otherwise a search may decide which alternative is enabled.
        check_data: whether data lists are read, and their files and the checkpoints that are loaded looked for.
    """
    mmar_root = Path(mmar_root)
    environment, settings = dict(environment or {}), dict(settings or {})
    catalogue = catalogue or Catalogue.load()
    config = without_comments(config)
    resolved, values, in_force, problems = with_values(
        config, environment, settings, mmar_root, "config_train", file, environment_file
    )
    if not isinstance(values.get("train"), dict):  # what else is wrong comes from that
        return Checked(resolved, values, [], ordered(problems, config, (environment_file, file)))

    today = in_todays_words(values, in_force, catalogue, file)
    problems += today.problems
    if tensorflow_problem({**values, **in_force}) is not None:  # what else is wrong comes from that
        return Checked(resolved, values, [], today.problems)
    said = {problem.path for problem in problems}
    normal, ref_problems = expand_refs(today.config, file)

    found = list(ref_problems)
    check = ComponentCheck(catalogue, user_folders(mmar_root / "custom"), named_packages(values, environment), file)
    for place in components(today.config):
        found += [p for p in check.problems(place) if today.before(p.path) not in said]
    found += reference_problems(normal, file)
    found += [p for p in alternative_problems(normal, file) if own_values or not _searched(normal, p.path)]
    found += nothing_problems(normal, catalogue, file)
    found += structure_problems(normal, in_force, file)
    problems += [dataclasses.replace(p, path=today.before(p.path)) for p in found]
    if search_problems is not None:
        found = search_problems(config, catalogue, file)
        better = {problem.path for problem in found if problem.path.rpartition(".")[2] in ("search", "apply")}
        problems = [problem for problem in problems if problem.path not in better] + found
    if check_data:
        problems += checkpoint_problems(normal, file)
        wrong = [problem.path for problem in problems if problem.file == file]
        for place in components(normal):
            if place.key != "dataset" or is_disabled(place.spec):
                continue
            if not any(path.startswith(f"{place.path}.data_") for path in wrong):
                problems += data_problems(place, mmar_root, file, read_keys(normal, place.section))
    warnings = _warnings(config, normal, in_force, file) if not problems else []
    warnings += channel_warnings(normal, catalogue, file) if not problems else []
    return Checked(resolved, normal, today.notes, ordered(problems, config, (environment_file, file)), warnings)


def with_values(
    config: Mapping[str, Any],
    environment: dict[str, Any],
    settings: dict[str, Any],
    mmar_root: Path,
    schema: str,
    file: str,
    environment_file: str,
) -> tuple[Resolved | None, dict[str, Any], dict[str, Any], list[Problem]]:
    """Return a config with its variables put in, and what is wrong with them and with its form.

    Args:
        config: the config without comments.
        environment: the content of environment.json.
        settings: the variables of ``--set``.
        mmar_root: the archive.
        schema: the name of the config's schema.
        file: the config's name in messages.
        environment_file: the environment's name in messages.

    Returns:
        The resolved config (``None`` where a variable is wrong), the config with what could be put in, the first-level
        values in force, and the problems.
    """
    problems = schema_problems(environment, "environment", environment_file)
    variables = Variables(config, environment, settings, mmar_root, file)
    values = {
        key: variables.value(key)
        if key in variables.sources and is_variable(key, value)
        else variables.substitute(value, key)
        for key, value in config.items()
    }
    resolved: Resolved | None = None
    if variables.problems:
        problems += variables.problems
    else:
        resolved = resolve_variables(config, environment, settings, mmar_root, file)
    in_force = {name: variables.value(name) for name in variables.sources}
    places = {"environment": environment_file, "--set": "--set"}
    said = {problem.path for problem in problems}
    for problem in schema_problems({**in_force, **values}, schema, file):
        if problem.path not in said:
            source = places.get(variables.sources.get(problem.path, ""), file)
            problems.append(dataclasses.replace(problem, file=source))
    return resolved, values, in_force, problems


def without_comments(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config without the first-level and section keys that are comments."""
    kept = {key: value for key, value in config.items() if not key.startswith(COMMENT)}
    for section in SECTIONS:
        if isinstance(kept.get(section), dict):
            kept[section] = {key: value for key, value in kept[section].items() if not key.startswith(COMMENT)}
    return kept


def named_packages(config: Mapping[str, Any], environment: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the packages that a config or environment.json lets components be named from."""
    given: list[str] = []
    for source in (config, environment):
        value = source.get("allowed_packages")
        given += [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
    return tuple(given)


def _searched(config: Mapping[str, Any], path: str) -> bool:
    """Return whether a search decides which of the alternatives at that path is enabled."""
    section, _, key = path.partition(".")
    return any(is_switched(item) for item in config[section][key] if isinstance(item, dict))


def structure_problems(config: Mapping[str, Any], in_force: Mapping[str, Any], file: str) -> list[Problem]:
    """Return the keys of sections that nothing knows or uses, and a stop after the end."""
    found: list[Problem] = []
    used = {name for _, _, _, text in marked(config) for name in names_in(text)}
    known = (*sorted(ONE_COMPONENT), *LISTS)
    for section in SECTIONS:
        content = config.get(section)
        for key in content if isinstance(content, dict) else ():
            if key not in known and key not in used:
                found.append(
                    Problem(
                        rule=f'{section} has no key "{key}", and no "@{key}" refers to it',
                        file=file,
                        path=child(section, key),
                        near=near_names(key, known),
                        remedy="Known keys: " + ", ".join(known) + ".",
                    )
                )
    epochs, until = in_force.get("epochs"), in_force.get("until_epoch")
    if isinstance(until, int) and isinstance(epochs, int) and until > epochs:
        rule = f"until_epoch is at most epochs ({epochs})"
        found.append(Problem(rule=rule, file=file, path="until_epoch", value=until))
    return found


def data_problems(place: Place, mmar_root: Path, file: str, keys: tuple[str, ...]) -> list[Problem]:
    """Return what is wrong with the data list of a dataset, and with how it is named.

    Args:
        place: the dataset.
        mmar_root: the archive.
        file: the config's name in messages.
        keys: what the first transform reads of each item.
    """
    spec = place.spec
    names = ("data_list_file_path", "data_list_key")
    given = [name for name in names if spec.get(name)]
    if not given and "data_file_base_dir" not in spec:
        return []
    if len(given) < 2:
        missing = next(name for name in names if name not in given)
        remedy = 'Write "data_list_key": "training".' if missing == "data_list_key" else "Name the data list's file."
        return [Problem(rule=f'a data list needs "{missing}"', file=file, path=place.path, remedy=remedy)]
    if not all(isinstance(spec.get(name, ""), str) for name in (*names, "data_file_base_dir")):
        return []  # said by the schema
    path = Path(os.path.join(mmar_root, spec["data_list_file_path"]))
    base = spec.get("data_file_base_dir")
    folder = Path(os.path.join(mmar_root, base)) if isinstance(base, str) and base else path.parent
    try:
        shown = str(path.resolve().relative_to(mmar_root.resolve()))
    except ValueError:
        shown = str(path)
    if not os.path.isfile(path):
        return [
            Problem(
                rule="the data list has to exist",
                file=file,
                path=f"{place.path}.data_list_file_path",
                value=str(path),
                remedy="Set DATASET_JSON in config/environment.json, or with --set DATASET_JSON=FILE.",
            )
        ]
    if not os.path.isdir(folder):
        return [
            Problem(
                rule="the folder of the data has to exist",
                file=file,
                path=f"{place.path}.data_file_base_dir",
                value=str(folder),
                remedy="Set DATA_ROOT in config/environment.json, or with --set DATA_ROOT=FOLDER.",
            )
        ]
    asked = f"{file}: {place.path}.data_list_key"
    return data_list_problems(path, spec["data_list_key"], folder, shown, keys=keys, asked=asked)


def checkpoint_problems(config: Mapping[str, Any], file: str) -> list[Problem]:
    """Return the checkpoints to be loaded that do not exist."""
    found: list[Problem] = []
    for place in components(config):
        if place.key != "handlers" or is_disabled(place.spec) or full_name(place.spec) != "CheckpointLoader":
            continue
        where, args = args_of(place.spec)
        given = args.get("load_path") if isinstance(args, dict) else None
        if isinstance(given, str) and os.path.isabs(given) and not os.path.isfile(given):
            remedy = "Name a checkpoint with --set MMAR_CKPT=FILE, or load none: disable this handler."
            rule, path = "the checkpoint that is loaded has to exist", f"{place.path}.{where}.load_path"
            found.append(Problem(rule, file, path, given, remedy))
    return found


def _warnings(raw: Mapping[str, Any], config: Mapping[str, Any], in_force: Mapping[str, Any], file: str) -> list[str]:
    found: list[str] = []
    known = list(schema("config_train")["properties"])
    texts = [text for _, text in walk(raw) if isinstance(text, str)]
    for name in raw:
        if name in known or any("{" + name + "}" in text for text in texts):
            continue
        near = near_names(name, known, 1)
        if near:
            found.append(f'{file}: nothing uses "{name}"; did you mean "{near[0]}"?')
    for place in components(config):
        disabled = place.spec.get("disabled")
        if disabled is not None and not isinstance(disabled, bool):
            found.append(f"{file}: {place.path}: disabled is {disabled!r}, not true: the component stays.")
    if isinstance(config.get("validate"), dict):
        found += _validation_warnings(config, in_force, file)
    return found


def _validation_warnings(config: Mapping[str, Any], in_force: Mapping[str, Any], file: str) -> list[str]:
    """Return why the training would never validate, so that it gets no score."""
    enabled = [
        place.spec
        for place in components(config)
        if (place.section, place.key) == ("train", "handlers") and not is_disabled(place.spec)
    ]
    intervals = [args_of(spec)[1] for spec in enabled if class_name(spec) == "ValidationHandler"]
    if not intervals:
        if any(spec.get("path") for spec in enabled):  # one of the user's own may validate
            return []
        return [f"{file}: train.handlers has no ValidationHandler: nothing is validated, there will be no score."]
    epochs = in_force.get("epochs")
    for args in intervals:
        interval = args.get("interval") if isinstance(args, dict) else None
        by_epoch = isinstance(args, dict) and args.get("epoch_level", True) is not False
        if "until_epoch" in in_force or not by_epoch:  # a validation always comes at until_epoch
            continue
        if isinstance(interval, int) and isinstance(epochs, int) and interval > epochs:
            return [
                f"{file}: a validation every {interval} epochs never comes in {epochs} epochs: there will be no score. "
                "Lower num_interval_per_valid or raise epochs."
            ]
    return []


def ordered(problems: Iterable[Problem], config: Mapping[str, Any], files: tuple[str, ...]) -> list[Problem]:
    """Return the problems without repetitions, by file, then by their place in the config."""
    places = {path: index for index, (path, _) in enumerate(walk(config))}

    def position(problem: Problem) -> tuple[int, int]:
        file = files.index(problem.file) if problem.file in files else len(files)
        path = problem.path
        while path and path not in places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return file, places.get(path, 0) if problem.file == files[-1] else 0

    once: dict[tuple[str, str, str], Problem] = {}
    for problem in problems:
        once.setdefault((problem.file, problem.path, problem.rule), problem)
    return sorted(once.values(), key=position)
