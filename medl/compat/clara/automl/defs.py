"""Clara's ``automl.defs``. ``Status`` is our ``JobStatus``."""

from medl.automl.defs import (
    Context,
    ContextKey,
    Outcome,
    ParameterRange,
    ProcessStatus,
    Recommendation,
    SearchResult,
    SearchSpace,
)
from medl.automl.defs import JobStatus as Status

__all__ = [
    "Context",
    "ContextKey",
    "Outcome",
    "ParameterRange",
    "ProcessStatus",
    "Recommendation",
    "SearchResult",
    "SearchSpace",
    "Status",
]
