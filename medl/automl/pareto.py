"""The best trade-offs of several objectives, and how much they dominate. Larger is better in every objective."""

from __future__ import annotations

from collections.abc import Sequence

Point = Sequence[float]


def dominates(one: Point, other: Point) -> bool:
    """Return whether ``one`` is nowhere worse than ``other`` and somewhere better."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and any(a > b for a, b in zip(one, other, strict=True))


def front(points: Sequence[Point]) -> list[int]:
    """Return the positions of the points that no other one dominates, in their order; of equal points the first."""
    kept: list[int] = []
    # in descending order a point can be dominated by an earlier one only
    for position in sorted(range(len(points)), key=lambda i: (tuple(-value for value in points[i]), i)):
        if not any(all(a >= b for a, b in zip(points[k], points[position], strict=True)) for k in kept):
            kept.append(position)
    return sorted(kept)


def worst(points: Sequence[Point]) -> tuple[float, ...]:
    """Return the worst value of each objective; empty without points."""
    return tuple(min(values) for values in zip(*points, strict=True))


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Return the exact volume that the points dominate above a reference point; points not above it count nothing.

    Its cost grows with the number of points on the front, to the power of the objectives less one: meant for two or
    three.

    Source: the slicing of While et al. 2006, "A Faster Algorithm for Calculating Hypervolume", section III.
    """
    above = [tuple(p) for p in points if all(value > bound for value, bound in zip(p, reference, strict=True))]
    return _volume([above[i] for i in front(above)], tuple(reference))


def _volume(points: list[tuple[float, ...]], reference: tuple[float, ...]) -> float:
    if not points:
        return 0.0
    if len(reference) == 1:
        return max(point[0] for point in points) - reference[0]
    total = 0.0
    ordered = sorted(points, reverse=True)  # slabs of the first objective, from the best down
    for number, point in enumerate(ordered):
        below = ordered[number + 1][0] if number + 1 < len(ordered) else reference[0]
        if point[0] > below:
            rest = [known[1:] for known in ordered[: number + 1]]
            total += (point[0] - below) * _volume([rest[i] for i in front(rest)], reference[1:])
    return total
