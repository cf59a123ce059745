"""Clara Train's package ``automl``: re-exports of :mod:`medl.automl`."""
