"""The objects of one training: those of the config, and our own handlers around them."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from monai.handlers import CheckpointSaver

from medl.conf.catalogue import Catalogue
from medl.conf.component import ALLOWED_PACKAGES, class_of, user_folders, within
from medl.conf.graph import Adapter, ObjectGraph, Site
from medl.conf.native_score import is_native
from medl.conf.refused_args import require_args, with_classes
from medl.conf.sections import SECTIONS, args_of
from medl.errors import ConfigError, Problem
from medl.memory import room
from medl.train.cache_size import capped
from medl.train.carried import Carried
from medl.train.checkpoints import WeightsKeeper
from medl.train.connected import connect
from medl.train.determinism import EpochSeeds
from medl.train.distributed import Ranks
from medl.train.ended_early import give_trainer
from medl.train.final_validation import FinalValidation
from medl.train.finite import FiniteLoss, FiniteMetric
from medl.train.first_rank import Absent, writes_files
from medl.train.heartbeat import Heartbeat
from medl.train.implicit import Parts, complete_args, composed, finish_component, log_label
from medl.train.label_range import LabelRange, takes_class_indices
from medl.train.launched import launched
from medl.train.limits import measure
from medl.train.metrics_lines import MetricsLines
from medl.train.native_space import NativeSpace
from medl.train.pass_on import PassOn
from medl.train.resume import Progress
from medl.train.start_from import Source
from medl.train.stop_file import StopFile
from medl.train.time_limit import TimeLimit, limit_of
from medl.train.window_memory import LabelBesidePrediction

_HANDLERS = {"trainer": "train_handlers", "evaluator": "val_handlers"}
"""The arg of MONAI's trainers and evaluators that takes handlers."""


@dataclass(frozen=True)
class Training:
    """What is needed to run one training.

    Attributes:
        built: the config's objects.
        trainer: the engine.
        horizon: the config's ``epochs``.
        last_epoch: the epoch at which the training stops.
        lines: the history.
        keeper: the checkpoints that no handler of the config writes.
        ranks: this process.
        limit: the time it may take, or ``None``.
        stop: what ends it when somebody asks.
        measured: sizes of the network, where limits ask for them.
    """

    built: ObjectGraph
    trainer: Any
    horizon: int
    last_epoch: int
    lines: MetricsLines
    keeper: WeightsKeeper
    ranks: Ranks
    limit: TimeLimit | None = None
    stop: StopFile | None = None
    measured: Mapping[str, float] = field(default_factory=dict)


def build_training(
    parts: Parts,
    seed: int,
    before: dict[str, Any] | None = None,
    started: float | None = None,
    source: Source | None = None,
) -> Training:
    """Return the trainer of a config, with all that it needs.

    The config's own handlers keep their order. Ours stand before them where they have to be first to see an error, and
    after them where they tell what came of an epoch.

    Args:
        parts: what the objects have in common.
        seed: from which each epoch's random numbers follow.
        before: what a training that goes on kept, or ``None``.
        started: when the process began, on ``time.monotonic``; now where it is not given.
        source: what a training that begins starts from, or ``None``.

    Raises:
        ConfigError: an object cannot be built, or the data give no batch.
        NotTrained: the network breaks a limit of its size; no data were cached.
    """
    loss = FiniteLoss()
    graph = object_graph(parts, lambda key, graph: _first_handlers(key, graph, parts, loss, seed))
    measured = measure(parts, graph)
    trainer = graph.get("train", "trainer")
    if trainer is None:
        raise _problem(parts, "a training config has a trainer that is not disabled", "train.trainer")
    _require_batches(parts, trainer, graph)
    evaluator = graph.get("validate", "evaluator")
    give_trainer(graph, trainer, parts.file)
    horizon = int(trainer.state.max_epochs)
    last_epoch = _last_epoch(parts, horizon)
    trainer.state.max_epochs = last_epoch
    seconds = limit_of(parts.variables, parts.file)
    limit = None
    if seconds is not None:
        limit = TimeLimit(seconds, parts.ranks, time.monotonic() if started is None else started)
        limit.attach(trainer)
    stop = StopFile(parts.folder, parts.ranks)
    stop.attach(trainer)
    if evaluator is not None:
        due = limit is not None or last_epoch_is_given(parts.variables)
        FinalValidation(evaluator, last_epoch if due else None).attach(trainer)
    network = graph.get("train", "model")
    if parts.ranks.size > 1:
        connect(parts.ranks, trainer, evaluator, network, graph.get("train", "optimizer"), file=parts.file)
    savers = [
        handler
        for section in ("train", "validate")
        for handler in graph.get(section, "handlers") or ()
        if isinstance(handler, CheckpointSaver)
    ]
    keeper = WeightsKeeper(network, parts.conf, parts.folder, savers)
    if evaluator is not None and parts.ranks.writes:
        keeper.attach(evaluator)
    lines = MetricsLines(parts.folder, parts.ranks, loss, graph.get("train", "optimizer"), evaluator, horizon)
    lines.attach(trainer)
    if parts.ranks.writes:
        Heartbeat(parts.folder).attach(trainer, evaluator)
    carried = Carried(
        trainer,
        evaluator,
        network,
        graph.get("train", "optimizer"),
        graph.get("train", "lr_scheduler"),
        graph.get("train", "loss"),
        {section: list(graph.get(section, "handlers") or ()) for section in SECTIONS},
        keeper,
        lines,
    )
    Progress(parts.folder, parts.ranks, seed, horizon, carried, before, parts.file, source).attach(trainer)
    return Training(graph, trainer, horizon, last_epoch, lines, keeper, parts.ranks, limit, stop, measured)


