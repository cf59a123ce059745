"""``python -m medl.apps.export``: a trained network as TorchScript, ONNX, torch.export program or MONAI Bundle.

Exit codes: 0 exported and verified; 1 the network cannot be exported so, or gives other results; 2 the config, the
checkpoint or the command line break a rule.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medl.errors import ConfigError, MedlError, Problem

if TYPE_CHECKING:
    import torch

    from medl.mmar.archive import MMAR

FORMATS = {"torchscript": "model.ts", "onnx": "model.onnx", "torchexport": "model.pt2", "bundle": "bundle"}
"""What ``--format`` may say, and the name under models/ that an export gets without ``--output_path``."""
VERIFIED = "Exported model has been tested with TorchScript, and the result looks good!"
"""What Clara prints, and scripts look for."""


def parser() -> argparse.ArgumentParser:
    """Return the command line, with Clara's names."""
    options = argparse.ArgumentParser(prog="python -m medl.apps.export", description="Export a trained network.")
    options.add_argument("-m", "--mmar", required=True, metavar="ROOT", help="the archive's folder")
    options.add_argument(
        "-c",
        "--train_config",
        default="config/config_train.json",
        metavar="FILE",
        help="relative to ROOT (%(default)s); where there is none, the config inside the checkpoint",
    )
    options.add_argument(
        "-e", "--env", default="config/environment.json", metavar="FILE", help="relative to ROOT (%(default)s)"
    )
    options.add_argument("--model_path", metavar="FILE", help="the checkpoint (the archive's MMAR_CKPT)")
    options.add_argument("--output_path", metavar="FILE", help="the new file or bundle (models/model.ts, …)")
    options.add_argument(
        "--input_shape", metavar="LIST", help='such as "[1,1,160,160,160]" (the sliding window\'s, where there is one)'
    )
    options.add_argument("--format", choices=list(FORMATS), default="torchscript", help="(%(default)s)")
    options.add_argument("--ignore_verify", action="store_true", help="do not run what was exported")
    options.add_argument(
        "--from_checkpoint", action="store_true", help="build the network from the config inside the checkpoint"
    )
    options.add_argument("--debug", action="store_true", help="show the traceback of an error")
    options.add_argument(
        "--set", nargs="*", action="extend", default=[], metavar="NAME=VALUE", help="values in place of the config's"
    )
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Export, and return the exit code."""
    words = parser().parse_args(argv)
    try:
        _export(words)
    except (MedlError, OSError) as error:
        if words.debug:
            traceback.print_exc()
        print(f"medl: {error}", file=sys.stderr, flush=True)
        return error.exit_code if isinstance(error, MedlError) else 1
    return 0


def _export(words: argparse.Namespace) -> None:
    from medl.conf.component import user_folders
    from medl.conf.load import parse_settings, read_object
    from medl.conf.user_imports import user_imports
    from medl.mmar.archive import MMAR

    mmar = MMAR(os.path.join(os.getcwd(), words.mmar)).require()
    given_env = words.env != parser().get_default("env")
    has_env = given_env or (mmar.root / words.env).exists()
    environment = read_object(mmar.root / words.env, words.env) if has_env else {}
    settings = parse_settings(words.set)
    given_shape = input_shape(words.input_shape) if words.input_shape else None
    target = Path(words.output_path or mmar.models / FORMATS[words.format])
    if target.exists():  # said before anything heavy is imported
        remedy = "Move it away, or give another name with --output_path."
        raise ConfigError(Problem("an export never overwrites what is there", file=str(target), remedy=remedy))
    source = words.model_path or {**environment, **settings}.get("MMAR_CKPT") or "models/model.pt"
    checkpoint = Path(source) if words.model_path else mmar.root / str(source)

    from medl.train.quiet import quiet_imports

    quiet_imports()
    with user_imports(user_folders(mmar.custom), say=lambda line: print(f"medl: {line}", flush=True)):
        network, config, raw, file = _network(words, mmar, checkpoint, environment, settings)
        shape = given_shape or _shape_of(config)
        _write(words, mmar, network, config, raw, {**environment, **settings}, file, shape, target)


def _network(
    words: argparse.Namespace,
    mmar: MMAR,
    path: Path,
    environment: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> tuple[torch.nn.Module, dict[str, Any], Mapping[str, Any], str]:
    """Return the network with its weights, its config in normal form and as it was, and that config's name."""
    from medl.conf.catalogue import Catalogue
    from medl.conf.check import check_training
    from medl.conf.load import read_object
    from medl.train.trained_network import (
        CONF,
        built_network,
        conf_of,
        load_weights,
        network_conf,
        read_checkpoint,
        weights_of,
    )

    by_default = words.train_config == parser().get_default("train_config")
    inside = words.from_checkpoint or (by_default and not (mmar.root / words.train_config).exists())
    if inside:
        checkpoint = read_checkpoint(path)
        raw: Mapping[str, Any] = conf_of(checkpoint, path)
        config, variables, file = network_conf(raw, mmar, path), dict(environment), f"{path}: {CONF}"
    else:
        raw, file = read_object(mmar.root / words.train_config, words.train_config), words.train_config
        checked = check_training(
            mmar.root,
            dict(raw),
            environment,
            settings,
            file,
            Catalogue.load(),
            environment_file=words.env,
            own_values=True,
            check_data=False,
        ).require()
        for line in checked.notes:
            print(f"medl: {line}", flush=True)
        checkpoint = read_checkpoint(path)
        config, variables = checked.config, dict(checked.resolved.variables) if checked.resolved else {}
    network = built_network(mmar, config, variables, file=file)
    load_weights(network, weights_of(checkpoint, path), path, file)
    return network.eval(), config, raw, file


