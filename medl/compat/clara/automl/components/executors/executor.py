"""The contract of an executor."""

from medl.automl.api import Executor

__all__ = ["Executor"]
