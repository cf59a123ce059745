"""Configs of Clara Train 3 and earlier, which were for TensorFlow: recognised, so that one line can say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medl.conf.era import CLARA_TRAIN_VERSION, version
from medl.conf.sections import SECTIONS, components, full_name
from medl.errors import Problem

FIRST_LEVEL = (
    "num_training_epoch_per_valid",
    "train_summary_recording_interval",
    "use_scanning_window",
    "use_amp",
    "dynamic_input_shape",
)
"""First-level values that only those versions had."""
IN_SECTIONS = ("image_pipeline", "aux_ops", "lr_policy")
"""Keys of train and validate that only those versions had."""
PACKAGES = ("ai4med.", "nvmidl.")
"""Packages that components came from."""


def tensorflow_problem(config: Mapping[str, Any], file: str = "") -> Problem | None:
    """Return that the config is one for TensorFlow, or ``None``; what else is wrong with it comes from that.

    Args:
        config: the config; variables need not be in.
        file: its name in messages.
    """
    path = _sign(config)
    if path is None:
        return None
    return Problem(
        rule="this is a config of Clara Train 3 or earlier, which ran on TensorFlow; it cannot be translated",
        file=file,
        path=path,
        remedy="Write its networks, losses and transforms as MONAI components; medl's template shows how.",
    )


def _sign(config: Mapping[str, Any]) -> str | None:
    """Return the JSON path of what tells, or ``None``."""
    given = version(config.get(CLARA_TRAIN_VERSION, ""))
    if given and given[0] < 4:
        return CLARA_TRAIN_VERSION
    for section in SECTIONS:
        content = config.get(section)
        for key in IN_SECTIONS:
            if isinstance(content, dict) and isinstance(content.get(key), (dict, list)):
                return f"{section}.{key}"
    for place in components(config):
        if full_name(place.spec).startswith(PACKAGES):
            return f"{place.path}.path"
    signs = [name for name in FIRST_LEVEL if name in config]
    return signs[0] if len(signs) > 1 else None
