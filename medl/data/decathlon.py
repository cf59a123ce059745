"""Tasks of the Medical Segmentation Decathlon, fetched with MONAI's own downloader."""

from __future__ import annotations

from pathlib import Path

from medl.errors import ConfigError, MedlError, Problem, near_names

TASKS = (
    "Task01_BrainTumour Task02_Heart Task03_Liver Task04_Hippocampus Task05_Prostate "
    "Task06_Lung Task07_Pancreas Task08_HepaticVessel Task09_Spleen Task10_Colon"
).split()


def fetch(task: str, out: Path) -> Path:
    """Return the folder of a task, fetched and unpacked below ``out`` where it is not there yet.

    Args:
        task: a name such as ``Task09_Spleen``.
        out: the parent folder.

    Raises:
        ConfigError: there is no task of that name.
        MedlError: it cannot be fetched, which needs a network.
    """
    if task not in TASKS:
        remedy = f"Tasks: {', '.join(TASKS)}."
        raise ConfigError(
            Problem("the task is one of the Decathlon", "TASK", "", task, remedy, near_names(task, TASKS))
        )
    folder = out / task
    if (folder / "dataset.json").is_file():
        return folder
    from monai.apps.datasets import DecathlonDataset
    from monai.apps.utils import download_url, extractall

    out.mkdir(parents=True, exist_ok=True)
    try:
        # its download_and_extract would need the package requests
        download_url(DecathlonDataset.resource[task], out / f"{task}.tar", DecathlonDataset.md5[task], "md5")
        extractall(out / f"{task}.tar", out, DecathlonDataset.md5[task], "md5")
    except Exception as error:  # whatever the network and the archive raise
        reason = " ".join(str(error).split())[:200]
        raise MedlError(
            f"{task} cannot be fetched: {reason}. It needs a network; or unpack {task}.tar in {out} yourself."
        ) from None
    return folder
