"""Executors: what runs one recommendation. A config names them; the dotted path is imported when it does."""

EXECUTORS = {
    "MMARExecutor": "medl.components.executors.mmar_executor.MMARExecutor",
}
