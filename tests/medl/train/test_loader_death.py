"""Processes of a data loader that are ended, in the words of torch and in a real training."""

from __future__ import annotations

import sys

import pytest
from torch.utils.data import DataLoader, Dataset

from medl.train.failure import failure
from medl.train.loader_death import loader_death


class Ended(Dataset):
    """Ends the process that asks for an item by a signal, or as if nothing were wrong."""

    def __init__(self, by: str):
        self.by = by

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> int:
        import os
        import signal

        if self.by == "exit":
            os._exit(0)
        os.kill(os.getpid(), getattr(signal, self.by))
        return index


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("SIGKILL", ("epoch 3: the system killed a process of the data loader (pid ", "RAM", "Fewer num_workers")),
        ("SIGBUS", ("bus error", "/dev/shm", "--shm-size")),
        ("SIGSEGV", ("crashed (Segmentation fault)", "num_workers 0")),
        ("SIGTERM", ("was ended from outside (SIGTERM)", "--resume")),
        ("exit", ("ended without a word", "fewer num_workers")),
    ],
)
def test_a_real_loader(by, words):
    with pytest.raises(RuntimeError) as caught:
        list(DataLoader(Ended(by), num_workers=1))
    said = str(failure(caught.value, 3))
    assert all(word in said for word in words), said
    assert "Traceback" not in said and "--debug" not in said and len(said.splitlines()) == 1


def test_shared_memory_that_is_full(tmp_path):
    text = "unable to write to file </torch_12_34>: No space left on device (28)"
    said = loader_death([RuntimeError(text)], str(tmp_path))
    assert f"({tmp_path}: " in said and "free). Set num_workers" in said
    assert loader_death([RuntimeError(text)], str(tmp_path / "none"))


@pytest.mark.parametrize("text", ["", "DataLoader timed out after 5 seconds", "Caught KeyError in DataLoader worker"])
def test_other_errors_of_a_loader_are_none(text):
    assert loader_death([RuntimeError(text)]) == ""
