"""Names of components: which class they mean, what is near, what it takes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from medl.conf.catalogue import ROLES, Catalogue, Entry, serves


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


def found(catalogue: Catalogue, name: str, role: str | None = None) -> Entry:
    entry = catalogue.find(name, role)
    assert entry is not None, name
    return entry


@pytest.mark.parametrize(
    ("name", "dotted"),
    [
        ("Novograd", "monai.optimizers.novograd.Novograd"),
        ("BCEWithLogitsLoss", "torch.nn.modules.loss.BCEWithLogitsLoss"),
        ("CosineAnnealingLR", "torch.optim.lr_scheduler.CosineAnnealingLR"),
        ("StepLR", "torch.optim.lr_scheduler.StepLR"),
        ("LinearLR", "torch.optim.lr_scheduler.LinearLR"),
        ("Accuracy", "ignite.metrics.accuracy.Accuracy"),
        ("EarlyStopping", "ignite.handlers.early_stopping.EarlyStopping"),
        ("DataLoader", "monai.data.dataloader.DataLoader"),
        ("Dataset", "monai.data.dataset.Dataset"),
        ("ToTensorD", "monai.transforms.utility.dictionary.ToTensord"),
        ("ToTensorDict", "monai.transforms.utility.dictionary.ToTensord"),
        ("BasicUnet", "monai.networks.nets.basic_unet.BasicUNet"),
        ("monai.transforms.LoadImaged", "monai.transforms.io.dictionary.LoadImaged"),
        ("monai.networks.nets.unet.UNet", "monai.networks.nets.unet.UNet"),
        ("monai.optimizers.LinearLR", "monai.optimizers.lr_scheduler.LinearLR"),
        ("Spacingd#geometry", "monai.transforms.spatial.dictionary.Spacingd"),
        ("AddInitialSeedPointd", "monai.apps.deepgrow.transforms.AddInitialSeedPointd"),
    ],
)
def test_name_means_class(catalogue: Catalogue, name: str, dotted: str) -> None:
    assert found(catalogue, name).dotted == dotted


@pytest.mark.parametrize("name", ["", "RandFlipp", "monai.losses.UNet", "subprocess.Popen", "#alias"])
def test_unknown_name_is_none(catalogue: Catalogue, name: str) -> None:
    assert catalogue.find(name) is None


def test_role_chooses_between_classes_of_one_name(catalogue: Catalogue) -> None:
    assert found(catalogue, "CosineSimilarity").module.startswith("torch.")
    assert found(catalogue, "CosineSimilarity", "key_metric").module.startswith("ignite.")
    assert found(catalogue, "Identity", "pre_transforms").kind == "transform"
    assert found(catalogue, "Identity", "model").kind == "module"


def test_class_of_another_role_is_found_and_does_not_serve(catalogue: Catalogue) -> None:
    entry = found(catalogue, "UNet", "loss")
    assert not serves(entry, "loss")
    assert serves(entry, "model")
    assert serves(entry, "a_key_of_the_users_own")


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("model", "SegResNet"),
        ("loss", "DiceCELoss"),
        ("loss", "CrossEntropyLoss"),
        ("optimizer", "AdamW"),
        ("optimizer", "Novograd"),
        ("lr_scheduler", "WarmupCosineSchedule"),
        ("pre_transforms", "RandCropByPosNegLabeld"),
        ("pre_transforms", "ScaleIntensity"),
        ("post_transforms", "KeepLargestConnectedComponentd"),
        ("dataset", "SmartCacheDataset"),
        ("dataloader", "ThreadDataLoader"),
        ("inferer", "SlidingWindowInferer"),
        ("handlers", "CheckpointSaver"),
        ("handlers", "TerminateOnNan"),
        ("key_metric", "MeanDice"),
        ("additional_metrics", "ROCAUC"),
        ("trainer", "SupervisedTrainer"),
        ("evaluator", "EnsembleEvaluator"),
    ],
)
def test_every_role_has_its_components(catalogue: Catalogue, role: str, name: str) -> None:
    assert serves(found(catalogue, name, role), role)
    assert role in ROLES


@pytest.mark.parametrize(
    ("name", "arg", "taken"),
    [
        ("AsDiscreted", "threshold", True),
        ("AsDiscreted", "dim", True),
        ("AsDiscreted", "threshold_values", False),
        ("Activationsd", "sigmod", False),
        ("DataLoader", "batch_size", True),
        ("DataLoader", "bach_size", False),
        ("LoadImaged", "reader", True),
        ("LoadImaged", "channel_dim", True),
        ("LoadImaged", "key", False),
        ("SpatialPadd", "constant_values", True),
        ("SpatialPadd", "to_pad", False),
        ("SEResNet50", "spatial_dims", True),
        ("SEResNet50", "block", False),
        ("SliceInferer", "roi_size", True),
        ("TorchVisiond", "anything", True),
    ],
)
def test_further_args_are_known(catalogue: Catalogue, name: str, arg: str, taken: bool) -> None:
    assert found(catalogue, name).signature.takes(arg) is taken


def test_what_is_passed_on_is_needed_too(catalogue: Catalogue) -> None:
    needed = {p.name for p in found(catalogue, "SEResNet50").parameters if p.required}
    assert needed == {"spatial_dims", "in_channels"}


def test_near_names_keep_to_the_role(catalogue: Catalogue) -> None:
    assert catalogue.near("RandFlippd", "pre_transforms")[0] == "RandFlipd"
    assert "Adam" in catalogue.near("adamm", "optimizer")
    assert catalogue.near("monai.networks.nets.Unett")[0] == "UNet"
    assert catalogue.near("UNet", "loss", others=False) == ()
    assert catalogue.near("UNett", "loss")[0] == "UNet"
    assert catalogue.near("qqqqqqqqqqqq") == ()


def test_first_of_several_with_a_name_is_found_without_a_role() -> None:
    rows = [
        {"name": "A", "module": "m", "packages": ["p"], "kind": "loss"},
        {"name": "A", "module": "n", "packages": ["p"], "kind": "network", "aliases": ["B"]},
    ]
    catalogue = Catalogue(rows)
    assert len(catalogue) == 2
    assert [entry.module for entry in catalogue] == ["m", "n"]
    assert found(catalogue, "A").module == "m"
    assert found(catalogue, "A", "model").module == "n"
    assert found(catalogue, "B").module == "n"


def test_loading_imports_neither_torch_nor_monai() -> None:
    code = (
        "import sys; from medl.conf.catalogue import Catalogue; Catalogue.load().find('UNet'); "
        "print([m for m in ('torch', 'monai', 'ignite', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
