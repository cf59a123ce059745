"""``medl data``: make a data list from folders, classes, DICOM, lists, MedMNIST or the Decathlon; split it, fold it.

Exit codes: 0 written; 1 something could not be fetched; 2 the data or the arguments break a rule.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medl.errors import ConfigError, MedlError, Problem

Made = tuple[Path, Path]
"""A data list, and the folder that its paths start from."""
EXAMPLE = """examples:
  medl data folders data/images data/labels --validation 0.2 --test 0.1 --patient '(p[0-9]+)_'
  medl data classes data/xrays --folds 5
  medl data dicom export/ --to data/ --series 1.2.840.113 1.2.840.114
  medl data list old.json --folds 5 -o folds.json
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    options = argparse.ArgumentParser(
        prog="medl data",
        description="Make a data list.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    options.add_argument("-m", "--mmar", metavar="ROOT", help="an archive: how it is told of the data list is printed")
    commands = options.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str, *, splits: bool = True) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        made.add_argument("-o", "--out", metavar="FILE", help="the data list (dataset.json in the data's folder)")
        made.add_argument("--debug", action="store_true", help="show the traceback of an error")
        if splits:
            made.add_argument(
                "--validation", type=float, metavar="SHARE", help="share of the validation (0.2; with folds 0)"
            )
            made.add_argument(
                "--test", type=float, default=0.0, metavar="SHARE", help="share of the test (%(default)s)"
            )
            made.add_argument(
                "--folds", type=int, default=0, metavar="K", help="give each training item a fold, 0 to K-1"
            )
            made.add_argument("--seed", type=int, default=0, help="decides the split (%(default)s)")
            made.add_argument(
                "--patient", metavar="REGEX", help="finds the patient in an image's path; first group, or all"
            )
            made.add_argument(
                "--patients-csv", nargs=2, metavar=("FILE", "COLUMN"), help="a table with each image's patient"
            )
        return made

    folders = command("folders", "from a folder of images and one of labels, paired by name")
    folders.add_argument("images", type=Path)
    folders.add_argument("labels", type=Path, nargs="?", help="left out: images without labels")
    folders.add_argument("--base", type=Path, metavar="DIR", help="the data's folder (the nearest above both)")
    classes = command("classes", "from a folder with one sub-folder of images for each class")
    classes.add_argument("folder", type=Path)
    listed = command(
        "list", "from a data list (.json), a table with columns image and label (.csv), or a text of paths"
    )
    listed.add_argument("file", type=Path)
    listed.add_argument(
        "--key",
        nargs="+",
        default=["training"],
        metavar="LIST",
        help="lists of a .json that are parted anew (training)",
    )
    listed.add_argument("--base", type=Path, metavar="DIR", help="the folder of its relative paths (its own)")
    dicom = command("dicom", "from a tree of DICOM series and segmentations, made into NIfTI")
    dicom.add_argument("tree", type=Path)
    dicom.add_argument("--to", type=Path, required=True, metavar="DIR", help="the folder of the NIfTI files")
    dicom.add_argument("--series", nargs="+", default=[], metavar="UID", help="only these image series")
    dicom.add_argument("--all-series", action="store_true", help="every image series, also several of one folder")
    dicom.add_argument("--skip-broken", action="store_true", help="leave out, and say, what cannot be read")
    medmnist = command("medmnist", "from a MedMNIST .npz, made into pictures; its parts stay", splits=False)
    medmnist.add_argument("file", type=Path)
    medmnist.add_argument("--to", type=Path, required=True, metavar="DIR", help="the folder of the pictures")
    decathlon = command("decathlon", "fetch a task of the Medical Segmentation Decathlon (needs a network)")
    decathlon.add_argument("task", metavar="TASK", help="such as Task09_Spleen")
    decathlon.add_argument("--to", type=Path, default=Path(), metavar="DIR", help="the parent folder (here)")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Make the data list, and return the exit code."""
    given = parser().parse_args(argv)
    try:
        out, base = _COMMANDS[given.command](given)
        if given.mmar:
            _say_settings(Path(given.mmar), out, base)
    except MedlError as error:
        if given.debug:
            raise
        print(f"medl: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


def _folders(given: argparse.Namespace) -> Made:
    from medl.data.pairing import pair

    folders = [Path(os.path.abspath(folder)) for folder in (given.images, given.labels) if folder is not None]
    base = given.base or Path(os.path.commonpath([folder.parent for folder in folders]))
    return _write(given, pair(given.images, given.labels), base, {}, given.out or base / "dataset.json")


def _classes(given: argparse.Namespace) -> Made:
    from medl.data.pairing import classes

    items, names = classes(given.folder)
    return _write(given, items, given.folder, names, given.out or given.folder / "dataset.json")


def _list(given: argparse.Namespace) -> Made:
    from medl.data.pairing import paths_in
    from medl.data.patients import read_table

    base = given.base or given.file.parent
    names: Mapping[str, str] = {}
    kept: dict[str, list[Any]] = {}
    if given.file.suffix == ".json":
        from medl.conf.data_list import read_data_list
        from medl.conf.load import read_object
        from medl.data.survey import list_names

        for key in given.key:
            read_data_list(given.file, key, base)  # raises what is wrong with it
        content = read_object(given.file)
        items = [{"image": i} if isinstance(i, str) else dict(i) for key in given.key for i in content[key]]
        items = [{k: v for k, v in item.items() if k != "fold"} for item in items]
        names = content["labels"] if isinstance(content.get("labels"), dict) else {}
        kept = {key: content[key] for key in list_names(given.file, given.file.name) if key not in given.key}
        for key in _made(given) & set(kept):
            remedy = f"Part it too, with --key {' '.join([*given.key, key])}; or keep it, with --{key} 0."
            raise ConfigError(Problem(f'the file has a list "{key}" already', str(given.file), remedy=remedy))
    elif given.file.suffix == ".csv":
        rows = read_table(given.file)
        if "image" not in rows[0]:
            raise ConfigError(Problem('the table has a column "image"', str(given.file), value=list(rows[0])))
        items = [{k: _number(v) for k, v in row.items() if k in ("image", "label") and v} for row in rows]
    else:
        items = [{"image": line} for line in paths_in(given.file)]
    if not given.out:
        raise ConfigError(Problem("say where the new data list goes", "-o", remedy="Add -o FILE."))
    return _write(given, items, base, names, given.out, kept)


def _dicom(given: argparse.Namespace) -> Made:
    from medl.data.dicom_tree import choose, convert, find_tree

    found = find_tree(given.tree)
    uids = [s.uid for s in found if not s.segmentation] if given.all_series else given.series
    chosen = choose(found, uids, given.tree)
    out = Path(given.out) if given.out else given.to / "dataset.json"
    _free(out)
    places = [str(index) for index in range(len(chosen))]
    known = {place: series.patient for place, series in zip(places, chosen, strict=True) if series.patient}
    _parted(given, [{"image": place} for place in places], [frozenset()] * len(chosen), known)  # before the long work
    done, names = convert(found, chosen, given.to, skip_broken=given.skip_broken)
    items: list[dict[str, Any]] = [
        {"image": one.image, **({"label": one.label} if one.label is not None else {})} for one in done
    ]
    tokens = {os.path.relpath(one.image, given.to): one.patient for one in done if one.patient}
    return _write(given, items, given.to, names, out, patients=tokens)


def _medmnist(given: argparse.Namespace) -> Made:
    from medl.data.medmnist import write_pictures
    from medl.data.write_list import relative, write_list

    out = Path(given.out) if given.out else given.to / "dataset.json"
    _free(out)
    lists = {part: relative(items, given.to) for part, items in write_pictures(given.file, given.to).items()}
    write_list(out, lists, labels={}, description=f"From {given.file.name}, in the parts that it came in.")
    _say(out, lists)
    return out, given.to


def _decathlon(given: argparse.Namespace) -> Made:
    from medl.data.decathlon import fetch

    folder = fetch(given.task, given.to)
    given.file, given.key, given.base = folder / "dataset.json", ["training"], folder
    given.out = given.out or folder / "medl_dataset.json"
    return _list(given)


_COMMANDS = {
    "folders": _folders,
    "classes": _classes,
    "list": _list,
    "dicom": _dicom,
    "medmnist": _medmnist,
    "decathlon": _decathlon,
}


def _write(
    given: argparse.Namespace,
    items: Sequence[Mapping[str, Any]],
    base: Path,
    names: Mapping[str, str],
    out: str | Path,
    kept: Mapping[str, list[Any]] | None = None,
    patients: Mapping[str, str] | None = None,
) -> Made:
    """Part the items, write the data list, and return where.

    Args:
        given: the command line.
        items: the items; files as ``Path``, or as texts relative to ``base``.
        base: the data's folder.
        names: label names by number.
        out: the data list.
        kept: lists that stay as they are.
        patients: image path to patient, where the files say it; the command line wins.
    """
    from medl.data.patients import by_expression, by_table
    from medl.data.write_list import present_labels, relative, write_list

    _free(Path(out))
    items = relative(items, base)
    images = [str(i[0] if isinstance(i, list) else i) for i in (item["image"] for item in items)]
    if given.patient and given.patients_csv:
        raise ConfigError(Problem("patients are found in one way", "--patient", remedy="Leave out --patients-csv."))
    if given.patient:
        patients = by_expression(images, given.patient)
    elif given.patients_csv:
        patients = by_table(images, Path(given.patients_csv[0]), given.patients_csv[1])
    elif not patients:
        said = {image: str(item["patient"]) for image, item in zip(images, items, strict=True) if item.get("patient")}
        patients = said
    labels = present_labels(items, base)
    parts = _parted(given, items, labels, patients)
    lists = {**{k: list(v) for k, v in (kept or {}).items()}, **parts}
    validation = 0.2 if given.validation is None else given.validation
    how = f"{given.folds} folds" if given.folds else f"validation {validation:g}"
    grouped = "by patient" if patients else "each image by itself"
    description = f"Made by medl data {given.command}: {how}, test {given.test:g}, seed {given.seed}, {grouped}."
    write_list(Path(out), lists, labels=names, description=description)
    if not patients:
        print(
            "note: no patients known: each image counts as one. Give --patient or --patients-csv where that is not so."
        )
    _say(Path(out), lists)
    if Path(os.path.abspath(out)).parent != Path(os.path.abspath(base)):
        print(f"its paths start from {base}: that is DATA_ROOT", flush=True)
    return Path(out), Path(base)


def _parted(
    given: argparse.Namespace,
    items: Sequence[Mapping[str, Any]],
    labels: Sequence[frozenset[Any]],
    patients: Mapping[str, str],
) -> dict[str, list[dict[str, Any]]]:
    from medl.data.write_list import parted

    if given.folds and given.validation:
        raise ConfigError(Problem("folds take the place of a validation list", "--validation", remedy="Leave one out."))
    validation = 0.2 if given.validation is None else given.validation
    return parted(items, labels, patients, validation=validation, test=given.test, count=given.folds, seed=given.seed)


def _say(out: Path, lists: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    for part, items in lists.items():
        found = {item.get("patient") for item in items if isinstance(item, dict)} - {None}
        folds = sorted({item["fold"] for item in items if isinstance(item, dict) and "fold" in item})
        counts = [sum(item.get("fold") == fold for item in items) for fold in folds]
        more = f", {len(found)} patients" if found else ""
        more += f", folds of {', '.join(map(str, counts))}" if folds else ""
        print(f"{part}: {len(items)} cases{more}")
    print(f"wrote {out}", flush=True)


def _say_settings(root: Path, out: Path, base: Path) -> None:
    """Print what an archive's environment.json has for a data list: places inside it relative to it."""
    root = Path(os.path.abspath(root))
    for name, place in (("DATA_ROOT", base), ("DATASET_JSON", out)):
        place = Path(os.path.abspath(place))
        shown = place.relative_to(root) if place.is_relative_to(root) else place
        print(f'{root.name}/config/environment.json:  "{name}": "{shown}"', flush=True)


def _free(out: Path) -> None:
    if out.exists():
        raise ConfigError(Problem("no file is overwritten", str(out), remedy="Choose another with -o FILE."))


def _made(given: argparse.Namespace) -> set[str]:
    """Return the names of the lists that are made."""
    validation = not given.folds and (given.validation is None or given.validation > 0)
    return {"training", *(["validation"] if validation else []), *(["test"] if given.test else [])}


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return text


if __name__ == "__main__":
    sys.exit(main())
