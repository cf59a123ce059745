"""``medl check``: look at an archive's config and at every case of its data, or at a data list or image alone.

Exit codes: 0 a training may start; 2 something has to be mended first.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medl.errors import ConfigError, MedlError, Problem

if TYPE_CHECKING:
    from medl.conf.check import Checked
    from medl.data.survey import Part, Survey

_SAID_BY_CASES = re.compile(r"the file has to exist|\d+ more of \d+ files do not exist")
"""Problems of the config's check that the survey says with the case."""


SHOWN = 30
"""How many problems are printed before only their number is."""


@dataclass
class Findings:
    """What the check of a path found.

    Attributes:
        notes: what need not be mended.
        problems: what has to be mended, of the config and of several cases.
        survey: the cases; ``None`` where no data list could be found.
        purpose: what the data are for.
    """

    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    survey: Survey | None = None
    purpose: str = "training"


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    options = argparse.ArgumentParser(
        prog="medl check",
        description="Check an archive's config and every case of its data; or a data list, or an image, alone.",
        allow_abbrev=False,
    )
    options.add_argument("path", metavar="PATH", help="an archive, a data list (.json), an image or a DICOM folder")
    options.add_argument(
        "-c",
        "--train_config",
        default="config/config_train.json",
        metavar="FILE",
        help="of a training, a validation or an inference; relative to the archive (%(default)s)",
    )
    options.add_argument(
        "-e", "--env", default="config/environment.json", metavar="FILE", help="relative to the archive (%(default)s)"
    )
    options.add_argument("--data-root", metavar="DIR", help="the folder of a data list's relative paths (its own)")
    options.add_argument(
        "--tolerance", type=float, metavar="PART", help="how far image and label may lie apart, in voxels"
    )
    options.add_argument("--patient", metavar="REGEX", help="finds the patient in an image's path; first group, or all")
    options.add_argument(
        "--patients-csv", nargs=2, metavar=("FILE", "COLUMN"), help="a table with each image's patient"
    )
    options.add_argument("--allow-shared", action="store_true", help="one image or patient in two parts is no problem")
    options.add_argument("--rows", type=int, metavar="N", help="show at most N cases")
    options.add_argument("--json", action="store_true", help="print the cases as JSON")
    options.add_argument("--debug", action="store_true", help="show the traceback of an error")
    options.add_argument(
        "--set", nargs="*", action="extend", default=[], metavar="NAME=VALUE", help="values in place of the config's"
    )
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Check, print, and return the exit code."""
    given = parser().parse_args(argv)
    try:
        findings = check(given)
    except MedlError as error:
        if given.debug:
            raise
        print(f"medl: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    problems = findings.problems + (findings.survey.all_problems if findings.survey else [])
    if given.json:
        print(_json(findings, problems), flush=True)
    else:
        _print(findings, problems, given.rows)
    return 2 if problems else 0


def check(given: argparse.Namespace) -> Findings:
    """Return what is wrong with the path of a command line.

    Raises:
        ConfigError: there is nothing to look at.
    """
    path = Path(given.path)
    if (path / "config").is_dir():
        return _check_archive(path, given)
    if not path.exists():
        raise ConfigError(Problem("there is an archive, a data list or an image", str(path), value="nothing"))
    if path.is_file() and path.suffix == ".json":
        from medl.data.survey import list_names, read_part

        base = Path(given.data_root) if given.data_root else path.parent
        names = list_names(path, path.name)
        if not names:
            raise ConfigError(Problem("a data list has lists of items", str(path)))
        return _survey(Findings(), [read_part(path, name, base, path.name) for name in names], given)
    from medl.data.survey import Part

    part = Part("image", (("image", {"image": path.name}),), path.resolve().parent, path.name)
    return _survey(Findings(), [part], given)


def _check_archive(root: Path, given: argparse.Namespace) -> Findings:
    from medl.automl.space import search_problems
    from medl.conf.catalogue import Catalogue
    from medl.conf.check import check_training
    from medl.conf.check_evaluation import check_evaluation
    from medl.conf.load import parse_settings, read_object

    root = Path(os.path.abspath(root))
    config = read_object(root / given.train_config, given.train_config)
    given_env = given.env != parser().get_default("env")
    has_env = given_env or (root / given.env).exists()
    environment = read_object(root / given.env, given.env) if has_env else {}
    of = (root, config, environment, parse_settings(given.set), given.train_config, Catalogue.load())
    if is_flat := "evaluator" in config and "train" not in config:  # of a validation or an inference
        checked = check_evaluation(*of, environment_file=given.env)
    else:
        checked = check_training(*of, environment_file=given.env, search_problems=search_problems)
    findings = Findings(list(checked.notes) + list(checked.warnings), list(checked.problems))
    if is_flat:
        findings.purpose = "evaluation"
    parts = _parts(checked, root)
    if not parts:
        return findings
    findings.problems = [p for p in findings.problems if not _SAID_BY_CASES.fullmatch(p.rule)]
    return _survey(findings, parts, given, _classes(checked))


def _survey(
    findings: Findings, parts: Sequence[Part], given: argparse.Namespace, classes: int | None = None
) -> Findings:
    from medl.data.geometry import TOLERANCE
    from medl.data.patients import by_expression, by_table
    from medl.data.survey import survey

    images = [
        str(i[0] if isinstance(i, list) and i else i) for part in parts for i in (x.get("image") for _, x in part.items)
    ]
    patients = None
    if given.patient:
        patients = by_expression(images, given.patient)
    elif given.patients_csv:
        patients = by_table(images, Path(given.patients_csv[0]), given.patients_csv[1])
    tolerance = TOLERANCE if given.tolerance is None else given.tolerance
    findings.survey = survey(
        parts,
        tolerance=tolerance,
        patients=patients,
        classes=classes,
        allow_shared=given.allow_shared,
        progress=_progress(),
    )
    findings.notes += findings.survey.notes
    return findings


def _parts(checked: Checked, root: Path) -> list[Part]:
    """Return the lists that the config uses, and the other lists of the same files, such as the test."""
    from medl.conf.folds import base_key
    from medl.conf.sections import components, is_disabled
    from medl.data.survey import list_names, read_part

    parts: dict[tuple[Path, str], Part] = {}
    bases: dict[Path, tuple[Path, str]] = {}
    for place in components(checked.config):
        spec = place.spec
        listed, key, base = (spec.get(n) for n in ("data_list_file_path", "data_list_key", "data_file_base_dir"))
        if place.key != "dataset" or is_disabled(spec) or not isinstance(listed, str) or not isinstance(key, str):
            continue
        path = Path(os.path.join(root, listed))
        folder = Path(os.path.join(root, base)) if isinstance(base, str) and base else path.parent
        shown = str(path.relative_to(root)) if path.is_relative_to(root) else path.name
        try:
            parts.setdefault((path, key), read_part(path, key, folder, shown))
        except ConfigError:
            continue  # said by the config's check
        bases.setdefault(path, (folder, shown))
    used = {(path, base_key(key)) for path, key in parts}
    for path, (folder, shown) in bases.items():
        for name in list_names(path, shown):
            if (path, name) not in used:
                parts[path, name] = read_part(path, name, folder, shown)
    return list(parts.values())


def _classes(checked: Checked) -> int | None:
    """Return the number of channels that the network gives, where the config says it."""
    from medl.conf.sections import args_of, components, is_disabled

    for place in components(checked.config):
        if (place.section, place.key) == ("train", "model") and not is_disabled(place.spec):
            args = args_of(place.spec)[1]
            count = args.get("out_channels") if isinstance(args, dict) else None
            return count if isinstance(count, int) and not isinstance(count, bool) else None
    return None


def _progress() -> Any:
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        print(f"\rlooking at case {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return show


def _print(findings: Findings, problems: Sequence[Problem], rows: int | None) -> None:
    from medl.data.table import ROWS, text

    if findings.survey is not None:
        width = max(100, min(200, _columns()))
        print(text(findings.survey, width, ROWS if rows is None else rows))
    for note in findings.notes:
        print(f"note: {note}")
    for problem in problems[:SHOWN]:
        print(problem)
    if len(problems) > SHOWN:
        print(f"… {len(problems) - SHOWN} more problems; --json prints all")
    count = len(problems)
    verdict = (
        f"{count} problem{'s' * (count > 1)}: mend before {findings.purpose}."
        if count
        else f"No problems: {findings.purpose} may start."
    )
    print(verdict, flush=True)


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size((160, 40)).columns


def _json(findings: Findings, problems: Sequence[Problem]) -> str:
    from medl.data.table import as_json

    value = {
        "cases": as_json(findings.survey) if findings.survey else [],
        "notes": findings.notes,
        "problems": [str(problem) for problem in problems],
        "may_train": not problems,
    }
    return json.dumps(value, indent=2, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
