"""A config of any time in today's words: Clara Train 4.0's style, moved handlers, old names, changed defaults.

Channels that an old config makes too late are made in time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from medl.conf.catalogue import Catalogue
from medl.conf.channel_first import channels_first
from medl.conf.era import era_of
from medl.conf.implicit_style import explicit
from medl.conf.moved_handlers import move_handlers
from medl.conf.rewriting import Rewriting
from medl.conf.tensorflow_era import tensorflow_problem
from medl.conf.translate import translate


def in_todays_words(
    config: Mapping[str, Any], in_force: Mapping[str, Any], catalogue: Catalogue, file: str = ""
) -> Rewriting:
    """Return the config in 4.1's style and today's names; the given one stays as it is.

    Problems are by the paths of the given config, to which ``before`` leads from those of the result.

    Args:
        config: a training config, variables already in.
        in_force: the first-level values, those of environment.json among them.
        catalogue: knows which class a name stands for, and what it takes.
        file: the name shown in problems.
    """
    old = tensorflow_problem({**config, **in_force}, file)
    if old is not None:
        return Rewriting(dict(config), problems=[old])
    era = era_of(config, in_force)
    moved = move_handlers(config, catalogue, file)
    steps = [moved]
    if era is not None and era.implicit:
        steps.append(explicit(moved.config, in_force, catalogue, file))
    translation = translate(steps[-1].config, catalogue, file, monai=era.monai if era else None)
    result = Rewriting(translation.config)
    for step in reversed(steps):  # the style is said first
        for text in step.notes:
            result.note(text)
    for text in translation.notes:
        result.note(text)
    for step in reversed(steps):
        known = {**step.paths, **{now: step.before(path) for now, path in result.paths.items()}}
        result.paths = known
    result.problems += moved.problems
    for step in steps[1:]:
        result.problems += [dataclasses.replace(p, path=moved.before(p.path)) for p in step.problems]
    result.problems += [dataclasses.replace(p, path=result.before(p.path)) for p in translation.problems]
    if era is not None:
        ordered = channels_first(result.config, catalogue)
        result.config = ordered.config
        result.paths |= {now: result.before(old) for now, old in ordered.paths.items()}
        for text in ordered.notes:
            result.note(text)
    return result