def object_graph(
    parts: Parts,
    first_handlers: Callable[[str, ObjectGraph], list[Any]],
    adapters: Mapping[str, Adapter] | None = None,
) -> ObjectGraph:
    """Return the graph of a config's objects, with what the config leaves unsaid.

    Args:
        parts: what the objects have in common.
        first_handlers: gives our handlers that go before the config's, for ``trainer`` and ``evaluator``.
        adapters: what is implicit at further keys.
    """
    catalogue = Catalogue.load()
    folders = user_folders(parts.mmar.custom)
    packages = (*ALLOWED_PACKAGES, *allowed_packages(parts.config, parts.variables))

    def find_class(dotted: str, path: str) -> Any:
        spec = {"path": dotted}
        return class_of(spec, catalogue=catalogue, folders=folders, packages=packages, file=parts.file, path=path)

    def resolve(spec: Mapping[str, Any], path: str) -> Callable[..., Any]:
        section, key = path.split(".")[0], path.split(".")[1].split("[")[0]
        cls = class_of(
            spec, catalogue=catalogue, folders=folders, packages=packages, role=key, file=parts.file, path=path
        )

        where = args_of(spec)[0]
        is_own = not within(getattr(cls, "__module__", None) or "", packages)

        def make(**args: Any) -> Any:
            if not is_own:
                place = f"{path}.{where}"
                require_args(args, folders=folders, packages=packages, file=parts.file, path=place)
                args = with_classes(args, find_class, place)
            if key == "handlers" and not parts.ranks.writes and writes_files(cls):
                return Absent()
            args = complete_args(parts, section, key, spec, cls, args)
            if key == "dataset":
                return finish_component(parts, section, key, _dataset(parts, section, cls, args), args)
            if key not in _HANDLERS:
                return finish_component(parts, section, key, cls(**args), args)
            ours, name = first_handlers(key, graph), _HANDLERS[key]
            if name in inspect.signature(cls).parameters:
                return cls(**{**args, name: [*ours, *(args.get(name) or ())]})
            engine = cls(**args)
            for handler in ours:
                handler.attach(engine)
            return engine

        return make

    def compose(site: Site, build: Callable[..., Any]) -> Any:
        values = build()
        if (
            isinstance(values, list)
            and site.key == "post_transforms"
            and site.section == "validate"
            and is_native(parts.variables)
        ):
            values = [NativeSpace(graph.get("validate", "pre_transforms")), *values]
        return composed(values) if isinstance(values, list) else values

    def named(site: Site, build: Callable[..., Any]) -> Any:
        return {log_label(site.spec): build()}

    def merged(site: Site, build: Callable[..., Any]) -> Any:
        if not isinstance(site.spec, list):
            return named(site, build)
        return {name: metric for one in build() for name, metric in one.items()} or None

    def attachable(site: Site, build: Callable[..., Any]) -> Any:
        made = build()
        if not callable(getattr(made, "attach", None)):
            rule = f"a handler has a method attach(engine), and {type(made).__name__} has none"
            remedy = 'For a limit of time write "max_train_time": seconds at the first level.'
            limit = type(made).__name__ == "TimeLimit"
            raise _problem(parts, rule, site.path, remedy=remedy if limit else "Add it to the class.")
        return made

    graph = ObjectGraph(
        parts.config,
        resolve_class=resolve,
        adapters={
            "pre_transforms": compose,
            "post_transforms": compose,
            "key_metric": named,
            "additional_metrics": merged,
            "additional_metrics[]": named,
            "handlers[]": attachable,
            **(adapters or {}),
        },
        rank=parts.ranks.rank,
        conf=parts.conf,
        file=parts.file,
    )
    return graph


