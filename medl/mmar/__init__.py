"""The model archive on disk: the only code that knows the names of its files."""
