"""``python -m medl.apps.automl.train``: search what one archive's config describes, or go on with a search.

Exit codes: 0 any job scored; 3 none did; 1 something broke, a controller in the midst of its search too; 2 a config, a
setting or the data break a rule; 130 or 143 stopped by a signal.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medl.automl.defs import Context, ContextKey
from medl.automl.disk import FULL
from medl.automl.plan import Plan, make_plan
from medl.conf.component import user_folders
from medl.conf.user_imports import user_imports
from medl.errors import ConfigError, MedlError, Problem, RunError
from medl.masked import masked, masked_value

EXAMPLE = """settings of the search (any other NAME=VALUE is a variable of the configs and of the jobs):
  run_id=NAME            folder of the run; the same name goes on with a run
  workers=0,1:2,3        workers, parted by ":", with their GPU ids (CPU slots without a GPU)      default 0
  workers=HOST/0,1+HOST/0,1   a worker on several hosts
  trainconf=FILE         train config under config/ that is searched                 default config_train.json
  traceout=console|file|both   where traces go                                                  default file
  max_rounds=N           at most N recommendations
  algorithm=NAME         controller in place of the config's; controller.ARG=VALUE sets an arg of it
  metric=NAME mode=min   what the search is after, in place of the config's key metric
  domains=lr,net         only search items of these domains
  console=false          no console; console_port=N: where it listens                                 default 33330

