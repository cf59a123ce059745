"""Ready search spaces: one of each kind that a controller must cope with."""

from __future__ import annotations

from typing import Any

from medl.automl.defs import Condition, Domain, FloatRange, IntRange, ParameterRange, SearchSpace


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

CONDITIONAL = SearchSpace(
    (
        ParameterRange(
            "transform.float.$1:momentum",
            *("transform", "float", ("momentum",), (FloatRange(0.5, 0.99),)),
            when=(Condition("lr.enum.$0:optimizer", (1, 2)),),
        ),
        ParameterRange(
            "lr.enum.$0:optimizer",
            *("lr", "enum", ("optimizer",), (("Adam",), ("SGD",), ("RMSprop",))),
            weights=(0.5, 0.25, 0.25),
        ),
        ParameterRange("lr.float.$0:learning_rate", "lr", "float", ("learning_rate",), (FloatRange(1e-5, 0.1),), "log"),
        ParameterRange("net.int.$2:depth", "net", "int", ("depth",), (IntRange(2, 11, 3),)),
        ParameterRange("net.int.$3:width", "net", "int", ("width",), (IntRange(4, 256),), "log"),
        ParameterRange(
            "net.enum.$4:norm",
            *("net", "enum", ("norm",), (("batch",), ("instance",))),
            when=(Condition("net.int.$2:depth", (8, 11)), Condition("lr.enum.$0:optimizer", (1,))),
        ),
    )
)
"""Whole numbers, logarithmic scales, weights, and parameters that only count where others have some values."""
DISCRETE = SearchSpace(tuple(p for p in CONDITIONAL.parameters if p.kind != "float" and p.scale == "linear"))
"""Those of them that have few values: 16 different points."""

SPACES: dict[str, SearchSpace] = {
    "float_only": FLOAT_ONLY,
    "enum_only": ENUM_ONLY,
    "mixed": MIXED,
    "single_point": SINGLE_POINT,
    "many": MANY,
    "conditional": CONDITIONAL,
    "discrete": DISCRETE,
}
"""All of them, by name; enum_only has 18 points, discrete 14, single_point one, the others no end."""
