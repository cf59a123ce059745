"""The contract of a controller."""

from medl.automl.api import Controller

__all__ = ["Controller"]