example:
  python -m medl.apps.automl.train -m demo --set run_id=a workers=0:1
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line, with Clara's names."""
    options = argparse.ArgumentParser(
        prog="python -m medl.apps.automl.train",
        description="Search what an archive's config describes, or go on with a search.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    options.add_argument("-m", "--mmar", required=True, metavar="ROOT", help="the archive's folder")
    options.add_argument(
        "--automlconf",
        default="config_automl.json",
        metavar="FILE",
        help="the search's config in ROOT/config (%(default)s)",
    )
    options.add_argument("--dry-run", action="store_true", help="check all, say what would be done, start nothing")
    options.add_argument("--debug", action="store_true", help="show the traceback of an error")
    options.add_argument(
        "--set", nargs="*", action="extend", default=[], metavar="NAME=VALUE", help="settings; the last wins"
    )
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Search, and return the exit code."""
    options = parser()
    given, more = options.parse_known_args(argv)
    # an option between two settings ends --set's list; what follows is meant as settings all the same
    if wrong := [word for word in more if word.startswith("-") or "=" not in word]:
        options.error(f"unknown arguments: {' '.join(wrong)}")
    try:
        return run(Path(given.mmar), given.automlconf, [*given.set, *more], dry_run=given.dry_run)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if given.debug:
            traceback.print_exc()  # it ends with what the message says
        else:
            print(masked(_message(error)), file=sys.stderr, flush=True)
        return error.exit_code if isinstance(error, MedlError) else 2 if isinstance(error, OSError) else 1


def run(root: Path, automlconf: str, words: Sequence[str], *, dry_run: bool = False) -> int:
    """Check, then search (or say what a search would do), and return the exit code.

    Raises:
        ConfigError: anything breaks a rule; nothing was started.
        RunError: the run cannot start or go on.
    """
    # the user's code is there for as long as it may run: it may import inside its methods
    with user_imports(user_folders((root / "custom").absolute()), say=say):
        return _run(make_plan(root, automlconf, words), words, dry_run=dry_run)


def _run(plan: Plan, words: Sequence[str], *, dry_run: bool) -> int:
    say(f"search config: {plan.mmar.root / plan.automl_file}")
    say(f"searched config: {plan.mmar.config / plan.train_file}")
    for note in plan.notes:
        say(note)
    for warning in plan.warnings:
        say(f"warning: {warning}")
    if line := plan.cpu_line():
        say(line)
    if dry_run:
        if not _dry_run_of_existing(plan):
            _dry_run(plan)
        return 0
    return _search(plan, words)


def say(line: str) -> None:
    """Print one line at once, as logs and pipes want it; nobody who reads any more is no reason to stop."""
    try:
        print(masked(line), flush=True)
    except BrokenPipeError:  # as of "| head": what else is printed goes nowhere, the buffer's flush at exit too
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except OSError as error:
        if error.errno not in FULL:  # of a full disk the run hears elsewhere; a line of a log ends no search
            raise


def _search(plan: Plan, words: Sequence[str]) -> int:
    from medl.automl.ending import ending
    from medl.automl.engine import Engine
    from medl.automl.events import read_events
    from medl.automl.gpu_leases import gpu_names, lease
    from medl.automl.hardware import visible_gpus
    from medl.automl.stopping_rule import stopping_rule
    from medl.conf.data_list import read_description

    folder = plan.folder
    try:
        folder.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            Problem(
                f"the run's folder {folder.root} cannot be made: {error.strerror}",
                remedy="Make its parent writable, or give MMARHandler another work_dir.",
            )
        ) from error
    events, _ = read_events(folder.events)
    finished = bool(events) and events[-1]["type"] == "run_ended"
    if not finished:
        say(f"run {folder.run_id}: {folder.root}")
    goals, stopping = plan.parts.goals, plan.parts.stopping
    small = goals.objectives and goals.objectives[0].mode == "min"
    gpus = gpu_names(plan.workers, visible_gpus()) if plan.gpus else ()
    result = Engine(
        folder=folder,
        workers=plan.workers,
        controller=plan.parts.controller,
        executor=plan.parts.executor,
        handlers=plan.parts.handlers,
        ctx=_context(plan),
        fingerprint=plan.fingerprint,
        configs=_configs(plan),
        max_rounds=plan.max_rounds,
        baseline=plan.parts.baseline,
        baseline_values=plan.own,
        storage=plan.parts.storage,
        say=say,
        goals=goals,
        epochs=plan.epochs,
        stopping=stopping_rule(stopping, minimize=bool(small)) if stopping is not None else None,
        warnings=plan.warnings,
        console=plan.console,
        limits=plan.parts.limits,
        leases=lambda: lease(gpus, folder.root, share=plan.parts.limits.share_gpus, say=say),
    ).run()
    workers = ":".join(worker.gpu_list_string() for worker in plan.workers)
    resolved = plan.checked.resolved
    data = read_description(Path(resolved.variables.get("DATASET_JSON", ""))) if resolved is not None else ""
    say(
        ending(
            result.summary,
            plan.mmar,
            folder,
            workers=workers,
            data=data,
            kept=plan.kept,
            already=finished,
            train_file=plan.train_file,
            automl_file=plan.automl_file.removeprefix("config/"),
            words=words,
        )
    )
    if result.status == "failed":  # the controller broke, and the engine has said so: the run is not at its end
        return 1
    return 0 if finished else result.exit_code


def _context(plan: Plan) -> Context:
    ctx = Context()
    ctx.set_trace(plan.traceout, plan.folder.trace)
    for key, value in (
        (ContextKey.MMAR_ROOT, str(plan.mmar.root)),
        (ContextKey.AUTOML_ROOT, str(plan.folder.root.parent)),
        (ContextKey.RUN_ROOT, str(plan.folder.root)),
        (ContextKey.NUM_WORKERS, len(plan.workers)),
        (ContextKey.TRAIN_CONFIG, plan.train_file),
        (ContextKey.SETTINGS, plan.settings),
        (ContextKey.SPACE_CHANGES, plan.changes),
    ):
        ctx.set_prop(key, value)
    return ctx


def _configs(plan: Plan) -> dict[str, Any]:
    configs = {
        "automl": {"file": plan.automl_file, "config": plan.automl},
        "train": {"file": f"config/{plan.train_file}", "config": plan.checked.config},
        "settings": plan.settings,
        "workers": [list(worker.slots) for worker in plan.workers],
        "fingerprint": plan.fingerprint,
    }
    return dict(masked_value(configs))  # they are written, and compared with what was written


def _dry_run_of_existing(plan: Plan) -> bool:
    """Say what the same command does with a run that has begun, and return whether there is one.

    Raises:
        RunError: it would be refused.
    """
    from medl.automl.events import read_events
    from medl.automl.going_on import begun, refusal, what_goes_on
    from medl.automl.lock import is_held

    folder = plan.folder
    events, _ = read_events(folder.events)
    if is_held(folder.lock):
        raise RunError(
            f'the run "{folder.run_id}" is worked on at this moment, so the same command would be refused. '
            "Wait for its end, stop it, or choose another run_id."
        )
    if not begun(events):
        if events:
            say(f'the run "{folder.run_id}" exists, but nothing was trained in it: it would begin anew')
        return False
    if reason := refusal(folder, events, plan.fingerprint, _configs(plan)):
        raise RunError(reason)
    say(what_goes_on(folder, events, [worker.name for worker in plan.workers], plan.max_rounds))
    say("Nothing was started.")
    return True


def _dry_run(plan: Plan) -> None:
    from medl.automl.adviser import Adviser
    from medl.automl.core import Core
    from medl.automl.events import recommendation_from_json
    from medl.automl.forecast import forecast, show_plan
    from medl.automl.launch import training_launch
    from medl.automl.user_code import raised

    ctx = _context(plan)
    ctx.set_trace("file")  # and there is no file
    ctx.set_prop(ContextKey.RUN_WORKERS, len(plan.workers))
    ctx.set_prop(ContextKey.GOALS, plan.parts.goals)
    ctx.set_prop(ContextKey.EPOCHS, plan.epochs)
    controller = plan.parts.controller
    core = Core(max_rounds=plan.max_rounds)
    adviser = Adviser(controller, core, ctx, lambda component, method, error: None)
    try:
        space = plan.parts.executor.determine_search_space(ctx)
        adviser.set_space(space)
        first = [recommendation_from_json(item, space) for item in adviser.first()]
    except MedlError as error:
        raise RunError(f"{error} Nothing was started.") from error
    except (Exception, SystemExit) as error:
        said = raised(plan.parts.executor, "determine_search_space", error)
        raise RunError(f"{said}. Nothing was started.") from error
    numbers = forecast(
        mmar=plan.mmar,
        space=space,
        controller=controller,
        workers=len(plan.workers),
        baseline=plan.parts.baseline,
        epochs=ctx.get_prop(ContextKey.EPOCHS),
        max_rounds=plan.max_rounds,
        kept=plan.kept,
        folder=plan.folder,
    )
    worker = plan.workers[0]
    job = Context(ctx)
    job.set_prop(ContextKey.GPUS, list(worker.slots))
    job.set_prop(ContextKey.HOSTS, worker.hosts)
    job.set_prop(ContextKey.THREADS, plan.threads)
    root = plan.folder.job(f"{worker.name}_1_J{0 if plan.parts.baseline else 1}").root
    launch = getattr(plan.parts.executor, "launch", None)
    made = launch(root, job) if callable(launch) else training_launch(root, worker.slots, plan.threads, os.environ)
    # what hides GPUs from each other means nothing where there are none
    hidden = ("PATH", "HOME") if plan.gpus else ("PATH", "HOME", "CUDA_VISIBLE_DEVICES")
    say(show_plan(numbers=numbers, space=space, own=plan.own, first=first, launch=made, hidden=hidden))


def _message(error: Exception) -> str:
    """Return what a user reads of an error: what it is and what to do, never a traceback."""
    if isinstance(error, ConfigError):
        count = len(error.problems)
        return f"{error}\n{count} problem{'s' * (count != 1)}; nothing was started."
    if isinstance(error, MedlError):
        return f"error: {error}"
    if isinstance(error, OSError):
        place = f" ({error.filename})" if error.filename else ""
        remedy = "Make room or the folder writable, then give the same command again."
        return f"error: {error.strerror or error}{place}. {remedy}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"unexpected error: {type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno}). "
        "Give the same command with --debug to see where it comes from."
    )


if __name__ == "__main__":
    sys.exit(main())
