"""The contract of a handler."""

from medl.automl.api import Handler

__all__ = ["Handler"]
