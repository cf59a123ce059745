"""``python -m medl.apps.train``: train what one archive's config describes.

Exit codes: 0 trained; 1 the training failed; 2 the config or the data break a rule; 130 or 143 stopped by a signal.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import traceback
from collections.abc import Sequence

from medl.errors import ConfigError
from medl.masked import masked
from medl.train.failure import RankLost, failure
from medl.train.launched import choose_host_gpus, launched
from medl.train.stopping import Stopped, raise_when_asked

_LAUNCHER_S = 10.0
"""Seconds that a rank which lost the others waits to be stopped: the launcher takes the first to end for the cause."""


def parser() -> argparse.ArgumentParser:
    """Return the command line, with Clara's names."""
    options = argparse.ArgumentParser(
        prog="python -m medl.apps.train", description="Train what an archive's config describes."
    )
    options.add_argument("-m", "--mmar", required=True, metavar="ROOT", help="the archive's folder")
    options.add_argument(
        "-c",
        "--train_config",
        default="config/config_train.json",
        metavar="FILE",
        help="relative to ROOT (%(default)s)",
    )
    options.add_argument(
        "-e", "--env", default="config/environment.json", metavar="FILE", help="relative to ROOT (%(default)s)"
    )
    options.add_argument(
        "-l", "--log_config", metavar="FILE", help="relative to ROOT (resources/log.config where there is one)"
    )
    options.add_argument(
        "--write_train_stats", action="store_true", help="write train_stats.json beside the checkpoints"
    )
    options.add_argument(
        "--resume", action="store_true", help="go on after the last epoch that a stopped training kept (resume.pt)"
    )
    options.add_argument("--debug", action="store_true", help="show the traceback of an error")
    options.add_argument(
        "--set", nargs="*", action="extend", default=[], metavar="NAME=VALUE", help="values in place of the config's"
    )
    options.add_argument("--local_rank", "--local-rank", type=int, help=argparse.SUPPRESS)  # older launchers pass it
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Train, and return the exit code."""
    started = time.monotonic()
    words = parser().parse_args(argv)
    raise_when_asked()
    try:
        _train(words, started)
    except Stopped as stop:
        print(f"medl: {stop}", file=sys.stderr, flush=True)
        return stop.exit_code
    except Exception as error:
        shown = failure(error)
        try:
            if isinstance(shown, RankLost):
                time.sleep(_LAUNCHER_S)
        except Stopped as stop:
            print(f"medl: {stop}", file=sys.stderr, flush=True)
            return stop.exit_code
        if words.debug:
            traceback.print_exc()
        if shown is not error or not words.debug:  # else the traceback ends with it
            print(masked(f"medl: {shown}"), file=sys.stderr, flush=True)
        return shown.exit_code
    return 0


def _train(words: argparse.Namespace, started: float) -> None:
    from medl.automl.space import search_problems
    from medl.conf.catalogue import Catalogue
    from medl.conf.check import check_training
    from medl.conf.component import user_folders
    from medl.conf.load import parse_settings, read_object
    from medl.conf.ranks import rank_problems
    from medl.conf.user_imports import user_imports
    from medl.mmar.archive import MMAR
    from medl.train.log_config import read_log_config

    place = launched()
    choose_host_gpus()
    mmar = MMAR(os.path.join(os.getcwd(), words.mmar)).require()  # absolute, but otherwise as it was given
    config = read_object(mmar.root / words.train_config, words.train_config)
    given_env = words.env != parser().get_default("env")
    has_env = given_env or (mmar.root / words.env).exists()
    environment = read_object(mmar.root / words.env, words.env) if has_env else {}
    log_config = mmar.root / words.log_config if words.log_config else mmar.log_config
    if has_log_config := bool(words.log_config) or log_config.exists():
        read_log_config(log_config)  # what is wrong with it is said before anything heavy is imported
    settings = parse_settings(words.set)
    checked = check_training(
        mmar.root,
        config,
        environment,
        settings,
        words.train_config,
        Catalogue.load(),
        environment_file=words.env,
        search_problems=search_problems,
        own_values=True,
    )
    for line in [*checked.notes, *(f"warning: {warning}" for warning in checked.warnings)] if place.rank == 0 else ():
        print(f"medl: {line}", flush=True)
    problems = list(checked.problems)
    if checked.resolved is not None:
        problems += rank_problems(checked.config, place.size, mmar.root, words.train_config)
    if problems or checked.resolved is None:
        raise ConfigError(problems)

    from medl.train.quiet import quiet_imports
    from medl.train.recording import MadeOf, Recording
    from medl.train.waiting_threads import let_waiting_threads_sleep

    recording = None
    if place.rank == 0:
        made_of = MadeOf(config, checked.config, environment, settings)
        recording = Recording(mmar, made_of, {"launcher": place.launcher, "ranks": place.size})
    quiet_imports()
    let_waiting_threads_sleep(os.environ)
    before = time.monotonic()
    from medl.train.log_config import start_logging
    from medl.train.workflow import train

    import_s = time.monotonic() - before
    start_logging(log_config if has_log_config else None)
    if place.rank > 0:
        logging.disable(logging.INFO)  # rank 0 says the same
    # user code may import inside its methods
    with user_imports(user_folders(mmar.custom), say=_say if place.rank == 0 else None):
        train(
            mmar,
            checked.config,
            checked.resolved.variables,
            file=words.train_config,
            write_train_stats=words.write_train_stats,
            import_s=import_s,
            started=started,
            resume=words.resume,
            recording=recording,
        )


def _say(line: str) -> None:
    print(f"medl: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
