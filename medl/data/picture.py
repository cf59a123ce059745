"""Pictures (PNG, JPEG, TIFF) and NumPy arrays: voxels without a place in space."""

from __future__ import annotations

from pathlib import Path

from medl.data.volume import Unreadable, Volume

_AGAIN = "The file was cut off or damaged: copy or make it again."


def read_picture(path: Path) -> Volume:
    """Return a picture, first axis left to right as MONAI reads it, colours in a third axis.

    Raises:
        Unreadable: it is no sound picture, or Pillow is missing.
    """
    import numpy as np

    try:
        from PIL import Image
    except ImportError:
        raise Unreadable("pictures are read with Pillow, which is not installed", "", "pip install pillow") from None
    try:
        with Image.open(path) as picture:
            picture.load()
            notes = (f"{picture.mode} palette",) if picture.mode == "P" else ()
            array = np.swapaxes(np.asarray(picture), 0, 1)
    except Exception as error:  # Pillow's decoders raise many kinds
        raise Unreadable("the file is a whole picture", _reason(error, path), _AGAIN) from None
    if array.ndim == 3:
        notes = (*notes, f"{array.shape[2]} channels")
    return Volume(array, np.eye(4), 2, "picture", located=False, notes=notes)


def read_array(path: Path) -> Volume:
    """Return a ``.npy``, or the only array of a ``.npz``; nothing pickled is ever loaded.

    Raises:
        Unreadable: it is truncated, holds objects or several arrays, or is no image.
    """
    import numpy as np

    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            with loaded:
                names = loaded.files
                array = loaded[names[0]] if len(names) == 1 else None
        else:
            names, array = ["array"], loaded
    except Exception as error:  # damaged headers raise nearly anything
        raise Unreadable("the file is a whole NumPy array", _reason(error, path), _AGAIN) from None
    if array is None:
        value = ", ".join(names[:6])
        raise Unreadable("a .npz that is one image holds one array", value, "Write one file for each image.")
    if array.ndim not in (2, 3, 4) or 0 in array.shape or array.dtype.kind not in "biuf":
        raise Unreadable("an image has 2 to 4 axes of numbers", f"shape {array.shape}, {array.dtype}")
    return Volume(array, np.eye(4), min(array.ndim, 3), "NumPy", located=False)


def _reason(error: Exception, path: Path) -> str:
    """Return what an error says in one line, without the folders of the path."""
    return " ".join(str(error).replace(str(path), path.name).split())[:160] or type(error).__name__
