"""Every class of every row of the table of old names: the old form, translated, does what today's form does."""

from __future__ import annotations

import copy
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from medl.conf.catalogue import ROLES, Catalogue
from medl.conf.check_component import ComponentCheck
from medl.conf.component import class_of
from medl.conf.era import version
from medl.conf.expression import evaluate, parse_expression
from medl.conf.marks import mark_of
from medl.conf.sections import Place
from medl.conf.today import in_todays_words
from medl.conf.translate import table, translate

CATALOGUE = Catalogue.load()


def _cases() -> Any:
    path = Path(__file__).parent / "old_names" / "cases.py"
    spec = importlib.util.spec_from_file_location("old_names_cases", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


CASES = _cases().CASES
ROWS = [
    pytest.param(name, row, id=f"{name}-{row['do']}-{row.get('arg', row.get('function', ''))}")
    for row in table()
    for name in row["class"]
]


def key_of(name: str, row: dict[str, Any]) -> tuple[str, str, str]:
    return name, row["do"], row.get("arg", row.get("function", ""))


def section_key(name: str) -> str:
    """Return a key of a config's section where the class may stand."""
    entry = CATALOGUE.find(name)
    kind = entry.kind if entry is not None else "transform"
    return next((key for key, kinds in ROLES.items() if kind in kinds and key != "post_transforms"), "pre_transforms")


def in_config(name: str, args: dict[str, Any], today: str = "") -> tuple[dict[str, Any], str]:
    key = section_key(today or name)
    return {"train": {key: [{"name": name, "args": copy.deepcopy(args)}]}}, key


def image(*shape: int, seed: int = 0) -> MetaTensor:
    data = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
    affine = torch.diag(torch.tensor([1.0, 1.5, 1.0, 1.0], dtype=torch.float64))
    meta = {"filename_or_obj": "case.nii.gz", "space": "RAS", "original_affine": affine.numpy()}
    return MetaTensor(data, affine=affine, meta={**meta, "spatial_shape": np.array(shape[1:])})


@pytest.fixture
def sample(tmp_path: Path) -> dict[str, Any]:
    import nibabel

    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    nibabel.save(nibabel.Nifti1Image(array, np.diag([-1.0, 1.0, 1.0, 1.0])), tmp_path / "a.nii")
    np.save(tmp_path / "a.npy", array)
    label = (image(1, 8, 8, 8, seed=1) > 0.5).float()
    return {
        "image": image(1, 8, 8, 8),
        "label": label,
        "pred": 1 - label,
        "weight": image(1, 8, 8, 8, seed=2),
        "to": torch.diag(torch.tensor([2.0, 2.0, 2.0, 1.0], dtype=torch.float64)),
        "guidance": [[[1, 1, 1, 1]], [[1, 2, 2, 2]]],
        "nifti": str(tmp_path / "a.nii"),
        "npy": str(tmp_path / "a.npy"),
        "png": str(tmp_path / "a.png"),
    }


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_row(name: str, row: dict[str, Any], sample: dict[str, Any], tmp_path: Path) -> None:
    case = CASES[key_of(name, row)]  # a row without a case is an error
    if row["do"] == "move":
        check_moved(name, row, case)
        return
    config, key = in_config(name, case.old, case.name)
    old_era = (0, 4) if row["do"] == "default" or row.get("silent") else None
    result = translate(config, CATALOGUE, "c.json", monai=old_era)
    if case.refused:
        assert any(case.refused in problem.rule and problem.remedy for problem in result.problems), result.problems
        return
    assert result.problems == []
    made = result.config["train"][key][0]
    assert made["args"] == case.new
    assert made["name"] == (f"{case.name}#{name}" if case.name else name)
    assert any(name in note for note in result.notes)
    if old_era is not None:
        current = translate(config, CATALOGUE, "c.json", monai=version(row["since"]))
        assert row.get("arg") not in current.config["train"][key][0]["args"] or row["do"] == "function"
    assert_accepted(made, key, case)
    if case.only_config:
        return
    today = {"name": case.name or name, "args": case.new}
    given = outcome(made, key, case, sample, tmp_path / "given")
    assert_same(given, outcome(today, key, case, sample, tmp_path / "today"))
    if name in ORACLES:
        assert_same(given, ORACLES[name](sample))
    if case.differs is not None:
        other = outcome({"name": case.name or name, "args": case.differs}, key, case, sample, tmp_path / "other")
        with pytest.raises(AssertionError):
            assert_same(given, other)


def test_every_case_has_a_row() -> None:
    assert set(CASES) == {key_of(name, row) for row in table() for name in row["class"]}


def check_moved(name: str, row: dict[str, Any], case: Any) -> None:
    config = {"validate": {"handlers": [{"name": "StatsHandler"}, {"name": name, "args": case.old}, {"name": "B"}]}}
    result = in_todays_words(config, {"MEDL_VERSION": "1"}, CATALOGUE)
    assert [spec["name"] for spec in result.config["validate"]["handlers"]] == ["StatsHandler", "B"]
    made = result.config["validate"]["post_transforms"][-1]
    assert made == {"name": case.name, "args": case.new}
    assert result.before("validate.handlers[1].args") == "validate.handlers[2].args"
    last = len(result.config["validate"]["post_transforms"]) - 1
    assert result.before(f"validate.post_transforms[{last}].args") == "validate.handlers[1].args"
    assert any(name in note and row["why"] in note for note in result.notes)
    assert_accepted(made, "post_transforms", case)


def assert_accepted(spec: dict[str, Any], key: str, case: Any) -> None:
    """Today's class takes every arg."""
    rules = [p.rule for p in ComponentCheck(CATALOGUE, ()).problems(Place("train", key, 0, spec))]
    assert not [rule for rule in rules if "has no arg" in rule or "there is no component" in rule]


def assert_same(left: Any, right: Any) -> None:
    assert type(left) is type(right) or isinstance(left, torch.Tensor) == isinstance(right, torch.Tensor)
    if isinstance(left, dict):
        assert list(left) == list(right)
        for key in left:
            assert_same(left[key], right[key])
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right)
        for a, b in zip(left, right, strict=True):
            assert_same(a, b)
    elif isinstance(left, (torch.Tensor, np.ndarray)):
        a, b = torch.as_tensor(np.asarray(left)), torch.as_tensor(np.asarray(right))
        assert a.shape == b.shape and torch.equal(a, b)
    else:
        assert left == right


