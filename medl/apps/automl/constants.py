"""Clara's ``medl.apps.automl.constants``: the names of what the context of a job holds."""

from medl.automl.defs import ContextKey as MMARPropKey

__all__ = ["MMARPropKey"]
