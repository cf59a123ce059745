#!/usr/bin/env python3
"""Make the data of mmar_template/: small crops of one real brain template, with grey and white matter as labels.

Usage: python scripts/make_template_data.py [--wheel nilearn-….whl] [--out mmar_template/data]

The source is the ICBM 2009 (version "sym 09a") template of the Montreal Neurological Institute, which the Python
package nilearn carries in its wheel: the T1 image and the probability maps of grey and white matter, 1 mm voxels.
Without ``--wheel`` pip downloads the wheel; nilearn itself is never installed.

The template is symmetric: its right half mirrors its left half voxel for voxel. So all crops are cut from one half,
and no crop is the mirror image of another; else a test crop could be a training crop seen in a mirror.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

NILEARN = "nilearn==0.14.1"
MEMBER = "nilearn/datasets/data/mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz"
SIZE = 32
"""Edge of a crop in voxels, and the step of the grid: crops touch, but share no voxel."""
START = (2, 25, 3)
"""First corner of the grid (x, y, z in voxels): the one of those tried with the most crops that hold both tissues."""
MIDLINE = 98
"""The plane of symmetry (x, in voxels); crops end before it."""
SMALLEST_SHARE = 0.05
"""A crop holds at least this share of grey and of white matter."""
ROLES = ("training", "training", "validation", "training", "training", "test")
"""The splits that crops get in turn, along the grid."""

DESCRIPTION = (
    "One subject, a demonstration: small crops of one averaged brain template, cut from one half of it. Scores on them "
    "say that the software works, and nothing about patients."
)
ATTRIBUTION = (
    "ICBM 2009a Nonlinear Symmetric (MNI152) T1 template and tissue probability maps, McConnell Brain Imaging Centre, "
    "Montreal Neurological Institute, McGill University. Fonov, Evans, Botteron, Almli, McKinstry, Collins and the "
    "Brain Development Cooperative Group (2011), Unbiased average age-appropriate atlases for pediatric studies, "
    "NeuroImage 54(1):313-327, doi:10.1016/j.neuroimage.2010.07.033. Fonov, Evans, McKinstry, Almli, Collins (2009), "
    "Unbiased nonlinear average age-appropriate brain templates from birth to adulthood, NeuroImage 47:S102."
)
LICENCE = (
    "Permissive, notice to be kept: see docs/license.txt. Crops and labels were made by scripts/make_template_data.py."
)


def main(argv: list[str] | None = None) -> int:
    """Write the crops and dataset.json; return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help=f"wheel of {NILEARN}; downloaded with pip where it is not given")
    default_out = Path(__file__).resolve().parent.parent / "mmar_template" / "data"
    parser.add_argument("--out", type=Path, default=default_out, help="folder that gets the files (%(default)s)")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        wheel = options.wheel or download(Path(folder))
        image, label, affine = read_template(wheel)
    dataset = write_crops(image, label, affine, options.out)
    counts = ", ".join(f"{len(dataset[role])} {role}" for role in ("training", "validation", "test"))
    size = sum(path.stat().st_size for path in options.out.rglob("*.nii.gz"))
    print(f"{options.out}: {counts}; {size / 1e6:.2f} MB")
    return 0


def download(folder: Path) -> Path:
    """Return the wheel of nilearn, downloaded into ``folder`` from where pip is configured to look."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), NILEARN]
    subprocess.run(command, check=True)
    return next(folder.glob("nilearn-*.whl"))


def read_template(wheel: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float64]]:
    """Return T1 image (x, y, z; 0 to 255), labels (0 background, 1 grey, 2 white matter) and affine (voxel to mm)."""
    volumes = {}
    with zipfile.ZipFile(wheel) as archive:
        for kind in ("t1", "gm", "wm"):
            file = nibabel.Nifti1Image.from_bytes(gzip.decompress(archive.read(MEMBER.format(kind=kind))))
            volumes[kind] = np.asanyarray(file.dataobj).astype(np.uint8)
            affine = np.asarray(file.affine)
    grey, white = volumes["gm"].astype(int), volumes["wm"].astype(int)
    neither = np.maximum(0, 255 - grey - white)
    label = np.argmax(np.stack([neither, grey, white]), axis=0).astype(np.uint8)
    return volumes["t1"], label, affine


def corners(label: NDArray[np.uint8]) -> Iterator[tuple[int, int, int]]:
    """Give the first corners (x, y, z) of the crops that hold enough of both tissues, along y, then z, then x."""
    for y in range(START[1], label.shape[1] - SIZE + 1, SIZE):
        for z in range(START[2], label.shape[2] - SIZE + 1, SIZE):
            for x in range(START[0], MIDLINE - SIZE + 1, SIZE):
                crop = label[x : x + SIZE, y : y + SIZE, z : z + SIZE]
                if min((crop == 1).mean(), (crop == 2).mean()) >= SMALLEST_SHARE:
                    yield x, y, z


def write_crops(
    image: NDArray[np.uint8], label: NDArray[np.uint8], affine: NDArray[np.float64], out: Path
) -> dict[str, Any]:
    """Write images/, labels/ and dataset.json under ``out``; return the content of dataset.json."""
    lists: dict[str, list[dict[str, str]]] = {"training": [], "validation": [], "test": []}
    for number, (x, y, z) in enumerate(corners(label)):
        name = f"crop_x{x:03d}_y{y:03d}_z{z:03d}.nii.gz"
        place = affine.copy()
        place[:3, 3] = affine[:3, :3] @ (x, y, z) + affine[:3, 3]
        for kind, volume in (("images", image), ("labels", label)):
            (out / kind).mkdir(parents=True, exist_ok=True)
            crop = np.ascontiguousarray(volume[x : x + SIZE, y : y + SIZE, z : z + SIZE])
            content = nibabel.Nifti1Image(crop, place).to_bytes()
            (out / kind / name).write_bytes(gzip.compress(content, mtime=0))
        lists[ROLES[number % len(ROLES)]].append({"image": f"images/{name}", "label": f"labels/{name}"})
    dataset = {
        "name": "MNI152 tissue crops",
        "description": DESCRIPTION,
        "reference": ATTRIBUTION,
        "licence": LICENCE,
        "tensorImageSize": "3D",
        "modality": {"0": "T1"},
        "labels": {"0": "background", "1": "grey matter", "2": "white matter"},
        "numTraining": len(lists["training"]),
        "numValidation": len(lists["validation"]),
        "numTest": len(lists["test"]),
        **lists,
    }
    (out / "dataset.json").write_text(json.dumps(dataset, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return dataset


if __name__ == "__main__":
    sys.exit(main())