ORACLES = {
    "AddChannel": lambda sample: sample["image"][None],
    "AddChanneld": lambda sample: {"image": sample["image"][None]},
    "AsChannelFirst": lambda sample: sample["image"].movedim(-1, 0),
    "AsChannelFirstd": lambda sample: {"image": sample["image"].movedim(2, 0)},
    "SplitChannel": lambda sample: [sample["image"][:, i : i + 1] for i in range(8)],
}
"""What an old transform gave, in other words."""


def outcome(spec: dict[str, Any], key: str, case: Any, sample: dict[str, Any], folder: Path) -> Any:
    """Build a component and return what it does with tiny data."""
    torch.manual_seed(0)
    np.random.seed(0)
    cls = class_of(spec, catalogue=CATALOGUE, folders=(), role=key)
    args = {name: resolved(value) for name, value in spec["args"].items()}
    args.update({name: BUILT[name](sample) for name in case.built})
    name = spec["name"].partition("#")[0]
    entry = CATALOGUE.find(name)
    assert entry is not None
    return OUTCOMES[entry.kind](cls, args, name, copy.deepcopy(sample), folder)


def resolved(value: Any) -> Any:
    if isinstance(value, str) and mark_of(value).is_code:
        return evaluate(parse_expression(value), lambda _: None)
    return value


def _identity(x: Any) -> Any:
    return x


def _network(sample: dict[str, Any]) -> Any:
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(512, 4))
    net.fc = torch.nn.Linear(4, 4)
    return net


def _dice(sample: dict[str, Any]) -> Any:
    from monai.metrics import DiceMetric

    return DiceMetric()


def _patches(item: Any) -> Any:
    return [item]


def _patch_iter(item: Any) -> Any:
    yield item, np.zeros((1, 2))


BUILT = {
    "metric_fn": _dice,
    "image_files": lambda sample: [sample["nifti"]],
    "model": _network,
    "data": lambda sample: [1.0, 2.0],
    "patch_iter": lambda sample: _patch_iter,
    "patch_func": lambda sample: _patches,
    "transform": lambda sample: _identity,
}


