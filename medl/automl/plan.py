"""A search before it starts: every file read, every setting checked, all problems found at once; nothing is written."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medl.assets import asset
from medl.automl.assemble import (
    CONTROLLER,
    EXECUTOR,
    HANDLER,
    Assembly,
    Role,
    assemble,
    automl_problems,
    default_notes,
    read_parts,
    with_settings,
)
from medl.automl.defs import SearchSpace
from medl.automl.events import space_to_json
from medl.automl.fingerprint import fingerprint
from medl.automl.geometry import search_warnings
from medl.automl.hardware import cores, fair_threads, visible_gpus
from medl.automl.launch import LAUNCHERS, chosen_launcher
from medl.automl.settings import RUN_SETTINGS, job_settings, read_settings
from medl.automl.space import find_search_space, own_values, search_problems, searched_variables
from medl.automl.worker_spec import WorkerSpec, parse_workers
from medl.conf.catalogue import Catalogue
from medl.conf.check import Checked, check_training
from medl.conf.load import read_json, read_object
from medl.conf.nothing import is_switched
from medl.conf.ranks import rank_problems
from medl.conf.sections import alternative_problems
from medl.conf.variables import resolve_variables
from medl.errors import ConfigError, Problem, near_names
from medl.horovod import INSTALL, horovod_fault
from medl.mmar.archive import MMAR
from medl.mmar.run_folder import RunFolder

TRACE_PLACES: tuple[Literal["console", "file", "both"], ...] = ("console", "file", "both")
SETTING = "--set"
SLIP = 0.8
"""From this likeness on (0 to 1) an unknown setting is one of the search's, misspelt."""

ENVIRONMENT = "config/environment.json"
MMAR_HANDLER = HANDLER.package + ".mmar_handler.MMARHandler"


@dataclass(frozen=True)
class Plan:
    """A search that can start.

    Attributes:
        mmar: the archive.
        folder: of the run.
        automl_file: the search's config, relative to the archive.
        automl: its content, variables and settings in.
        train_file: name of the searched config under config/.
        parts: controller, executor and handlers, built.
        workers: who runs jobs.
        gpus: GPUs that may be used; 0: the workers' ids are CPU slots.
        space: what is searched.
        own: the archive's own values, PRL to concrete ones.
        settings: variables for the jobs.
        checked: what the check of the train config found.
        fingerprint: what makes the run that run.
        max_rounds: at most this many recommendations, or ``None``.
        kept: archives that stay, or ``None`` for all.
        traceout: where traces go.
        notes: what was translated.
        warnings: what is allowed but perhaps not meant.
    """

    mmar: MMAR
    folder: RunFolder
    automl_file: str
    automl: dict[str, Any]
    train_file: str
    parts: Assembly
    workers: tuple[WorkerSpec, ...]
    gpus: int
    space: SearchSpace
    own: dict[str, list[Any]]
    settings: dict[str, Any]
    checked: Checked
    fingerprint: str
    max_rounds: int | None
    kept: int | None
    traceout: Literal["console", "file", "both"]
    notes: list[str]
    warnings: list[str]

    @property
    def slots(self) -> int:
        """Processes that run at the same time when all workers are busy."""
        return sum(len(worker.slots) for worker in self.workers)

    @property
    def threads(self) -> int:
        """Computing threads of each process."""
        return fair_threads(cores(), self.slots)

    @property
    def epochs(self) -> int | None:
        """Epochs of a job, where the config says them."""
        epochs = self.checked.config.get("until_epoch", self.checked.config.get("epochs"))
        return epochs if isinstance(epochs, int) else None

    def cpu_line(self) -> str:
        """Return what the workers' ids mean without a GPU, or an empty text where there is one."""
        if self.gpus:
            return ""
        available, threads = cores(), self.threads
        names = ", ".join(worker.name for worker in self.workers)
        return (
            f"no GPU: the ids of {names} are CPU slots, each with {threads} thread{'s' * (threads > 1)} "
            f"of {available} core{'s' * (available > 1)}"
        )


