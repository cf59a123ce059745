"""Old args of a class as today's, where that takes more than another name; the table names these functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


class CannotTranslate(Exception):
    """The old args say nothing that today's class could be told."""


def _per_key(value: Any, count: int | None) -> list[Any]:
    """Return one value per key: a list as it is, anything else repeated."""
    if isinstance(value, list):
        return value
    return [value] * (count or 1)


def _plain(args: Mapping[str, Any], names: Sequence[str]) -> None:
    for name in names:
        value = args.get(name)
        if any(isinstance(item, (str, dict)) for item in (value if isinstance(value, list) else [value])):
            raise CannotTranslate(f'the old arg "{name}" can be translated only where it is a plain value')


def one_hot(args: dict[str, Any]) -> dict[str, Any]:
    """Return the args of AsDiscrete(d) with ``to_onehot`` as the number of classes.

    Before MONAI 0.7 ``to_onehot`` was a bool (or one per key) beside ``n_classes``, later ``num_classes``.

    >>> one_hot({"keys": ["pred", "label"], "to_onehot": [True, False], "n_classes": 3})
    {'keys': ['pred', 'label'], 'to_onehot': [3, None]}
    """
    _plain(args, ("n_classes", "num_classes", "to_onehot"))
    counts = [args[name] for name in ("num_classes", "n_classes") if args.get(name) is not None]
    if len(counts) == 2 and counts[0] != counts[1]:
        raise CannotTranslate("n_classes and num_classes are two names of the same arg, but they differ")
    switch = args.get("to_onehot")
    lengths = [len(value) for value in (*counts, switch) if isinstance(value, list)]
    if len(set(lengths)) > 1:
        raise CannotTranslate(
            "the lists of to_onehot and of the number of classes have one value per key, but their lengths differ"
        )
    length = lengths[0] if lengths else None
    numbers = _per_key(counts[0] if counts else None, length)
    switches = _per_key(switch, length)
    values = [_class_count(on, number) for on, number in zip(switches, numbers, strict=True)]
    new = {name: value for name, value in args.items() if name not in ("n_classes", "num_classes")}
    if length is not None and any(value is not None for value in values):
        new["to_onehot"] = values
    elif length is None and values[0] is not None:
        new["to_onehot"] = values[0]
    elif switch is not None:
        del new["to_onehot"]
    return new


def _class_count(switch: Any, number: Any) -> int | None:
    if switch is None or switch is False:
        return None
    if switch is not True:
        if number is not None and number != switch:
            raise CannotTranslate("to_onehot is the number of classes, but the old arg gives another number")
        return int(switch)
    if number is None:
        raise CannotTranslate("to_onehot is the number of classes; true does not say how many")
    return int(number)


def threshold(args: dict[str, Any]) -> dict[str, Any]:
    """Return the args of AsDiscrete(d) with ``threshold`` as the value itself.

    Before MONAI 0.7 ``threshold_values`` was a bool (or one per key) beside ``logit_thresh`` (0.5). Today's class
    ignores both silently, and every Dice is wrong.

    >>> threshold({"keys": "pred", "threshold_values": True})
    {'keys': 'pred', 'threshold': 0.5}
    """
    _plain(args, ("threshold_values", "logit_thresh"))
    switch, value = args.get("threshold_values"), args.get("logit_thresh")
    if args.get("threshold") is not None:
        raise CannotTranslate("threshold and its old names threshold_values and logit_thresh exclude each other")
    lengths = [len(given) for given in (switch, value) if isinstance(given, list)]
    if len(set(lengths)) > 1:
        raise CannotTranslate("threshold_values and logit_thresh have one value per key, but their lengths differ")
    length = lengths[0] if lengths else None
    pairs = zip(_per_key(switch, length), _per_key(value, length), strict=True)
    values = [(0.5 if limit is None else limit) if on is True else None for on, limit in pairs]
    new = {name: given for name, given in args.items() if name not in ("threshold_values", "logit_thresh")}
    if any(limit is not None for limit in values):
        new["threshold"] = values if length is not None else values[0]
    return new


def split_dim(args: dict[str, Any]) -> dict[str, Any]:
    """Return the args of SplitDim(d) for those of SplitChannel(d), which kept the dimension it split.

    >>> split_dim({"keys": "pred", "channel_dim": 1})
    {'keys': 'pred', 'dim': 1, 'keepdim': True}
    """
    new = {name: value for name, value in args.items() if name != "channel_dim"}
    return {**new, "dim": 0 if args.get("channel_dim") is None else args["channel_dim"], "keepdim": True}


def fully_convolutional(args: dict[str, Any]) -> dict[str, Any]:
    """Return the args of TorchVisionFCModel for those of TorchVisionFullyConvModel.

    >>> fully_convolutional({"model_name": "resnet18", "n_classes": 2})["num_classes"]
    2
    """
    old = ("n_classes", "pool_size", "pool_stride")
    new = {name: value for name, value in args.items() if name not in old}
    if args.get("n_classes") is not None:
        new["num_classes"] = args["n_classes"]
    pool = {"kernel_size": args.get("pool_size", [7, 7]), "stride": args.get("pool_stride", 1)}
    return {**new, "use_conv": True, "pool": ["avg", pool]}