def of_transform(cls: Any, args: dict[str, Any], name: str, sample: dict[str, Any], folder: Path) -> Any:
    if name.startswith("SaveImage"):
        return of_saver(cls, args, name, sample, folder)
    if name == "Invertd":
        return of_inverse(cls, args, sample)
    made = cls(**args)
    if hasattr(made, "set_random_state"):
        made.set_random_state(7)
    if name.startswith("Rand2D"):
        sample["image"] = sample["image"][..., 0]
    if "keys" not in args and name not in ("FindDiscrepancyRegionsd", "AddGuidanceSignald"):
        given = sample["nifti"] if name == "LoadImage" else sample["image"]
        if args.get("reader") == "NumpyReader":
            given = sample["npy"]
        if args.get("reader") == "PILReader":
            given = png(sample)
        out = made(given)
        if not isinstance(out, tuple):
            return out
        return [sorted(map(str, part)) if isinstance(part, dict) else part for part in out]
    if args.get("reader") == "PILReader":
        png(sample)
    out = made(sample)
    keys = args.get("keys", ["image"])
    wanted = [keys] if isinstance(keys, str) else keys
    if name == "FindDiscrepancyRegionsd":
        wanted = ["discrepancy"]
    found = [
        {key: value for key, value in item.items() if str(key).startswith(tuple(wanted))}
        for item in (out if isinstance(out, list) else [out])
    ]
    return strip_meta(found if isinstance(out, list) else found[0])


def strip_meta(value: Any) -> Any:
    """Return it with the names of metadata only: what is in them differs from read to read."""
    if isinstance(value, list):
        return [strip_meta(item) for item in value]
    return {key: sorted(map(str, item)) if isinstance(item, dict) else item for key, item in value.items()}


def png(sample: dict[str, Any]) -> str:
    image_module = pytest.importorskip("PIL.Image")
    image_module.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3)).save(sample["png"])
    return str(sample["png"])


def of_saver(cls: Any, args: dict[str, Any], name: str, sample: dict[str, Any], folder: Path) -> Any:
    from monai.transforms import Spacing

    small = Spacing(pixdim=[2.0, 2.0, 2.0])(sample["image"])
    made = cls(**args, output_dir=folder, print_log=False)
    made({"image": small}) if name.endswith("d") else made(small)
    import nibabel

    (file,) = folder.rglob("*.nii.gz")
    return [np.asarray(nibabel.load(file).dataobj), nibabel.load(file).affine]


def of_inverse(cls: Any, args: dict[str, Any], sample: dict[str, Any]) -> Any:
    from monai.transforms import Compose, SpatialPadd

    pad = Compose([SpatialPadd(keys="image", spatial_size=[10, 10, 10])])
    item = pad({"image": sample["image"]})
    out = cls(**{**args, "transform": pad})({**item, "pred": item["image"] * 2})
    assert_same(out["pred"], sample["image"] * 2)
    return [out["pred"], str(out["pred"].device)]