class _Findings:
    """Problems of several steps; a step that raises ConfigError adds its own and is left."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        try:
            yield
        except ConfigError as error:
            self.problems += error.problems

    def add(self, rule: str, file: str, path: str = "", **rest: Any) -> None:
        self.problems.append(Problem(rule=rule, file=file, path=path, **rest))


def make_plan(root: Path, automlconf: str, words: Sequence[str]) -> Plan:
    """Return the search that an archive and a command line describe.

    Args:
        root: the archive's folder.
        automlconf: file name under config/ (or ``config/<name>``).
        words: of ``--set``.

    Raises:
        ConfigError: with every problem of every file and setting.
    """
    mmar = MMAR(root.absolute()).require()  # variables are joined to it, some of them twice
    found = _Findings()
    settings: dict[str, Any] = {}
    with found.step():
        settings = read_settings(words)
    jobs = job_settings(settings)

    environment: dict[str, Any] | None = None  # None: it cannot be read, and what needs it is left unchecked
    with found.step():
        environment = read_object(mmar.environment, ENVIRONMENT) if mmar.environment.exists() else {}
    readable = environment is not None
    environment = environment or {}
    _check_checkpoints(environment, jobs, found)

    automl_file = f"config/{_under_config(automlconf)}"
    automl, train_file, work_dir, kept = _read_search(mmar, automl_file, environment, settings, found, readable)
    workers, gpus = _workers(settings, automl, automl_file, found)
    asked = settings.get("traceout", "file")
    traceout = next((place for place in TRACE_PLACES if place == asked), None)
    if traceout is None:
        near = near_names(asked, TRACE_PLACES)
        found.add('traceout is "console", "file" or "both"', SETTING, "traceout", value=asked, near=near)
    folder: RunFolder | None = None
    with found.step():
        folder = _run_folder(mmar, work_dir, settings)

    shown = f"config/{train_file}"
    raw: dict[str, Any] = {}
    checked = Checked(None, {})
    space = SearchSpace(())
    own: dict[str, list[Any]] = {}
    warnings: list[str] = []
    with found.step():
        raw = read_object(mmar.config / train_file, shown)
        catalogue = Catalogue.load()
        if readable:
            checked = check_training(
                mmar.root,
                raw,
                environment,
                jobs,
                shown,
                catalogue,
                search_problems=search_problems,
                own_values=bool(automl.get("baseline")),
            )
        else:
            checked = Checked(None, {}, problems=search_problems(raw, catalogue, shown))
        found.problems += [_for_baseline(problem, checked, shown) for problem in checked.problems]
        if checked.resolved is not None and _is_ours(automl, automl_file, EXECUTOR) and launcher_of(automl) != "python":
            several = sorted({len(worker.slots) for worker in workers})
            found.problems += [p for n in several for p in rank_problems(checked.config, n, mmar.root, shown)]
        space, wrong = find_search_space(raw, None, shown)
        if not wrong:
            own = own_values(raw, space, catalogue)
            warnings += search_warnings(raw, shown)
            if not space.parameters and _is_ours(
                automl, automl_file, EXECUTOR
            ):  # another one may have a space of its own
                found.add(
                    "a search needs something to vary, but the config has no search section",
                    shown,
                    remedy='Put a "search" list beside the args of a component, or at the first level, such as '
                    '[{"domain": "lr", "type": "float", "args": ["learning_rate"], "targets": [0.0001, 0.01]}].',
                )
            _check_shadowed(searched_variables(raw), environment, jobs, found)
    warnings += checked.warnings
    warnings += _unknown_settings(jobs, mmar, found)
    warnings += _other_round_script(mmar)

    if found.problems or folder is None or traceout is None:
        raise ConfigError(found.problems)
    defaulted = default_notes(_read_as_is(mmar.root / automl_file), automl_file)
    controller = automl.get("controller", {})
    max_rounds = settings.get("max_rounds")
    if max_rounds is None and _is_ours(automl, automl_file, CONTROLLER):  # what it means to another one only that knows
        max_rounds = (controller.get("args") or {}).get("max_rounds")
    return Plan(
        mmar=mmar,
        folder=folder,
        automl_file=automl_file,
        automl=automl,
        train_file=train_file,
        parts=assemble(automl, automl_file, mmar.custom),
        workers=workers,
        gpus=gpus,
        space=space,
        own=own,
        settings=jobs,
        checked=checked,
        fingerprint=_fingerprint(raw, environment, jobs, checked, controller, space),
        max_rounds=max_rounds if isinstance(max_rounds, int) and not isinstance(max_rounds, bool) else None,
        kept=kept,
        traceout=traceout,
        notes=[*defaulted, *checked.notes],
        warnings=warnings,
    )


def _read_as_is(path: Path) -> Mapping[str, Any]:
    config = read_json(path)
    return config if isinstance(config, Mapping) else {}


def _under_config(name: str) -> str:
    return name.removeprefix("config/")


def _read_search(
    mmar: MMAR,
    file: str,
    environment: Mapping[str, Any],
    settings: Mapping[str, Any],
    found: _Findings,
    readable: bool,
) -> tuple[dict[str, Any], str, str | None, int | None]:
    """Return the resolved config_automl.json, the train config's name, the runs' parent and how many archives stay."""
    automl: dict[str, Any] = {}
    train_file = _under_config(settings.get("trainconf") or "config_train.json")
    work_dir: str | None = None
    kept: int | None = None
    with found.step():
        raw = read_object(mmar.root / file, file)
        variables = {**settings, "trainconf": train_file}
        try:
            resolved = resolve_variables(raw, environment, variables, mmar.root, file)
        except ConfigError:
            if readable:
                raise
            return automl, train_file, work_dir, kept
        automl = with_settings(resolved.config, settings, mmar.custom)
        found.problems += [_as_given(problem, settings) for problem in automl_problems(automl, file, mmar.custom)]
        for part in read_parts(automl, file)[0]:
            if part.dotted == MMAR_HANDLER:
                train_file = _under_config(str(part.args.get("train_config_file") or train_file))
                work_dir = part.args.get("work_dir")
                kept = part.args.get("num_mmars_to_keep", 5)
    rounds = settings.get("max_rounds")
    if rounds is not None and (isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1):
        found.problems = [p for p in found.problems if (p.file, p.path) != (SETTING, "max_rounds")]  # the controller's
        found.add("max_rounds is a whole number of at least 1", SETTING, "max_rounds", value=rounds)
    return automl, train_file, work_dir if isinstance(work_dir, str) else None, kept if isinstance(kept, int) else None


def _is_ours(automl: Mapping[str, Any], file: str, role: Role) -> bool:
    """Return whether the component of a role is one of medl's."""
    return any(part.role is role and part.dotted in role.classes().values() for part in read_parts(automl, file)[0])


