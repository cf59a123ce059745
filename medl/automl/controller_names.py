"""The several spellings of a controller and of its args, and the one that the code has.

``hyperband_es``, ``HyperbandEs`` and ``HyperbandEsController`` are the same controller; ``automl_R`` is ``R``, and
``max_recommendations`` is ``max_rounds``. Source of the other spellings: NVIDIA TAO's AutoML settings.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from medl.errors import near_names

ENDING = "Controller"
PREFIX = "automl_"
ROUNDS = ("max_rounds", "max_recommendations")
"""Two words for one arg: a class has one of them."""


def controller_name(name: str, known: Iterable[str]) -> str:
    """Return the class's name that a controller's name means; the name itself where it means none.

    >>> controller_name("hyperband_es", ["HyperbandController", "HyperbandEsController"])
    'HyperbandEsController'
    """
    by_key = {_key(full): full for full in known}
    return by_key.get(_key(name), name)


def short_name(name: str) -> str:
    """Return the short name of a controller, as files are named by it.

    >>> short_name("HyperbandEsController")
    'hyperband_es'
    """
    stem = name.removesuffix(ENDING)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", stem).lower()


def near_controllers(name: str, known: Collection[str]) -> tuple[str, ...]:
    """Return the controllers that may have been meant, by their full or their short names."""
    by_stem = {_key(full): full for full in known}
    found = [by_stem[stem] for stem in near_names(_key(name), by_stem)]
    return tuple(dict.fromkeys([*near_names(name, known), *found]))[:3]


def arg_name(name: str, accepted: Collection[str]) -> str:
    """Return the arg that a name means; the name itself where it is one already, or means none.

    >>> arg_name("automl_max_recommendations", ["max_rounds", "seed"])
    'max_rounds'
    """
    if name in accepted:
        return name
    bare = name.removeprefix(PREFIX)
    for candidate in (bare, *(ROUNDS if bare in ROUNDS else ())):
        if candidate in accepted:
            return candidate
    return name


def rounds_arg(accepted: Collection[str]) -> str | None:
    """Return the arg that bounds the recommendations; ``None`` where there is none."""
    return next((name for name in ROUNDS if name in accepted), None)


def renamed_args(
    args: Mapping[str, Any], accepted: Collection[str]
) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Return the args by the names that the class has, those names to the ones written, and what is there twice.

    What is there twice is returned as it is written; its first value is taken.
    """
    made: dict[str, Any] = {}
    written: dict[str, str] = {}
    twice: list[str] = []
    for name, value in args.items():
        meant = arg_name(name, accepted)
        if meant in made:
            twice.append(name)
            continue
        made[meant] = value
        written[meant] = name
    return made, written, twice


def _key(name: str) -> str:
    return name.removesuffix(ENDING).replace("_", "").replace("-", "").lower()
