"""Executors: what runs one recommendation. A config names them; the dotted path is imported when it does."""

EXECUTORS = {
    "FunctionExecutor": "medl.components.executors.function_executor.FunctionExecutor",
    "MMARExecutor": "medl.components.executors.mmar_executor.MMARExecutor",
}
