"""MMARStatsHandler: what TensorBoard reads back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from medl.automl.defs import (
    Context,
    ContextKey,
    FloatRange,
    JobStatus,
    Outcome,
    ParameterRange,
    Recommendation,
    SearchResult,
    SearchSpace,
)
from medl.components.handlers.mmar_stats_handler import MMARStatsHandler
from medl.testing.handlers import HandlerContract

LR, ACT = "lr.float.$0:learning_rate", "net.enum.train.model$0:act,norm"
SPACE = SearchSpace(
    (
        ParameterRange(LR, "lr", "float", ("learning_rate",), (FloatRange(0.0, 1.0),)),
        ParameterRange(ACT, "net", "enum", ("act", "norm"), (("relu", "batch"), ("prelu", True))),
    )
)


def job(run: Context, name: str, values: dict, concrete: dict, outcome: Outcome) -> Context:
    ctx = Context(run)
    ctx.set_prop(ContextKey.JOB_NAME, name)
    ctx.set_prop(ContextKey.RECOMMENDATION, Recommendation("T", SearchResult(SPACE, values)))
    ctx.set_prop(ContextKey.CONCRETE_SEARCH_VALUE, concrete)
    ctx.set_prop(ContextKey.OUTCOME, outcome)
    return ctx


def read(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder))
    found.Reload()
    return found


@pytest.fixture
def run(tmp_path) -> Context:
    """The context of a run with a scored job, a failed one and the baseline, written."""
    run = Context()
    run.set_prop(ContextKey.RUN_ROOT, str(tmp_path))
    handler = MMARStatsHandler()
    handler.start_automl(run)
    own = {LR: [0.1], ACT: ["elu", "batch"]}
    point = SearchResult(SPACE, {LR: 0.25, ACT: 1})
    for ctx in (
        job(run, "W1_1_J0", {}, own, Outcome("baseline", values={"dice": 0.5})),
        job(run, "W2_1_J1", dict(point.values), point.concrete(), Outcome("T", values={"dice": 0.75})),
        job(run, "W1_2_J2", dict(point.values), point.concrete(), Outcome("T", JobStatus.FAILED)),
    ):
        handler.start_job(ctx)
        handler.end_job(ctx)
    handler.end_automl(run)
    return run


def test_a_text_per_job_with_a_line_per_parameter(run, tmp_path):
    found = read(tmp_path)
    assert sorted(found.Tags()["tensors"]) == ["W1_1_J0", "W1_2_J2", "W2_1_J1"]
    event = found.Tensors("W2_1_J1")[0]
    assert event.step == 1
    assert [line.strip() for line in event.tensor_proto.string_val[0].decode().splitlines()] == [
        f"{LR} => 0.25",
        f"{ACT} => 1",
    ]
    assert found.summary_metadata["W2_1_J1"].plugin_data.plugin_name == "text"
    own = found.Tensors("W1_1_J0")[0].tensor_proto.string_val[0].decode()
    assert f'{ACT} => ["elu", "batch"]' in own


def test_the_scores_by_job_without_those_that_have_none(run, tmp_path):
    assert [(event.step, event.value) for event in read(tmp_path).Scalars("score")] == [(0, 0.5), (1, 0.75)]


def test_a_row_of_hyper_parameters_per_job(run, tmp_path):
    def plugin(name: str, tag: str) -> HParamsPluginData:
        metadata = read(tmp_path / "hparams" / name).summary_metadata[f"_hparams_/session_{tag}_info"]
        return HParamsPluginData.FromString(metadata.plugin_data.content)

    started = plugin("W2_1_J1", "start").session_start_info
    assert started.hparams[LR].number_value == 0.25
    assert started.hparams[ACT].string_value == '["prelu", true]'
    assert read(tmp_path / "hparams/W2_1_J1").Scalars("score")[0].value == 0.75
    ends = [plugin(name, "end").session_end_info.status for name in ("W2_1_J1", "W1_2_J2")]
    assert ends == [1, 2]  # success, failure
    assert read(tmp_path / "hparams/W1_2_J2").Tags()["scalars"] == []


def test_a_run_that_goes_on_writes_a_file_of_its_own(run, tmp_path):
    before = set(tmp_path.glob("events.out.tfevents.*"))
    handler = MMARStatsHandler()
    handler.start_automl(run)
    handler.end_automl(run)
    assert len(before) == 1
    assert len(set(tmp_path.glob("events.out.tfevents.*")) - before) == 1


def test_neither_torch_nor_tensorflow_is_imported_and_tensorboard_only_when_a_run_begins(tmp_path):
    program = (
        "import sys\nfrom medl.automl.defs import Context\n"
        "from medl.components.handlers.mmar_stats_handler import MMARStatsHandler\n"
        "handler, ctx = MMARStatsHandler(), Context()\nassert 'tensorboard' not in sys.modules\n"
        f"ctx.set_prop('_runRoot', {str(tmp_path)!r})\nctx.set_prop('_jobName', 'W1_1_J1')\n"
        "handler.start_automl(ctx); handler.start_job(ctx); handler.end_job(ctx); handler.end_automl(ctx)\n"
        "assert not {'torch', 'tensorflow'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


class TestContract(HandlerContract):
    @pytest.fixture
    def handler(self):
        return MMARStatsHandler()