def of_network(cls: Any, args: dict[str, Any], name: str, sample: dict[str, Any], folder: Path) -> Any:
    net = cls(**args).eval()
    sizes = {"UNETR": 16, "ViT": 16, "ViTAutoEnc": 16, "VarAutoEncoder": 16, "SegResNetVAE": 16, "VNet": 16}
    sizes |= {"SwinUNETR": 64, "EfficientNet": 32, "BasicUNet": 32, "NetAdapter": 8, "SegResNet": 8}
    size = sizes.get(name, 32 if "esNe" in name or name.startswith("resnet") else 8)
    flat = name in ("EfficientNet", "BasicUNet", "SwinUNETR") or name.startswith(("SERes", "resnet"))
    x = torch.rand((1, 1, *[size] * (2 if flat else 3)), generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    with torch.no_grad():
        out = net(x)
    rates = [module.p for module in net.modules() if isinstance(module, torch.nn.modules.dropout._DropoutNd)]
    momenta = [module.momentum for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    first = out[0] if isinstance(out, (tuple, list)) else out
    return [first, list(net.state_dict()), rates, momenta]


def of_loss(cls: Any, args: dict[str, Any], name: str, sample: dict[str, Any], folder: Path) -> Any:
    if name.startswith("Local"):
        return cls(**args)(torch.as_tensor(sample["image"])[None], torch.as_tensor(sample["weight"])[None])
    pred = torch.as_tensor(torch.cat([sample["image"], sample["weight"]]))[None]
    return cls(**args)(pred, torch.as_tensor(sample["label"])[None])


def of_metric(cls: Any, args: dict[str, Any], name: str, sample: dict[str, Any], folder: Path) -> Any:
    from ignite.engine import Engine

    given: Any = ([torch.as_tensor(sample["image"]).round()], [torch.as_tensor(sample["label"])])
    if name == "ROCAUC":
        given = (torch.rand(6, 1, generator=torch.Generator().manual_seed(0)), torch.tensor([[0], [1]] * 3))
    engine = Engine(lambda engine, batch: batch)
    cls(**args).attach(engine, "metric")
    return float(np.asarray(engine.run([given]).metrics["metric"]).ravel()[0])


def of_handler(cls: Any, args: dict[str, Any], name: str, sample: dict[str, Any], folder: Path) -> Any:
    if "log" in name.lower() or name.startswith("TensorBoard"):
        handler = cls(**args, log_dir=str(folder))
        handler.close()
        return [handler.iteration_log, handler.epoch_log]
    return {key: value for key, value in vars(cls(**args)).items() if isinstance(value, (str, int, float))}


def of_engine(cls: Any, args: dict[str, Any], name: str, sample: dict[str, Any], folder: Path) -> Any:
    seen: list[str] = []

    def post(item: dict[str, Any]) -> dict[str, Any]:
        seen.append("post")
        return item

    net = torch.nn.Identity() if name != "SupervisedTrainer" else torch.nn.Linear(8, 8)
    loader = [{"image": torch.rand(1, 8), "label": torch.rand(1, 8)}]
    common = {"device": "cpu", **args, "postprocessing": post}
    if name == "SupervisedTrainer":
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        more = {"max_epochs": 1, "train_data_loader": loader, "network": net, "optimizer": optimizer}
        cls(**common, **more, loss_function=torch.nn.MSELoss()).run()
    elif name == "EnsembleEvaluator":
        cls(**common, val_data_loader=loader, networks=[net], pred_keys=["pred"]).run()
    else:
        cls(**common, val_data_loader=loader, network=net).run()
    assert seen == ["post"]
    return seen


def of_dataset(cls: Any, args: dict[str, Any], name: str, sample: dict[str, Any], folder: Path) -> Any:
    if "transform" not in args and name.startswith(("Cache", "Smart")):
        args["transform"] = _identity
    if name.startswith("Smart"):
        args |= {"replace_rate": 0.5, "cache_num": 1, "progress": False, "shuffle": False}
    if name.startswith("Cache") and "cache_n_trans" not in args:
        args["progress"] = False
    made = cls(**args)
    if name == "GridPatchDataset":
        return [[float(np.asarray(patch[0] if isinstance(patch, tuple) else patch).ravel()[0])] for patch in made]
    if name == "PatchDataset":
        return list(made)
    return [made[index] for index in range(len(made))]


OUTCOMES = {
    "transform": of_transform,
    "network": of_network,
    "loss": of_loss,
    "metric": of_metric,
    "handler": of_handler,
    "trainer": of_engine,
    "evaluator": of_engine,
    "dataset": of_dataset,
}
"""Kind of component to what it does with tiny data."""


NEVER_CHANGED = {
    "Accuracy": "ignite.metrics.accuracy",
    "BasicUnet": "monai.networks.nets.basic_unet",
    "Unet": "monai.networks.nets.unet",
    "AsChannelLastd": "monai.transforms.utility.dictionary",
    "AddInitialSeedPointd": "monai.apps.deepgrow.transforms",
    "FindDiscrepancyRegionsd": "monai.apps.deepgrow.transforms",
    "AddRandomGuidanced": "monai.apps.deepgrow.transforms",
    "SpatialCropForegroundd": "monai.apps.deepgrow.transforms",
    "FindAllValidSlicesd": "monai.apps.deepgrow.transforms",
    "AddGuidanceSignald": "monai.apps.deepgrow.transforms",
}


@pytest.mark.parametrize("name", NEVER_CHANGED)
def test_name_that_is_found_as_it_was(name: str) -> None:
    entry = CATALOGUE.find(name)
    assert entry is not None and entry.module == NEVER_CHANGED[name]
