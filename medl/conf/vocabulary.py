"""What an expression in a config may name: functions and constants by their full dotted names, and members of objects.

Everything here reads or computes; nothing runs a training, touches a file or a process, or opens a class's insides.
"""

from __future__ import annotations


def _names(*lines: str, before: str = "") -> tuple[str, ...]:
    return tuple(before + name for line in lines for name in line.split())


BUILTINS: frozenset[str] = frozenset(
    _names(
        "abs all any bool dict enumerate float int isinstance len list max min range reversed round set sorted str sum",
        "tuple zip",
    )
)
"""Builtin functions, by bare name; those that could take or give very much are bounded by the interpreter."""

_DTYPES = _names("float16 float32 float64 int8 int16 int32 int64 uint8")

MODULE_NAMES: dict[str, tuple[str, ...]] = {
    "ignite.engine": _names(
        "STARTED COMPLETED EPOCH_STARTED EPOCH_COMPLETED ITERATION_STARTED ITERATION_COMPLETED",
        "GET_BATCH_STARTED GET_BATCH_COMPLETED EXCEPTION_RAISED TERMINATE",
        before="Events.",
    ),
    "math": _names("ceil exp floor inf isfinite isnan log log10 log2 pi sqrt"),
    "monai.data": _names("decollate_batch list_data_collate pad_list_data_collate worker_init_fn"),
    "monai.handlers": _names("from_engine stopping_fn_from_loss stopping_fn_from_metric"),
    "monai.networks.layers": (
        *_names("BATCH INSTANCE INSTANCE_NVFUSER LAYER LOCALRESPONSE GROUP SYNCBATCH", before="Norm."),
        *_names("ELU RELU LEAKYRELU PRELU RELU6 SELU CELU GELU SIGMOID TANH SOFTMAX SWISH MISH", before="Act."),
        *_names("MAX ADAPTIVEMAX AVG ADAPTIVEAVG", before="Pool."),
    ),
    "monai.utils": (
        *_names("CONSTANT GAUSSIAN", before="BlendMode."),
        *_names("NONE MEAN SUM MEAN_BATCH SUM_BATCH MEAN_CHANNEL SUM_CHANNEL", before="MetricReduction."),
    ),
    "numpy": (*_DTYPES, "uint16", "bool_"),
    "torch": (
        *_DTYPES,
        *_names(
            "bfloat16 half float double short int long bool abs all any argmax argmin as_tensor cat ceil clamp device",
            "exp flatten floor isfinite isnan log logical_and logical_not logical_or max mean min nan_to_num numel",
            "round sigmoid sign softmax sqrt squeeze stack sum tanh tensor unsqueeze where",
        ),
    ),
    "torch.nn": _names(
        "BatchNorm1d BatchNorm2d BatchNorm3d CELU ELU GELU GroupNorm Hardswish Identity InstanceNorm1d InstanceNorm2d",
        "InstanceNorm3d LayerNorm LeakyReLU Mish PReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softplus Tanh",
        "BCELoss BCEWithLogitsLoss CrossEntropyLoss HuberLoss L1Loss MSELoss NLLLoss SmoothL1Loss",
    ),
    "torch.nn.functional": _names("gelu leaky_relu log_softmax normalize one_hot relu sigmoid softmax"),
}
"""Module to what may be named in it."""

MODULE_ALIASES: dict[str, str] = {"np": "numpy"}
"""Names under which people import a module."""


def _dotted() -> dict[str, tuple[str, str]]:
    table = {f"{module}.{name}": (module, name) for module, names in MODULE_NAMES.items() for name in names}
    for short, module in MODULE_ALIASES.items():
        table.update({f"{short}.{name}": (module, name) for name in MODULE_NAMES[module]})
    return table


DOTTED: dict[str, tuple[str, str]] = _dotted()
"""Full dotted name to its module and the name inside it."""

MEMBERS: frozenset[str] = frozenset(
    (
        # networks, optimizers, schedulers
        *_names("parameters named_parameters children named_children modules named_modules get_submodule"),
        *_names("get_parameter state_dict param_groups get_last_lr"),
        # dicts and texts
        *_names("get items keys values startswith endswith lower upper strip split"),
        # tensors and arrays
        *_names("shape ndim dtype device size dim numel item abs all any argmax argmin bool clamp contiguous cpu"),
        *_names("detach double exp flatten float half int isfinite isnan log long max mean min permute reshape"),
        *_names("round sigmoid softmax sqrt squeeze sum to tolist transpose unsqueeze view meta"),
        # engines in handlers' filters
        *_names("state epoch iteration max_epochs epoch_length output batch metrics best_metric best_metric_epoch"),
    )
)
"""Attributes and methods of objects that may be used."""
