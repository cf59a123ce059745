"""Whether a training can be shared among several processes (ranks), told from its config alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medl.conf.data_list import read_data_list
from medl.conf.sections import SECTIONS, args_of, components, is_disabled
from medl.errors import ConfigError, Problem

PER_RANK = "batch_size_per_rank"
"""The first-level switch that makes ``batch_size`` the batch of each rank, as in Clara."""


def rank_problems(config: Mapping[str, Any], ranks: int, root: Path, file: str) -> list[Problem]:
    """Return why ``ranks`` processes cannot train this together: the batch, or the number of cases.

    What only the objects show (a dataset of the user's own, say) is found when they are built.

    Args:
        config: the checked config in its normal form.
        ranks: how many processes train one model.
        root: the archive's folder, absolute.
        file: the config's name.
    """
    if ranks <= 1:
        return []
    problems: list[Problem] = []
    for place in components(config):
        if is_disabled(place.spec) or place.section not in SECTIONS:
            continue
        where, args = args_of(place.spec)
        if (place.section, place.key) == ("train", "dataloader") and isinstance(args, dict):
            size = args.get("batch_size", 1)
            if not per_rank(config) and type(size) is int and size % ranks:
                problems.append(uneven(size, ranks, file=file, path=f"{place.path}.{where}.batch_size"))
        key, listed = place.spec.get("data_list_key"), place.spec.get("data_list_file_path")
        if place.key == "dataset" and isinstance(key, str) and isinstance(listed, str):
            try:
                count = len(read_data_list(root / listed, key, root))
            except ConfigError:  # said by the check of the config
                continue
            if count < ranks:
                problems.append(too_few(count, ranks, file=file, path=place.path))
    return problems


def per_rank(config: Mapping[str, Any]) -> bool:
    """Return whether ``batch_size`` is the batch of each rank."""
    return config.get(PER_RANK) in (True, 1)


def too_few(count: int, ranks: int, *, file: str, path: str) -> Problem:
    """Return what is said where there are more ranks than items."""
    return Problem(
        rule="each rank needs at least one item of the data list",
        file=file,
        path=path,
        value=f"{count} item{'s' * (count != 1)}, {ranks} ranks",
        remedy=f"Give a worker at most {count} id{'s' * (count != 1)}, or add data." if count else "Add data.",
    )


def uneven(batch_size: int, ranks: int, *, file: str, path: str) -> Problem:
    """Return what is said where a batch cannot be shared out evenly."""
    more = (batch_size // ranks + 1) * ranks
    return Problem(
        rule="batch_size is the batch of all ranks together, so it divides by their number",
        file=file,
        path=path,
        value=f"{batch_size}, {ranks} ranks",
        remedy=f'Write {more}, change the number of ids, or set "{PER_RANK}": true for that batch on each rank.',
    )
