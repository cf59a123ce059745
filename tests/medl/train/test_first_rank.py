"""Which handlers are rank 0's alone."""

from __future__ import annotations

from monai.handlers import CheckpointLoader, CheckpointSaver, MetricsSaver, TensorBoardImageHandler, ValidationHandler

from medl.train.first_rank import Absent, writes_files


def test_those_that_write_are() -> None:
    class Mine(CheckpointSaver):
        pass

    assert all(writes_files(cls) for cls in (CheckpointSaver, TensorBoardImageHandler, Mine))
    assert not any(writes_files(cls) for cls in (CheckpointLoader, ValidationHandler, MetricsSaver, len))
    Absent().attach(None)  # type: ignore[arg-type]
