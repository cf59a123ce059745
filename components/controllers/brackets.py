"""The arithmetic of successive halving: how many trials get how many epochs, in which bracket. Whole numbers only.

A bracket begins with many trials of a small budget and gives the best of them ``nu`` times as much, again and again;
the next bracket begins with fewer trials of a larger budget.

Source: Li et al. 2018, "Hyperband: a novel bandit-based approach to hyperparameter optimization", algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

Kind = Literal["tao", "paper"]


@dataclass(frozen=True)
class Rung:
    """One step of a bracket.

    Attributes:
        trials: how many get here.
        budget: what each has had in all when this step is done: an epoch, or another fidelity.
    """

    trials: int
    budget: int | float


Bracket: TypeAlias = tuple[Rung, ...]


def last_bracket(R: int, nu: int) -> int:
    """Return s_max, the largest s with ``nu ** s <= R``.

    >>> last_bracket(81, 3), last_bracket(80, 3), last_bracket(243, 3)
    (4, 3, 5)
    """
    s = 0
    while nu ** (s + 1) <= R:
        s += 1
    return s


def resources(R: int, nu: int, kind: Kind) -> tuple[tuple[tuple[int, Fraction], ...], ...]:
    """Return per bracket, widest first, pairs of a number of trials and a resource of R at most.

    ========= ============================================ ================ ==================
    kind      first rung                                   its resource     brackets
    ========= ============================================ ================ ==================
    ``paper`` ``ceil((s_max + 1) / (s + 1) * nu ** s)``    ``R / nu ** s``  ``s_max`` to 0
    ``tao``   ``floor((s_max + 1) / (s + 1)) * nu ** s``   the same, floor  ``s_max`` to 1
    ========= ============================================ ================ ==================

    Rung i holds ``floor(n / nu ** i)`` trials of ``nu ** i`` times the first resource.

    >>> [bracket[0][0] for bracket in resources(81, 3, "paper")]
    [81, 34, 15, 8, 5]
    """
    s_max = last_bracket(R, nu)
    found = []
    for s in range(s_max, -1 if kind == "paper" else 0, -1):
        if kind == "paper":
            n, r = -(-(s_max + 1) * nu**s // (s + 1)), Fraction(R, nu**s)
        else:
            n, r = (s_max + 1) // (s + 1) * nu**s, Fraction(R // nu**s)
        found.append(tuple((n // nu**i, r * nu**i) for i in range(s + 1)))
    return tuple(found)


def tao_multiplier(max_epoch: int, R: int, nu: int) -> tuple[int, int]:
    """Return TAO's epoch_multiplier and the R that it goes with, for a full training of ``max_epoch`` epochs.

    It is ``max_epoch ** (log nu / log R)`` without what follows the point; while it is under 3, R is lowered by 1.

    Raises:
        ValueError: there is none, because the training has fewer than 3 epochs.

    >>> tao_multiplier(80, 27, 3), tao_multiplier(100, 27, 3), tao_multiplier(20, 27, 3)
    ((4, 27), (4, 27), (3, 20))
    """
    while nu <= R:
        # a hair more than the logarithms give, so that what is a whole number stays one
        multiplier = int(max_epoch ** (math.log(nu) / math.log(R)) + 1e-9)
        if multiplier >= 3:
            return multiplier, R
        R -= 1
    raise ValueError(f'epoch_multiplier "tao" needs trainings of at least 3 epochs, but epochs is {max_epoch}')


def multiplied(R: int, nu: int, kind: Kind, multiplier: int | float) -> tuple[Bracket, ...]:
    """Return the brackets in epochs, each resource times the multiplier, without what follows the point.

    Raises:
        ValueError: the first rung is below one epoch.
    """
    factor = Fraction(multiplier)
    found = tuple(tuple(Rung(n, int(r * factor)) for n, r in bracket) for bracket in resources(R, nu, kind))
    if any(rung.budget < 1 for bracket in found for rung in bracket):
        raise ValueError(
            f"epoch_multiplier {multiplier} with R {R} and nu {nu} makes the first rung shorter than one epoch: "
            f"{resources(R, nu, kind)[0][0][1] * factor} of one. Take a larger epoch_multiplier."
        )
    return found


def fitted(R: int, nu: int, kind: Kind, epochs: int) -> tuple[Bracket, ...]:
    """Return the brackets in epochs whose top rungs are ``epochs``; below it, ``epochs / nu ** k`` to the nearest.

    Raises:
        ValueError: the first rung is below one epoch.
    """
    s_max = last_bracket(R, nu)
    if epochs < nu**s_max:
        raise ValueError(
            f"R {R} with nu {nu} divides {epochs} epoch{'s' * (epochs != 1)} by {nu**s_max}, so the first rung is "
            "shorter than one epoch. "
            f"Take {f'R {epochs} or less, or ' if epochs >= nu else ''}at least {nu**s_max} epochs."
        )
    return tuple(
        tuple(Rung(n, budget) for (n, _), budget in zip(bracket, ladder(nu, len(bracket), epochs), strict=True))
        for bracket in resources(R, nu, kind)
    )


def shared(R: int, nu: int, kind: Kind, low: float, high: float) -> tuple[Bracket, ...]:
    """Return the brackets in another fidelity than epochs, from ``high / nu ** s_max`` to ``high``.

    R is lowered until the first rung is not below ``low``.

    Raises:
        ValueError: there are no two rungs between ``low`` and ``high``.
    """
    if high < low * nu:
        raise ValueError(
            f"fidelity goes from {low:g} to {high:g}, which is less than nu {nu} times as much: there is nothing "
            "to promote to. Lower its min, or nu."
        )
    s_max = last_bracket(R, nu)
    while high / nu**s_max < low * (1 - 1e-9):
        s_max -= 1
    return tuple(
        tuple(Rung(n, high / nu ** (len(bracket) - 1 - i)) for i, (n, _) in enumerate(bracket))
        for bracket in resources(min(R, nu ** (s_max + 1) - 1), nu, kind)
    )


def ladder(nu: int, rungs: int, epochs: int) -> tuple[int, ...]:
    """Return ``rungs`` budgets up to ``epochs``, each the nearest whole number to ``nu`` times the one before.

    >>> ladder(3, 4, 27), ladder(3, 4, 50)
    ((1, 3, 9, 27), (2, 6, 17, 50))
    """
    return tuple((2 * epochs + nu**k) // (2 * nu**k) for k in range(rungs - 1, -1, -1))


def rungs_between(low: float, high: float, nu: int) -> int:
    """Return how many budgets ``high``, ``high / nu``, … are not below ``low``.

    >>> rungs_between(1, 27, 3), rungs_between(1, 26, 3), rungs_between(2, 27, 3)
    (4, 3, 3)
    """
    count = 1
    while high / nu**count >= low * (1 - 1e-9):
        count += 1
    return count


def total_epochs(brackets: Sequence[Bracket]) -> int | float:
    """Return what all brackets train, where a promoted trial goes on and trains no epoch again."""
    return sum(_trained(bracket) for bracket in brackets)


def _trained(bracket: Bracket) -> int | float:
    before = (Rung(0, 0), *bracket)
    return sum(rung.trials * (rung.budget - last.budget) for last, rung in zip(before, bracket, strict=False))


def table(brackets: Sequence[Bracket]) -> Iterator[str]:
    """Yield a line per bracket for people: ``27 trials to epoch 1, 9 to 3, 3 to 9, 1 to 27``."""
    for bracket in brackets:
        first = bracket[0]
        more = "".join(f", {rung.trials} to {rung.budget:g}" for rung in bracket[1:])
        yield f"{first.trials} trials to {first.budget:g}{more}"