def _write(
    words: argparse.Namespace,
    mmar: MMAR,
    network: torch.nn.Module,
    config: Mapping[str, Any],
    raw: Mapping[str, Any],
    values: Mapping[str, Any],
    file: str,
    shape: tuple[int, ...],
    target: Path,
) -> None:
    from medl.train.export import FORMATS as KINDS
    from medl.train.export import export
    from medl.train.export_bundle import export_bundle

    verify = not words.ignore_verify
    if words.format == "bundle":
        done = export_bundle(mmar, config, raw, values, network, shape, target, file=file, verify=verify)
    else:
        done = export(network, shape, target, words.format, verify=verify)
    print(f"medl: exported {target}", flush=True)
    for note in done.notes:
        print(f"medl: {note}", flush=True)
    title = "TorchScript" if words.format == "bundle" else KINDS[words.format].title
    if done.difference is None:
        print(f"medl: {title} was not verified (--ignore_verify).", flush=True)
        return
    print(
        f"medl: max abs difference between the network and {title}: {done.difference:.3g} "
        f"(random input of shape {list(shape)})",
        flush=True,
    )
    if title == "TorchScript":
        print(VERIFIED, flush=True)


def input_shape(text: str) -> tuple[int, ...]:
    """Return the shape that a text such as ``[1,1,160,160,160]`` gives.

    Raises:
        ConfigError: it is not a list of at least three whole numbers from 1.
    """
    try:
        value = json.loads(text if text.strip().startswith("[") else f"[{text}]")
    except ValueError:
        value = None
    whole = isinstance(value, list) and all(isinstance(one, int) and not isinstance(one, bool) for one in value)
    if not isinstance(value, list) or not whole or len(value) < 3 or min(value) < 1:
        rule = "an input shape is a list of whole numbers from 1: batch, channels, then the size in voxels"
        remedy = 'Write it as "[1,1,160,160,160]", in quotes.'
        raise ConfigError(Problem(rule, path="--input_shape", value=text, remedy=remedy))
    return tuple(value)


def _shape_of(config: Mapping[str, Any]) -> tuple[int, ...]:
    """Return one batch of the sliding window that the config validates with."""
    from medl.conf.sections import args_of, is_component, is_disabled

    def args(section: str, key: str) -> Mapping[str, Any]:
        value = config.get(section, {}).get(key)
        several = value if isinstance(value, list) else [value]
        found = [args_of(one)[1] for one in several if is_component(one) and not is_disabled(one)]
        return found[0] if found and isinstance(found[0], dict) else {}

    window = args("validate", "inferer").get("roi_size")
    channels = args("train", "model").get("in_channels", args("train", "model").get("n_input_channels"))
    if isinstance(window, list) and isinstance(channels, int) and all(isinstance(n, int) and n > 0 for n in window):
        return (1, channels, *window)
    remedy = 'Give --input_shape "[1,1,160,160,160]": batch, channels, then the size in voxels.'
    rule = "the shape of the input has to be known, and the config has no sliding window that says it"
    raise ConfigError(Problem(rule, path="--input_shape", remedy=remedy))


if __name__ == "__main__":
    sys.exit(main())
