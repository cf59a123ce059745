"""Ready search spaces: one of each kind that a controller must cope with."""

from __future__ import annotations

from typing import Any

from medl.automl.defs import Domain, FloatRange, ParameterRange, SearchSpace


def float_range(name: str, low: float, high: float, domain: Domain = "transform") -> ParameterRange:
    """Return a float range of one arg, named as a first-level search is."""
    return ParameterRange(f"{domain}.float.$0:{name}", domain, "float", (name,), (FloatRange(low, high),))


def enum_range(names: str, *choices: Any, domain: Domain = "net") -> ParameterRange:
    """Return an enum; ``names`` are its args with commas between, a choice is a tuple where there are several.

    >>> enum_range("act,norm", ("relu", "batch"), ("prelu", "instance")).size
    2
    """
    args = tuple(names.split(","))
    targets = tuple(choice if len(args) > 1 else (choice,) for choice in choices)
    return ParameterRange(f"{domain}.enum.train.model$0:{names}", domain, "enum", args, targets)


FLOAT_ONLY = SearchSpace(
    (float_range("learning_rate", 1e-4, 1e-2, "lr"), float_range("prob", 0.0, 1.0), float_range("shift", -3.0, -1.0))
)
ENUM_ONLY = SearchSpace(
    (
        enum_range("act,norm", ("relu", "batch"), ("prelu", "instance"), ("elu", "group")),
        enum_range("channels", [8, 16], [16, 32], [4, 8, 16]),
        enum_range("@disabled", True, False, domain="transform"),
    )
)
MIXED = SearchSpace(
    (
        float_range("learning_rate", 1e-4, 1e-2, "lr"),
        enum_range("act", "relu", "prelu"),
        float_range("prob", 0.0, 1.0),
        enum_range("dropout", 0.0, 0.2, 0.4),
    )
)
SINGLE_POINT = SearchSpace((float_range("prob", 0.5, 0.5), enum_range("act", "relu")))
MANY = SearchSpace(
    tuple(float_range(f"f{number}", -(10.0**number), 10.0**number) for number in range(12))
    + tuple(enum_range(f"e{number}", *range(2 + number)) for number in range(12))
)

SPACES: dict[str, SearchSpace] = {
    "float_only": FLOAT_ONLY,
    "enum_only": ENUM_ONLY,
    "mixed": MIXED,
    "single_point": SINGLE_POINT,
    "many": MANY,
}
"""All of them, by name; enum_only has 18 points, single_point one, the others no end."""
