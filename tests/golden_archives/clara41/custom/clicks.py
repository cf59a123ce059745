"""A user's own iteration, written as users of Clara Train did: it builds the transforms in its args by itself."""

from importlib import import_module

from monai.apps.deepgrow.interaction import Interaction
from monai.transforms import Compose


def built(spec):
    module, _, name = spec["path"].rpartition(".")
    return getattr(import_module(module), name)(**spec.get("args", {}))


class Clicks(Interaction):
    """Simulated clicks of an annotator before each step."""

    def __init__(self, max_interactions, transforms, train, key_probability="probability"):
        super().__init__(Compose([built(spec) for spec in transforms]), max_interactions, train, key_probability)
