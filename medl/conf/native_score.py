"""The check of ``"score_space": "native"``: predictions scored in the geometry of the label as it is in its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medl.conf.evaluation_layout import SECTION
from medl.conf.references import one_spelling
from medl.conf.sections import args_of, class_name, is_component, is_disabled
from medl.errors import Problem

SCORE_SPACE, NATIVE = "score_space", "native"


def is_native(variables: Mapping[str, Any]) -> bool:
    """Return whether the first-level values ask for scores in the label's own geometry."""
    return variables.get(SCORE_SPACE) == NATIVE


def native_problems(config: Mapping[str, Any], variables: Mapping[str, Any], file: str = "") -> list[Problem]:
    """Return why the predictions of ``validate`` cannot be brought into the label's own geometry.

    Args:
        config: the normal form: variables in, refs expanded.
        variables: its first-level values.
        file: the config's name in messages.
    """
    section = config.get(SECTION)
    if not is_native(variables) or not isinstance(section, dict):
        return []
    found: list[Problem] = []
    transforms = section.get("post_transforms")
    if not isinstance(transforms, list) or not transforms:
        rule = "score_space native needs post_transforms, given to the evaluator as postprocessing"
        remedy = 'Add "post_transforms" with what makes classes of the network\'s output, such as AsDiscreted.'
        return [Problem(rule, file, f"{SECTION}.post_transforms", remedy=remedy)]
    for index, spec in enumerate(transforms):
        if not is_component(spec) or is_disabled(spec) or one_spelling(class_name(spec)) != "Invertd":
            continue
        keys = args_of(spec)[1].get("keys")
        if "pred" in ([keys] if isinstance(keys, str) else keys or ()):
            rule = "score_space native inverts the prediction by itself"
            remedy = "Take this Invertd out, or score_space."
            found.append(Problem(rule, file, f"{SECTION}.post_transforms[{index}]", remedy=remedy))
    return found