def group_norm(args: dict[str, Any]) -> dict[str, Any]:
    """Return the args of SegResNet and SegResNetVAE with ``norm`` in place of ``norm_name`` and ``num_groups``.

    Today's SegResNet takes ``num_groups`` and ignores it where ``norm_name`` is not given too.

    >>> group_norm({"num_groups": 4})
    {'norm': ['GROUP', {'num_groups': 4}]}
    """
    name = args.get("norm_name") or "group"
    if "norm" in args:
        raise CannotTranslate("norm and its old names norm_name and num_groups exclude each other")
    if not isinstance(name, str) or name.lower() != "group":
        raise CannotTranslate("the old arg norm_name could only be group")
    new = {key: value for key, value in args.items() if key not in ("norm_name", "num_groups")}
    return {**new, "norm": ["GROUP", {"num_groups": args.get("num_groups", 8)}]}


def batch_norm(args: dict[str, Any]) -> dict[str, Any]:
    """Return the args of EfficientNet with ``norm`` in place of the batch norm's numbers.

    The old momentum was TensorFlow's, the share of the past; PyTorch's is the share of the new.

    >>> batch_norm({"batch_norm_momentum": 0.9})
    {'norm': ['batch', {'eps': 0.001, 'momentum': 0.1}]}
    """
    old = ("batch_norm_momentum", "batch_norm_epsilon")
    if "norm" in args:
        raise CannotTranslate("norm and its old names batch_norm_momentum and batch_norm_epsilon exclude each other")
    _numbers(args, old)
    new = {key: value for key, value in args.items() if key not in old}
    momentum = round(1.0 - args.get("batch_norm_momentum", 0.99), 12)
    return {**new, "norm": ["batch", {"eps": args.get("batch_norm_epsilon", 0.001), "momentum": momentum}]}


def affine_norm(args: dict[str, Any]) -> dict[str, Any]:
    """Return the args of DynUNet with the norm that a bare name stood for before MONAI 0.6: one that is learnt.

    Today a bare ``instance`` has no weights, so that the network is another and old checkpoints do not fit.

    >>> affine_norm({"norm_name": "instance"})
    {'norm_name': ['INSTANCE', {'affine': True}]}
    """
    name = args.get("norm_name", "instance")
    if not isinstance(name, str) or name.lower() not in ("batch", "instance", "group"):
        return args
    groups = {"num_groups": 16} if name.lower() == "group" else {}
    return {**args, "norm_name": [name.upper(), {**groups, "affine": True}]}


def dropout_of_transitions(args: dict[str, Any]) -> dict[str, Any]:
    """Return the args of VNet with ``dropout_prob`` for the way down and for the way up, as it once was for both.

    >>> dropout_of_transitions({"dropout_prob": 0.2})
    {'dropout_prob_down': 0.2, 'dropout_prob_up': [0.2, 0.5]}
    """
    if "dropout_prob_down" in args or "dropout_prob_up" in args:
        raise CannotTranslate("dropout_prob and the args that replaced it exclude each other")
    new = {name: value for name, value in args.items() if name != "dropout_prob"}
    return {**new, "dropout_prob_down": args["dropout_prob"], "dropout_prob_up": [args["dropout_prob"], 0.5]}


def rician_probability(args: dict[str, Any]) -> dict[str, Any]:
    """Return the args of RandRicianNoised with the one probability that is left.

    >>> rician_probability({"keys": "image", "global_prob": 0.5, "prob": 0.4})
    {'keys': 'image', 'prob': 0.2}
    """
    return _one_probability(args, whole=0.1, each=1.0)


def spike_probability(args: dict[str, Any]) -> dict[str, Any]:
    """Return the args of RandKSpaceSpikeNoised with the one probability that is left.

    >>> spike_probability({"keys": "image", "global_prob": 0.5})
    {'keys': 'image', 'prob': 0.05}
    """
    return _one_probability(args, whole=1.0, each=0.1)


def _one_probability(args: dict[str, Any], *, whole: float, each: float) -> dict[str, Any]:
    """Return the args with ``prob`` alone, which was that of each key, after ``global_prob`` for all of them."""
    _numbers(args, ("global_prob", "prob"))
    keys, prob = args.get("keys"), args.get("prob", each)
    if isinstance(keys, list) and len(keys) > 1 and prob != 1:
        raise CannotTranslate("since MONAI 0.7 one probability decides for all keys; each key had one of its own")
    new = {name: value for name, value in args.items() if name != "global_prob"}
    return {**new, "prob": round(args.get("global_prob", whole) * prob, 12)}


def one_item(args: dict[str, Any]) -> dict[str, Any]:
    """Return the args of a deepgrow transform without ``batched``, where that said what is so today.

    >>> one_item({"guidance": "guidance", "batched": False})
    {'guidance': 'guidance'}
    """
    if args.get("batched"):
        raise CannotTranslate("since MONAI 0.6 this transform works on one item, not on a batch")
    return {name: value for name, value in args.items() if name != "batched"}


def _numbers(args: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise :class:`CannotTranslate` where one of these args is given, but is no number."""
    for name in names:
        value = args.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise CannotTranslate(f'the old arg "{name}" can be translated only where it is a number')


FUNCTIONS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "affine_norm": affine_norm,
    "batch_norm": batch_norm,
    "dropout_of_transitions": dropout_of_transitions,
    "fully_convolutional": fully_convolutional,
    "group_norm": group_norm,
    "one_hot": one_hot,
    "one_item": one_item,
    "rician_probability": rician_probability,
    "spike_probability": spike_probability,
    "split_dim": split_dim,
    "threshold": threshold,
}
"""The functions that the table may name."""