def _as_given(problem: Problem, settings: Mapping[str, Any]) -> Problem:
    """Return a problem of the controller at the place where the user wrote it: on the command line, perhaps."""
    arg = problem.path.removeprefix("controller.args.")
    if problem.path in ("controller.name", "controller.path") and "algorithm" in settings:
        return dataclasses.replace(problem, file=SETTING, path="algorithm")
    if arg != problem.path and f"controller.{arg}" in settings:
        return dataclasses.replace(problem, file=SETTING, path=f"controller.{arg}")
    if problem.path == "controller.args.max_rounds" and "max_rounds" in settings:
        return dataclasses.replace(problem, file=SETTING, path="max_rounds")
    return problem


def _for_baseline(problem: Problem, checked: Checked, file: str) -> Problem:
    """Return a problem with what to do where the search leaves exactly one alternative enabled, but the archive not."""
    if problem not in alternative_problems(checked.config, file):
        return problem
    section, _, key = problem.path.partition(".")
    if not any(isinstance(item, Mapping) and is_switched(item) for item in checked.config[section][key]):
        return problem
    return dataclasses.replace(
        problem,
        rule=f"{problem.rule}, also in the archive's own values, with which the baseline is trained",
        remedy='Disable all but one of them, or leave the baseline out: "baseline": false in the search\'s config.',
    )


def _workers(
    settings: Mapping[str, Any], automl: Mapping[str, Any], file: str, found: _Findings
) -> tuple[tuple[WorkerSpec, ...], int]:
    gpus = len(visible_gpus())
    workers: tuple[WorkerSpec, ...] = ()
    with found.step():
        workers = parse_workers(settings.get("workers", "0"), gpus)
    launcher = launcher_of(automl)
    wanted = set()
    for worker in workers if _is_ours(automl, file, EXECUTOR) else ():  # another one may use a worker's ids as it likes
        try:
            wanted.add(chosen_launcher(launcher, len(worker.slots), worker.hosts))
        except ValueError as error:
            if launcher in LAUNCHERS:  # else the check of the executor's args says so
                found.add(str(error), SETTING, "workers", value=settings.get("workers"))
    if "horovodrun" in wanted and (fault := horovod_fault()) is not None:
        found.add(
            "a worker with several ids trains through Horovod",
            SETTING,
            "workers",
            value=f"{settings.get('workers', '0')}: {fault}",
            remedy=f"Install it with {INSTALL}, or give each worker one id, such as workers=0:1.",
        )
    return workers, gpus


def launcher_of(automl: Mapping[str, Any]) -> str:
    """Return the ``launcher`` among the executor's args."""
    executor = automl.get("executor")
    args = executor.get("args") if isinstance(executor, Mapping) else None
    return str(args.get("launcher", "auto")) if isinstance(args, Mapping) else "auto"


