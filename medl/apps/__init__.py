"""The command lines, one file for each ``python -m medl.apps.X``."""
