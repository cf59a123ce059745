"""Whether two grids of voxels are the same one, within a tolerance that is a part of a voxel."""

from __future__ import annotations

import itertools

from medl.data.volume import Volume

TOLERANCE = 0.1
"""How far the same voxel may lie apart in image and label, in parts of the smallest spacing."""


def differences(image: Volume, label: Volume, tolerance: float = TOLERANCE) -> list[str]:
    """Return how a label's grid differs from its image's, said with numbers; nothing where it is the same grid.

    One measure decides: how far the corners of the one grid lie from those of the other. Headers that differ by
    rounding are the same grid.

    Args:
        image: the image.
        label: its label.
        tolerance: greatest distance of corners, in parts of the smallest spacing of both.
    """
    import numpy as np

    if image.shape != label.shape:
        return [f"shape {_times(image.shape)}, label {_times(label.shape)}"]
    if not (image.located and label.located):
        return []
    ends = [(0, length - 1) for length in image.shape] + [(0,)] * (3 - image.spatial)
    corners = np.array([(*corner, 1) for corner in itertools.product(*ends)])
    apart = float(np.linalg.norm((corners @ (image.affine - label.affine).T)[:, :3], axis=1).max())
    if apart <= tolerance * min(*image.spacing, *label.spacing):
        return []
    found = []
    if not np.allclose(image.spacing, label.spacing, rtol=1e-3):
        found.append(f"spacing {_times(image.spacing)}, label {_times(label.spacing)} mm")
    elif image.orientation != label.orientation:
        found.append(f"orientation {image.orientation}, label {label.orientation}")
    elif (turn := _turn(image, label)) > 0.05:
        found.append(f"axes turned by {turn:.2g}°")
    origins = image.affine[:3, 3], label.affine[:3, 3]
    if not np.allclose(*origins, atol=tolerance * min(image.spacing)):
        found.append("origin ({}), label ({}) mm".format(*(", ".join(f"{v:.4g}" for v in o) for o in origins)))
    return [f"the label lies up to {apart:.3g} mm away: " + "; ".join(found or ["rounding"])]


def _times(values: tuple[float, ...]) -> str:
    return "x".join(f"{value:.4g}" for value in values)


def _turn(first: Volume, second: Volume) -> float:
    """Return the greatest angle in degrees between axes of the same number."""
    import numpy as np

    cosines = [
        float(first.affine[:3, axis] @ second.affine[:3, axis]) / (first.spacing[axis] * second.spacing[axis])
        for axis in range(first.spatial)
    ]
    return float(np.degrees(np.arccos(np.clip(min(cosines), -1, 1))))