def _run_folder(mmar: MMAR, work_dir: str | None, settings: Mapping[str, Any]) -> RunFolder:
    if not settings.get("run_id"):
        rule = "a search needs a run_id, the name of its folder"
        raise ConfigError(Problem(rule, SETTING, "run_id", remedy="Add run_id=a after --set."))
    parent = mmar.runs if work_dir is None else mmar.root / os.path.expanduser(work_dir)
    folder = RunFolder(parent, settings["run_id"])
    existing = next((place for place in (folder.root, *folder.root.parents) if place.exists()), None)
    if existing is not None and not (existing.is_dir() and os.access(existing, os.W_OK)):
        raise ConfigError(
            Problem(
                f"the run's folder {folder.root} has to be writable",
                value=f"{existing} is not a folder that can be written to",
                remedy="Make it writable, or give MMARHandler another work_dir.",
            )
        )
    return folder


def _check_checkpoints(environment: Mapping[str, Any], jobs: Mapping[str, Any], found: _Findings) -> None:
    """Jobs that share one folder of checkpoints would overwrite each other's."""
    for file, values in ((ENVIRONMENT, environment), (SETTING, jobs)):
        value = values.get("MMAR_CKPT_DIR")
        if isinstance(value, str) and os.path.isabs(value):
            found.add(
                "in a search each job has its own MMAR_CKPT_DIR, so it is relative to the archive",
                file,
                "MMAR_CKPT_DIR",
                value=value,
                remedy='Write "models".',
            )


def _check_shadowed(
    names: Sequence[str], environment: Mapping[str, Any], jobs: Mapping[str, Any], found: _Findings
) -> None:
    for file, values, remedy in (
        (SETTING, jobs, "Leave it out of --set, or take the search out of the config."),
        (ENVIRONMENT, environment, "Take it out of environment.json, whose values win over the config's."),
    ):
        for name in names:
            if name in values:
                rule = f"{name} is searched, so no other value may stand over it"
                found.add(rule, file, name, value=values[name], remedy=remedy)


def _unknown_settings(jobs: Mapping[str, Any], mmar: MMAR, found: _Findings) -> list[str]:
    """Return a line for each setting that no config has and that looks like one of the search; a near one is wrong."""
    configs = ""
    for path in sorted(mmar.config.glob("*.json")):
        with contextlib.suppress(OSError):
            configs += path.read_text(encoding="utf-8", errors="replace")
    lines = []
    for name in jobs:
        if re.search(rf'"{re.escape(name)}"|{{{re.escape(name)}}}', configs):
            continue
        if near := near_names(name, RUN_SETTINGS, count=1, cutoff=SLIP):
            rule = "no setting of the search and no variable of any config has this name"
            found.add(rule, SETTING, name, near=near)
        elif near := near_names(name, RUN_SETTINGS, count=1):
            lines.append(f'--set {name}: a variable of the jobs; did you mean "{near[0]}"?')
    return lines


def _other_round_script(mmar: MMAR) -> list[str]:
    """Return a warning where the archive's round script is not ours: it would do what the engine does not."""
    script = mmar.round_script
    ours = asset("commands") / script.name
    if not script.is_file() or not ours.is_file() or script.read_bytes() == ours.read_bytes():
        return []
    return [
        f"commands/{script.name} differs from medl's: a search never runs it, it starts medl.apps.train itself "
        "(the script reruns a job by hand)"
    ]


def _fingerprint(
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    jobs: Mapping[str, Any],
    checked: Checked,
    controller: Mapping[str, Any],
    space: SearchSpace,
) -> str:
    """Return what makes the run that run; where data and archive lie does not, so both may be moved."""
    places = ("DATA_ROOT", "DATASET_JSON")
    variables = {name: value for name, value in {**environment, **jobs}.items() if name not in places}
    lists: dict[str, Any] = {}
    objective: dict[str, Any] = {"direction": "larger is better"}
    for section in ("train", "validate"):
        content = checked.config.get(section)
        if not isinstance(content, Mapping):
            continue
        dataset = content.get("dataset")
        for spec in dataset if isinstance(dataset, list) else [dataset]:
            if isinstance(spec, Mapping) and isinstance(spec.get("data_list_file_path"), str):
                with contextlib.suppress(ConfigError):
                    lists[f"{section}.{spec.get('data_list_key')}"] = read_json(Path(spec["data_list_file_path"]))
        objective[section] = content.get("key_metric")
    return fingerprint(
        config={"config": config, "variables": variables},
        data_list=lists,
        objective=objective,
        controller=controller,
        space=space_to_json(space),
    )