def allowed_packages(config: Mapping[str, Any], variables: Mapping[str, Any]) -> list[str]:
    """Return the packages that the user lets a config name besides ours, from the config and from environment.json."""
    given = [source.get("allowed_packages") for source in (config, variables)]
    return [name for names in given if isinstance(names, list) for name in names if isinstance(name, str)]


def last_epoch_is_given(variables: Mapping[str, Any]) -> bool:
    """Return whether the training is to stop at an epoch of its own."""
    return variables.get("until_epoch") is not None


def _first_handlers(key: str, graph: ObjectGraph, parts: Parts, loss: FiniteLoss, seed: int) -> list[Any]:
    criterion = graph.get("train", "loss")
    first: list[Any] = [PassOn()]
    if takes_class_indices(criterion):
        ignored = [
            part.ignore_index for part in _modules(criterion) if isinstance(getattr(part, "ignore_index", None), int)
        ]
        first.append(LabelRange(ignored[0] if ignored else None))
    if key == "evaluator":
        return [*first, LabelBesidePrediction(), FiniteMetric(parts.ranks.writes)]
    return [*first, EpochSeeds(seed, parts.ranks.rank, graph.get("train", "dataset")), loss]


def _dataset(parts: Parts, section: str, cls: Any, args: Mapping[str, Any]) -> Any:
    name = f"{section} cache" if "train" in parts.config else "cache"
    return capped(
        cls,
        args,
        name,
        lambda: room(launched().local_size),
        parts.say,
        lambda count: min(parts.ranks.gather(count)),
    )


def _modules(criterion: Any) -> list[Any]:
    return list(criterion.modules()) if isinstance(criterion, torch.nn.Module) else [criterion]


def _require_batches(parts: Parts, trainer: Any, graph: ObjectGraph) -> None:
    if trainer.state.epoch_length != 0:
        return
    dataset = graph.get("train", "dataset")
    count = len(dataset) if hasattr(dataset, "__len__") else "no"
    raise _problem(
        parts,
        "the training data give at least one batch an epoch",
        "train.dataloader",
        value=f"{count} items and no batch",
        remedy="Add data to the training list, or make batch_size smaller (drop_last leaves incomplete batches out).",
    )


def _last_epoch(parts: Parts, horizon: int) -> int:
    """Return the epoch at which the training stops: ``until_epoch``, else the config's ``epochs``."""
    if not last_epoch_is_given(parts.variables):
        return horizon
    until = parts.variables["until_epoch"]
    if isinstance(until, bool) or not isinstance(until, int) or not 1 <= until <= horizon:
        raise _problem(
            parts,
            f"until_epoch is a whole number from 1 to the config's epochs ({horizon})",
            "until_epoch",
            value=until,
            remedy="Choose a smaller one, or raise epochs.",
        )
    return until


def _problem(parts: Parts, rule: str, path: str, **more: Any) -> ConfigError:
    return ConfigError(Problem(rule=rule, file=parts.file, path=path, **more))
