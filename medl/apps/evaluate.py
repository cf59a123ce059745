"""``python -m medl.apps.evaluate``: validate a trained network, or infer with it, as an archive's config says.

Exit codes: 0 done; 1 the evaluation failed; 2 the config or the data break a rule, or files would be overwritten; 130
or 143 stopped by a signal.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Sequence

from medl.errors import ConfigError, RunError
from medl.masked import masked
from medl.train.failure import failure
from medl.train.launched import choose_host_gpus, launched
from medl.train.stopping import Stopped, raise_when_asked


def parser() -> argparse.ArgumentParser:
    """Return the command line, with Clara's names."""
    options = argparse.ArgumentParser(
        prog="python -m medl.apps.evaluate", description="Validate or infer with what an archive's config describes."
    )
    options.add_argument("-m", "--mmar", required=True, metavar="ROOT", help="the archive's folder")
    options.add_argument(
        "-c",
        "--config",
        "--train_config",
        dest="config",
        default="config/config_validation.json",
        metavar="FILE",
        help="relative to ROOT (%(default)s)",
    )
    options.add_argument(
        "-e", "--env", default="config/environment.json", metavar="FILE", help="relative to ROOT (%(default)s)"
    )
    options.add_argument(
        "-l", "--log_config", metavar="FILE", help="relative to ROOT (resources/log.config where there is one)"
    )
    options.add_argument("--overwrite", action="store_true", help="write over result files of the same names")
    options.add_argument("--debug", action="store_true", help="show the traceback of an error")
    options.add_argument(
        "--set", nargs="*", action="extend", default=[], metavar="NAME=VALUE", help="values in place of the config's"
    )
    options.add_argument("--local_rank", "--local-rank", type=int, help=argparse.SUPPRESS)  # older launchers pass it
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate, and return the exit code."""
    words = parser().parse_args(argv)
    raise_when_asked()
    try:
        _evaluate(words)
    except Stopped as stop:
        print(f"medl: {stop}", file=sys.stderr, flush=True)
        return stop.exit_code
    except Exception as error:
        shown = failure(error)
        if words.debug:
            traceback.print_exc()
        if shown is not error or not words.debug:  # else the traceback ends with it
            print(masked(f"medl: {shown}"), file=sys.stderr, flush=True)
        return shown.exit_code
    return 0


def _evaluate(words: argparse.Namespace) -> None:
    from medl.conf.catalogue import Catalogue
    from medl.conf.check_evaluation import check_evaluation
    from medl.conf.component import user_folders
    from medl.conf.evaluation_layout import flat_problem
    from medl.conf.load import parse_settings, read_object
    from medl.conf.overwritten import overwritten
    from medl.conf.ranks import rank_problems
    from medl.conf.user_imports import user_imports
    from medl.mmar.archive import MMAR
    from medl.train.log_config import read_log_config

    place = launched()
    choose_host_gpus()
    mmar = MMAR(os.path.join(os.getcwd(), words.mmar)).require()  # absolute, but otherwise as it was given
    config = read_object(mmar.root / words.config, words.config)
    given_env = words.env != parser().get_default("env")
    has_env = given_env or (mmar.root / words.env).exists()
    environment = read_object(mmar.root / words.env, words.env) if has_env else {}
    log_config = mmar.root / words.log_config if words.log_config else mmar.log_config
    if has_log_config := bool(words.log_config) or log_config.exists():
        read_log_config(log_config)  # what is wrong with it is said before anything heavy is imported
    settings = parse_settings(words.set)
    checked = check_evaluation(
        mmar.root, config, environment, settings, words.config, Catalogue.load(), environment_file=words.env
    )
    for line in [*checked.notes, *(f"warning: {warning}" for warning in checked.warnings)] if place.rank == 0 else ():
        print(f"medl: {line}", flush=True)
    problems = list(checked.problems)
    if not problems:
        more = rank_problems(checked.config, place.size, mmar.root, words.config)
        problems += [flat_problem(problem) for problem in more]
    if problems or checked.resolved is None:
        raise ConfigError(problems)
    there = overwritten(checked.config, mmar.root)
    if there and not words.overwrite:
        more_than_one = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise RunError(
            f"{there[0]}{more_than_one} would be written over. Give another folder with "
            "--set MMAR_EVAL_OUTPUT_PATH=eval/NAME, or write over these files with --overwrite."
        )

    from medl.train.quiet import quiet_imports
    from medl.train.waiting_threads import let_waiting_threads_sleep

    quiet_imports()
    let_waiting_threads_sleep(os.environ)
    from medl.train.evaluation import evaluate
    from medl.train.log_config import start_logging

    start_logging(log_config if has_log_config else None)
    if place.rank > 0:
        logging.disable(logging.INFO)  # rank 0 says the same
    # user code may import inside its methods
    with user_imports(user_folders(mmar.custom), say=_say if place.rank == 0 else None):
        evaluate(mmar, checked.config, checked.resolved.variables, file=words.config)


def _say(line: str) -> None:
    print(f"medl: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
