"""What each job tried and scored, for TensorBoard."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from medl.automl.api import Handler
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, Recommendation


class MMARStatsHandler(Handler):
    """Writes each job's values and score to TensorBoard, in the run's folder.

    It has no arguments. ``python -m tensorboard.main --logdir automl/<run>`` shows them:

    - *Text*: a tag per job, lines ``PRL => value``; an enum's value is the index of its choice.
    - *Scalars*: ``score``, by the number of the job.
    - *HParams*: a row per job, with its concrete values and its score.

    Source: Clara Train's handler of this name, for the text.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # jobs start and end in threads of their own
        self._run: EventFile | None = None

    def start_automl(self, ctx: Context) -> None:
        """Begin a new file of events; those of an earlier process of this run stay."""
        with self._lock:
            self._run = EventFile(Path(ctx.get_prop(ContextKey.RUN_ROOT)))

    def start_job(self, ctx: Context) -> None:
        """Write the job's values."""
        job = ctx.get_prop(ContextKey.JOB_NAME)
        recommendation: Recommendation | None = ctx.get_prop(ContextKey.RECOMMENDATION)
        text = recommendation.result.dump() if recommendation is not None else ""
        if not text:  # the archive's own values, which need not lie in the space
            text = "\n".join(f"{prl} => {value}" for prl, value in _by_parameter(ctx).items())
        with self._lock:
            if self._run is not None:
                self._run.text(job, text, _number(job))

    def end_job(self, ctx: Context) -> None:
        """Write the job's score, where it has one, and its row of hyper-parameters."""
        outcome: Outcome | None = ctx.get_prop(ContextKey.OUTCOME)
        job, root = ctx.get_prop(ContextKey.JOB_NAME), Path(ctx.get_prop(ContextKey.RUN_ROOT))
        scored = outcome is not None and outcome.status is JobStatus.OK and bool(outcome.values)
        with self._lock:
            if self._run is not None and scored and outcome is not None:
                self._run.scalar("score", outcome.score, _number(job))
        row = EventFile(root / "hparams" / job)
        try:
            row.begin_session(job, _by_parameter(ctx))
            if scored and outcome is not None:
                row.scalar("score", outcome.score, _number(job))
            row.end_session(succeeded=scored)
        finally:
            row.close()

    def end_automl(self, ctx: Context) -> None:
        """Close the file."""
        with self._lock:
            if self._run is not None:
                self._run.close()
                self._run = None


class EventFile:
    """One of TensorBoard's files of events, written without torch and without TensorFlow; each event is flushed.

    Args:
        folder: where it lies; made where there is none.
    """

    def __init__(self, folder: Path):
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{time.time_ns()}"
        self._stream: BinaryIO = (folder / name).open("xb")
        self._records = RecordWriter(self._stream)
        self._event = Event
        self._write(file_version="brain.Event:2")

    def text(self, tag: str, text: str, step: int) -> None:
        """Write a text; its lines stay lines."""
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.compat.proto.tensor_pb2 import TensorProto
        from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
        from tensorboard.compat.proto.types_pb2 import DT_STRING
        from tensorboard.plugins.text.metadata import create_summary_metadata

        shown = "  \n".join(text.splitlines())  # TensorBoard shows Markdown
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
        tensor = TensorProto(dtype=DT_STRING, string_val=[shown.encode()], tensor_shape=shape)
        metadata = create_summary_metadata(display_name="", description="")
        self._write(step=step, summary=Summary(value=[Summary.Value(tag=tag, metadata=metadata, tensor=tensor)]))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Write a number."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._write(step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)]))

    def begin_session(self, name: str, values: Mapping[str, Any]) -> None:
        """Write the hyper-parameters of the folder's job."""
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb

        shown = {key: value if isinstance(value, bool | int | float) else str(value) for key, value in values.items()}
        self._write(summary=hparams_pb(shown, trial_id=name))

    def end_session(self, *, succeeded: bool) -> None:
        """Write that the folder's job ended."""
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.hparams import metadata
        from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

        end = SessionEndInfo(status=STATUS_SUCCESS if succeeded else STATUS_FAILURE, end_time_secs=time.time())
        value = Summary.Value(
            tag=metadata.SESSION_END_INFO_TAG,
            metadata=metadata.create_summary_metadata(HParamsPluginData(session_end_info=end)),
            tensor=metadata.NULL_TENSOR,
        )
        self._write(summary=Summary(value=[value]))

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _write(self, **content: Any) -> None:
        self._records.write(self._event(wall_time=time.time(), **content).SerializeToString())
        self._stream.flush()


def _by_parameter(ctx: Context) -> dict[str, Any]:
    """Return PRL to the concrete value, or to several as JSON."""
    values: Mapping[str, Any] = ctx.get_prop(ContextKey.CONCRETE_SEARCH_VALUE) or {}
    return {prl: value[0] if len(value) == 1 else json.dumps(list(value)) for prl, value in values.items()}


def _number(job: str) -> int:
    """Return the number of a job in its run (``W1_2_J5`` -> 5)."""
    tail = job.rpartition("_J")[2]
    return int(tail) if tail.isdigit() else 0
