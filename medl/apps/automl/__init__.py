"""The command lines of the search, one file for each ``python -m medl.apps.automl.X``."""
