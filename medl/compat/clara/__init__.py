"""The folder that :func:`medl.compat.clara_imports` puts on ``sys.path``; it is not imported itself."""
