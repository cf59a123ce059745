"""medl: train and search medical imaging models that are described in one folder, the model archive (MMAR)."""

__version__ = "0.1.0"
