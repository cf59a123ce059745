"""Names that lead elsewhere: of classes, runs, files and folders."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medl.apps.automl import train as search
from medl.conf.catalogue import Catalogue
from medl.conf.component import class_of
from medl.conf.refused_args import refused_args, with_classes
from medl.errors import ConfigError
from medl.mmar.run_folder import RunFolder

NO_COMPONENTS = [
    "subprocess.Popen",
    "os.system",
    "os.path.join",
    "posix.system",
    "builtins.eval",
    "importlib.import_module",
    "runpy.run_path",
    "pickle.loads",
    "ctypes.CDLL",
    "socket.socket",
    "shutil.rmtree",
    "code.interact",
    "torch.load",
    "torch.save",
    "torch.hub.load",
    "torch.jit.load",
    "torch.ops.load_library",
    "torch.utils.cpp_extension.load",
    "torch.utils.cpp_extension.load_inline",
    "torch.utils.data.DataLoader",
    "torch.package.PackageImporter",
    "torch.multiprocessing.spawn",
    "torch.nn.Module.__init__",
    "torch.nn.Module.to_empty",
    "torch.nn.modules.module.OrderedDict",
    "torch.nn.modules.module.functools.partial",
    "torch.nn.functional.importlib.import_module",
    "torch.nn.parallel.distributed.os.system",
    "torch.optim.optimizer.warnings.catch_warnings",
    "torch.optim.optimizer.os",
    "monai.utils.module.importlib.import_module",
    "monai.utils.module.locate",
    "monai.utils.optional_import",
    "monai.utils.misc.subprocess.Popen",
    "monai.data.utils.pickle.loads",
    "monai.data.dataset.Pool",
    "monai.data.dataset.ThreadPool",
    "monai.data.thread_buffer.Thread",
    "monai.utils.jupyter_utils.Thread",
    "monai.bundle.run",
    "monai.bundle.ConfigParser",
    "monai.bundle.ConfigWorkflow",
    "monai.bundle.config_item.ConfigExpression",
    "monai.apps.download_url",
    "monai.apps.download_and_extract",
    "monai.apps.utils.extractall",
    "monai.apps.auto3dseg.AutoRunner",
    "monai.apps.nnunet.nnUNetV2Runner",
    "monai.auto3dseg.BundleGen",
    "monai.fl.client.MonaiAlgo",
    "monai.config.print_debug_info",
    "monai.losses.perceptual.MedicalNetPerceptualSimilarity",
    "monai.networks.layers.gmm.GaussianMixtureModel",
    "monai.networks.nets.senet.download_url",
    "monai.networks.nets.densenet.load_state_dict_from_url",
    "ignite.utils.Path",
    "ignite.distributed.utils.socket",
    "ignite.distributed.comp_models.native.subprocess.Popen",
    "medl.automl.process.subprocess.Popen",
    "medl.automl.process.start",
    "medl.automl.engine.Engine",
    "medl.apps.train.main",
    "medl.mmar.archive.shutil",
    "medl.mmar.archive.MMAR",
    "medl.components.executors.mmar_executor.os",
    "medl.components.executors.mmar_executor.subprocess.Popen",
    "medl.components",
    "...",
    "torch.nn..Module",
    "torch.nn.Mod\nule",
    "torch.nn.Module\x00",
    "torch/nn.Module",
    "../custom.net.Net",
    "a" * 100_000 + ".b",
    ".".join(["a"] * 10_000),
]
READERS: list[Any] = [
    "subprocess.Popen",
    "os.abort",
    "monai.bundle.ConfigParser",
    "antigravity",
    "os",
    ["NibabelReader", "os.abort"],
]


@pytest.mark.parametrize("path", NO_COMPONENTS, ids=lambda path: ascii(path[:50]))
def test_what_is_no_component_is_refused_by_the_check_and_by_the_class_table(
    path: str, attack: Callable[..., list[str]], catalogue: Catalogue, archive: Path
) -> None:
    started: set[str] = {"antigravity", "pip"} & set(sys.modules)
    with pytest.raises(ConfigError):
        class_of({"path": path}, catalogue=catalogue, folders=(archive / "custom",))
    checked = attack({"path": path, "args": {}}, "train", "model")
    named_by_the_class_table_only = path.startswith(("torch.nn.", "torch.optim.", "monai.", "ignite.", "medl."))
    assert checked or named_by_the_class_table_only
    assert {"antigravity", "pip"} & set(sys.modules) == started


@pytest.mark.parametrize("reader", READERS, ids=str)
def test_a_reader_is_held_to_the_same_rule(reader: Any, attack: Callable[..., list[str]]) -> None:
    spec = {"name": "LoadImaged", "args": {"keys": ["image", "label"], "reader": reader}}
    found = attack(spec, "train", "pre_transforms", 0)
    assert any("args.reader" in problem for problem in found)
    assert refused_args({"reader": reader}, resolved=True)
    assert not refused_args({"reader": "NibabelReader"}) and not refused_args({"reader": "numpyreader"})


def test_a_reader_reached_through_an_allowed_module_is_refused_before_it_is_called(catalogue: Catalogue) -> None:
    pytest.importorskip("monai")

    def find(dotted: str, path: str) -> Any:
        return class_of({"path": dotted}, catalogue=catalogue, path=path)

    for reader in ("monai.data.utils.pickle.loads", "monai.utils.misc.subprocess.Popen", "monai.data.utils.os.abort"):
        with pytest.raises(ConfigError):
            with_classes({"reader": reader}, find, "args")
    made = with_classes({"reader": ["monai.data.NibabelReader", "NumpyReader"]}, find, "args")["reader"]
    assert made[0].__name__ == "NibabelReader" and made[1] == "NumpyReader"


def test_what_would_unpickle_or_fetch_code_is_refused(attack: Callable[..., list[str]]) -> None:
    spec = {"name": "LoadImaged", "args": {"keys": ["image", "label"], "allow_pickle": True}}
    assert any("pickle" in problem for problem in attack(spec, "train", "pre_transforms", 0))
    spec = {
        "name": "PersistentDataset",
        "args": {"data": [], "transform": None, "weights_only": False, "cache_dir": "c"},
    }
    assert any("weights_only" in problem for problem in attack(spec, "train", "dataset"))
    spec = {"name": "PerceptualLoss", "args": {"spatial_dims": 3, "network_type": "medicalnet_resnet10_23datasets"}}
    assert any("fetches no code" in problem for problem in attack(spec, "train", "loss"))
    assert refused_args({"writer": "os.abort"}) and refused_args({"merger_cls": "os.abort"})
    assert refused_args({"allow_pickle": "#x"}, resolved=True)


def test_a_reader_that_comes_from_code_is_looked_at_when_it_is_built(archive: Path) -> None:
    pytest.importorskip("monai")
    import torch

    from medl.conf.sections import args_of
    from medl.mmar.archive import MMAR
    from medl.train.build import object_graph
    from medl.train.device import Device
    from medl.train.distributed import Ranks
    from medl.train.implicit import Parts

    spec = {"name": "LoadImaged", "args": {"keys": "image", "reader": "#'os.ab' + 'ort'"}}
    assert not refused_args(args_of(spec)[1])
    config = {"train": {"pre_transforms": [spec]}}
    where = Device(torch.device("cpu"), amp=False, cudnn_benchmark=False, tf32=False)
    parts = Parts(MMAR(archive), config, {}, file="c.json", folder=archive / "models", ranks=Ranks(), device=where)
    with pytest.raises(ConfigError, match=r"args\.reader"):
        object_graph(parts, lambda key, graph: []).get("train", "pre_transforms")


@pytest.mark.parametrize(
    "run_id",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "/tmp/x",
        "a\nb",
        "a\x00b",
        "-rf",
        "a b",
        "a;true",
        "$(true)",
        "é",
        "a" * 101,
        "a..b",
    ],
    ids=ascii,
)
def test_a_run_id_is_a_plain_name(run_id: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        RunFolder(tmp_path, run_id)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "words",
    [
        ["run_id=../../x"],
        ["run_id=a", "trainconf=../../../etc/passwd"],
        ["run_id=a", "trainconf=/etc/passwd"],
        ["run_id=a", "workers=" + "0," * 100_000],
        ["run_id=a", "workers=0-999999999"],
        ["run_id=a", "workers=$(touch stolen)/0"],
        ["run_id=a", "algorithm=os.system"],
        ["run_id=a", "max_rounds=" + "9" * 5000],
        ["run_id=a", "=x"],
    ],
    ids=lambda words: words[-1][:40],
)
def test_settings_of_the_command_line(
    words: list[str], archive: Path, quiet: Callable[..., tuple[int, str]], bounded: Callable[[], Any]
) -> None:
    with bounded():
        code, said = quiet(lambda: search.main(["-m", str(archive), "--dry-run", "--set", *words]))
    assert code == 2 and "Traceback" not in said and len(said) < 20_000
    assert not (archive.parent / "x").exists() and not Path("stolen").exists()


@pytest.mark.parametrize(
    "items",
    [
        [{"image": "../../../../etc/shadow_of_nothing", "label": "x.nii"}],
        [{"image": "a\nb.nii", "label": "a\x00b.nii"}],
        [{"image": "http://169.254.169.254/latest/meta-data", "label": "file:///etc/passwd"}],
        [{"image": "x" * 100_000, "label": "|touch stolen"}],
        [{"image": {"path": "subprocess.Popen"}, "label": 1}],
        [{"__class__": "x"}, "$(touch stolen)"],
        [[[[["x"]]]]],
        [None, 1, True, {}],
        [{"image": f"{n}.nii", "label": f"{n}.nii"} for n in range(20_000)],
    ],
    ids=lambda items: ascii(items)[:40],
)
def test_data_lists(items: Any, archive: Path, check: Callable[[], list[str]], bounded: Callable[[], Any]) -> None:
    listed = archive / json.loads((archive / "config/environment.json").read_text())["DATASET_JSON"]
    listed.write_text(json.dumps({"training": items, "validation": items}), encoding="utf-8")
    with bounded():
        found = check()
    assert found and len("\n".join(found)) < 50_000
    assert not Path("stolen").exists()
