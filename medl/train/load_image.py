"""MONAI's LoadImage, whose errors say which file cannot be loaded and what is wrong with it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from monai.transforms import LoadImage, LoadImaged

from medl.errors import Problem
from medl.train.case_names import shown_path
from medl.train.unreadable_image import UnreadableImage

_NIFTI = (".nii", ".nii.gz")
_REMEDY = "`medl check` looks at every case."


def name_unreadable(transform: Any, folder: Path) -> Any:
    """Return a transform of the config; where it loads images, its errors will be :class:`UnreadableImage`.

    Args:
        transform: it stays the same object.
        folder: what paths in it are shown relative to.
    """
    loader = transform._loader if isinstance(transform, LoadImaged) else transform
    if type(loader) is LoadImage:
        loader.__class__ = NamingLoadImage
        loader.shown_from = folder
    return transform


class NamingLoadImage(LoadImage):
    """A LoadImage that names the file.

    Attributes:
        shown_from: what paths in it are shown relative to.
    """

    shown_from: Path

    def __call__(self, filename: Any, reader: Any = None) -> Any:
        """Return what LoadImage does.

        Raises:
            UnreadableImage: the file, or one of the files, cannot be loaded.
        """
        try:
            return super().__call__(filename, reader)
        except MemoryError:
            raise
        except Exception as error:
            raise UnreadableImage(_problem(filename, self.shown_from, error)) from error


def _problem(given: Any, folder: Path, error: Exception) -> Problem:
    from medl.data.nifti import read_nifti
    from medl.data.volume import Unreadable

    files = [str(file) for file in (given if isinstance(given, list | tuple) else [given])]
    for file in files:
        name = shown_path(file, folder)
        if not os.path.exists(file):
            return Problem("the file has to exist", name, remedy=_REMEDY)
        try:
            if file.lower().endswith(_NIFTI):
                read_nifti(Path(file))
        except Unreadable as found:
            problem = found.problem(name)
            return replace(problem, remedy=f"{problem.remedy} {_REMEDY}".strip())
        except Exception:
            break  # the first error says more
    said = " ".join(str(error).split())[:200].rstrip(". ") or "no message"
    rule = f"the image cannot be loaded ({type(error).__name__}: {said})"
    return Problem(rule, shown_path(files[0], folder) if files else "", remedy=_REMEDY)
