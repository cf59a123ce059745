"""The config that travels inside a checkpoint."""

from __future__ import annotations

import json
from typing import Any

from medl.conf.sections import ONE_COMPONENT, SECTIONS, is_component, is_disabled


class ConfState:
    """What ``@conf`` stands for: the config, which can be put into a ``save_dict`` beside the network.

    A checkpoint then has a plain JSON object under ``train_conf``, with the names and args that today's MONAI knows, so
    that ``monai.apps.mmars`` and others can rebuild the network from the file alone. It is no dict itself: ignite would
    look for ``state_dict`` in its values.

    Args:
        config: the resolved config in its normal form.
    """

    def __init__(self, config: dict[str, Any]):
        self.config = plain_config(config)

    def state_dict(self) -> dict[str, Any]:
        """Return the config as plain JSON."""
        return json.loads(json.dumps(self.config))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take nothing over: the config in use is the one on disk."""


def plain_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return a copy in which alternatives are chosen and aliases are gone.

    MONAI's reader looks for a ``model`` object, does not search lists and takes ``name`` for the class.
    """
    plain: dict[str, Any] = json.loads(json.dumps(config))
    for section in SECTIONS:
        parts = plain.get(section)
        if not isinstance(parts, dict):
            continue
        for key in ONE_COMPONENT:
            value = parts.get(key)
            if isinstance(value, list):
                enabled = [one for one in value if is_component(one) and not is_disabled(one)]
                if len(enabled) == 1:
                    value = parts[key] = enabled[0]
            if isinstance(value, dict) and isinstance(value.get("name"), str):
                value["name"] = value["name"].split("#")[0]
    return plain
