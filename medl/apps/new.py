"""``medl new``: a new archive from the template, or from a MONAI Bundle."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from medl.errors import MedlError


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    options = argparse.ArgumentParser(
        prog="medl new",
        description="Make a new model archive from the template, or from a MONAI Bundle.",
        allow_abbrev=False,
    )
    options.add_argument("path", metavar="PATH", help="the new folder; must not exist, or be empty")
    options.add_argument("--from-bundle", metavar="DIR", help="a MONAI Bundle: its network, weights and transforms")
    options.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Make the archive, and return the exit code: 0, or 2 where something is in the way."""
    given = parser().parse_args(argv)
    try:
        notes = new(Path(given.path), Path(given.from_bundle) if given.from_bundle else None)
    except (MedlError, OSError) as error:
        if given.debug:
            raise
        print(f"medl: {error}", file=sys.stderr, flush=True)
        return 2
    root = given.path
    print(f"made {root}")
    for note in notes:
        print(f"  {note}")
    print(f"  medl check {root}        look at its config and its data")
    print(f"  {root}/commands/train.sh        train it")
    return 0


def new(path: Path, bundle: Path | None = None) -> list[str]:
    """Make an archive at ``path`` that says which version it was made for, and return what to know about it.

    Args:
        path: the new folder.
        bundle: the MONAI Bundle that it is made of; the template where there is none.

    Raises:
        ConfigError: the bundle is none, or something in it cannot be taken over.
        MedlError: a folder with content is in the way.
    """
    import medl
    from medl.conf.load import read_object
    from medl.mmar.archive import MMAR, create
    from medl.mmar.files import write_json

    notes: list[str] = []
    if bundle is None:
        mmar = create(path)
    else:
        from medl.mmar.bundle_import import archive_from_bundle

        notes, mmar = archive_from_bundle(bundle, path), MMAR(path)
    environment = {"MEDL_VERSION": medl.__version__, **read_object(mmar.environment)}
    if "CLARA_TRAIN_VERSION" in read_object(mmar.train_config):  # a bundle of a Clara archive keeps its defaults
        del environment["MEDL_VERSION"]
    write_json(mmar.environment, environment)
    return notes


if __name__ == "__main__":
    sys.exit(main())
