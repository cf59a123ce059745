"""The import of MONAI without its remarks on absent packages and on names that will go. Imports nothing heavy."""

from __future__ import annotations

import logging
import warnings

_LOUD = ("monai.data.nvimgcodec_pydicom_plugin",)


def quiet_imports() -> None:
    """Hide what a user can do nothing about: deprecations inside the libraries, readers of formats that are not used.

    Call it once, before torch is imported. Warnings about a user's own code and data still show.
    """
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="NvImgCodecPydicomReader", category=UserWarning)
    warnings.filterwarnings("ignore", message="inverse has been called but no invertible", category=UserWarning)
    for module in ("torch", "monai", "ignite", "tensorboard", "google", "nibabel", "numpy"):
        for category in (DeprecationWarning, FutureWarning, PendingDeprecationWarning):
            warnings.filterwarnings("ignore", category=category, module=rf"{module}(\.|$)")
