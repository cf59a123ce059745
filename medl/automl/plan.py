"""A search before it starts: every file read, every setting checked, all problems found at once; nothing is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medl.assets import asset
from medl.automl.assemble import Assembly, assemble
from medl.automl.console.settings import ConsoleSettings, read_console
from medl.automl.controller_names import ROUNDS
from medl.automl.defs import SearchSpace
from medl.automl.fidelity_check import fidelity_problems
from medl.automl.findings import Findings
from medl.automl.fingerprint import run_fingerprint
from medl.automl.geometry import search_warnings
from medl.automl.goal_settings import metric_problems, read_goals, read_stopping, weights_warning
from medl.automl.hardware import cores, fair_threads
from medl.automl.parts import CONTROLLER, EXECUTOR, Part, read_parts
from medl.automl.search_config import SETTING, default_notes, max_rounds_setting, place_of
from medl.automl.search_files import is_ours, read_search, search_path, under_config
from medl.automl.setting_checks import (
    ENVIRONMENT,
    check_checkpoints,
    check_shadowed,
    launcher_of,
    read_workers,
    run_folder,
    unknown_settings,
)
from medl.automl.settings import job_settings, read_settings
from medl.automl.space import find_search_space, own_values, search_problems, searched_variables
from medl.automl.space_changes import SpaceChanges, changed_config
from medl.automl.worker_spec import WorkerSpec
from medl.conf.catalogue import Catalogue
from medl.conf.check import Checked, check_training
from medl.conf.component import user_folders
from medl.conf.load import read_json, read_object
from medl.conf.nothing import is_switched
from medl.conf.ranks import rank_problems
from medl.conf.sections import alternative_problems
from medl.conf.signature import Sources
from medl.errors import ConfigError, Problem, near_names
from medl.mmar.archive import MMAR
from medl.mmar.run_folder import RunFolder

TRACE_PLACES: tuple[Literal["console", "file", "both"], ...] = ("console", "file", "both")


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
        changes: what the run changes of the search items of the train config.
        own: the archive's own values, PRL to concrete ones.
        settings: variables for the jobs.
        checked: what the check of the train config found.
        fingerprint: what makes the run that run.
        max_rounds: at most this many recommendations, or ``None``.
        kept: archives that stay, or ``None`` for all.
        traceout: where traces go.
        console: where people ask meanwhile; ``None`` for nowhere.
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
    changes: SpaceChanges
    own: dict[str, list[Any]]
    settings: dict[str, Any]
    checked: Checked
    fingerprint: str
    max_rounds: int | None
    kept: int | None
    traceout: Literal["console", "file", "both"]
    console: ConsoleSettings | None
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
    found = Findings()
    settings: dict[str, Any] = {}
    with found.step():
        settings = read_settings(words)
    jobs = job_settings(settings)

    environment: dict[str, Any] | None = None  # None: it cannot be read, and what needs it is left unchecked
    with found.step():
        environment = read_object(mmar.environment, ENVIRONMENT) if mmar.environment.exists() else {}
    readable = environment is not None
    environment = environment or {}
    check_checkpoints(environment, jobs, found)

    automl_file = f"config/{under_config(automlconf)}"
    search = read_search(mmar, automl_file, environment, settings, found, readable)
    automl, train_file = search.automl, search.train_file
    placed = place_of(settings, automl_file)
    workers, gpus = read_workers(settings, automl, automl_file, found)
    asked = settings.get("traceout", "file")
    traceout = next((place for place in TRACE_PLACES if place == asked), None)
    if traceout is None:
        near = near_names(asked, TRACE_PLACES)
        found.add('traceout is "console", "file" or "both"', SETTING, "traceout", value=asked, near=near)
    console: ConsoleSettings | None = None
    with found.step():
        console = read_console(settings, search.kept)
    folder: RunFolder | None = None
    with found.step():
        folder = run_folder(mmar, search.work_dir, settings)

    shown = f"config/{train_file}"
    raw: dict[str, Any] = {}
    checked = Checked(None, {})
    space = SearchSpace(())
    own: dict[str, list[Any]] = {}
    warnings: list[str] = []
    with found.step():
        raw, wrong_changes = changed_config(read_object(mmar.config / train_file, shown), search.changes, placed)
        found.problems += wrong_changes
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
        if checked.resolved is not None and is_ours(automl, automl_file, EXECUTOR) and launcher_of(automl) != "python":
            several = sorted({len(worker.slots) for worker in workers})
            found.problems += [p for n in several for p in rank_problems(checked.config, n, mmar.root, shown)]
        if checked.resolved is not None and is_ours(automl, automl_file, EXECUTOR):
            found.problems += metric_problems(automl, checked.config, shown, placed)
            if (other := weights_warning(read_goals(automl), checked.config, shown)) is not None:
                warnings.append(other)
        space, wrong = find_search_space(raw, None, shown)
        if not wrong:
            own = own_values(raw, space, catalogue)
            warnings += search_warnings(raw, shown)
            # another executor may have a space of its own
            if not space.parameters and is_ours(automl, automl_file, EXECUTOR):
                found.add(
                    "a search needs something to vary, but the config has no search section",
                    shown,
                    remedy='Put a "search" list beside the args of a component, or at the first level, such as '
                    '[{"domain": "lr", "type": "float", "args": ["learning_rate"], "targets": [0.0001, 0.01]}].',
                )
            check_shadowed(searched_variables(raw), environment, jobs, found)
    warnings += checked.warnings
    warnings += unknown_settings(jobs, mmar, found)
    warnings += _other_round_script(mmar)

    if found.problems or folder is None or traceout is None:
        raise ConfigError(found.problems)
    defaulted = default_notes(_read_as_is(search_path(mmar, automl_file)), automl_file)
    controller = _controller(automl, automl_file, mmar)
    asked = max_rounds_setting(settings)
    max_rounds = None if asked is None else settings[asked]
    if max_rounds is None and controller.is_ours:  # what it means to another one only that knows
        max_rounds = next((controller.args[name] for name in ROUNDS if name in controller.args), None)
    if controller.is_ours:
        given = "controller.fidelity" in settings
        place = (SETTING, "controller.fidelity") if given else (automl_file, f"{controller.place}.args.fidelity")
        searched = tuple(searched_variables(raw))
        if wrong := fidelity_problems(controller.args.get("fidelity"), raw, shown, searched, *place):
            raise ConfigError(wrong)
    parts = assemble(automl, automl_file, mmar.custom)
    if parts.stopping is not None and parts.controller.multi_fidelity:
        name = type(parts.controller).__name__
        rule = f"no stopping rule goes with {name}, which says itself how many epochs each job gets"
        remedy = "Leave stopping out, or take a controller whose jobs are whole trainings, such as RandomController."
        raise ConfigError(Problem(rule, *placed("stopping"), remedy=remedy))
    return Plan(
        mmar=mmar,
        folder=folder,
        automl_file=automl_file,
        automl=automl,
        train_file=train_file,
        parts=parts,
        workers=workers,
        gpus=gpus,
        space=space,
        changes=search.changes,
        own=own,
        settings=jobs,
        checked=checked,
        fingerprint=run_fingerprint(
            raw,
            environment,
            jobs,
            checked.config,
            _entry(automl["controller"], controller),
            space,
            read_goals(automl),
            read_stopping(automl),
        ),
        max_rounds=max_rounds if isinstance(max_rounds, int) and not isinstance(max_rounds, bool) else None,
        kept=search.kept,
        traceout=traceout,
        console=console,
        notes=[*defaulted, *checked.notes, *_waves(parts, len(workers))],
        warnings=warnings,
    )


def _read_as_is(path: Path) -> Mapping[str, Any]:
    config = read_json(path)
    return config if isinstance(config, Mapping) else {}


def _controller(automl: Mapping[str, Any], file: str, mmar: MMAR) -> Part:
    """Return the controller, its args by the names that its class has; the config is sound."""
    parts, _ = read_parts(automl, file, Sources(user_folders(mmar.custom)))
    return next(part for part in parts if part.role is CONTROLLER)


def _waves(parts: Assembly, workers: int) -> list[str]:
    """Return the line that says that trials which go on side by side take turns, where the workers are too few.

    A controller of such trials says in ``trains_together`` how many there are.
    """
    together = getattr(parts.controller, "trains_together", None)
    if not isinstance(together, int) or together <= workers:
        return []
    have = f"{workers} worker{'s' * (workers != 1)}"
    return [
        f"{together} trials go on side by side, with {have}: they take turns, {-(-together // workers)} waves a round"
    ]


def _entry(written: Mapping[str, Any], controller: Part) -> dict[str, Any]:
    """Return the controller's entry with the names that the code has, so that another spelling is the same run."""
    entry = dict(written)
    if controller.is_ours and "path" not in entry:
        entry["name"] = controller.dotted.rpartition(".")[2]
    if "args" in entry:
        entry["args"] = dict(controller.args)
    return entry


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
