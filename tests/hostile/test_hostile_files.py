"""Files that would run, never end or fill the memory when they are read."""

from __future__ import annotations

import io
import json
import os
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medl.conf.load import MAX_BYTES, read_json
from medl.errors import ConfigError, MedlError
from medl.mmar import copied
from medl.mmar.archive import MMAR
from medl.mmar.bundle_file import read_config
from medl.mmar.bundle_import import archive_from_bundle


class Stealing:
    """Touches a file when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("touch stolen",))


@pytest.fixture(autouse=True)
def nothing_is_stolen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run in a folder of the test's own, and fail where anything in a file was run."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / "stolen").exists()


BOMBS: dict[str, bytes] = {
    "nested lists": b"[" * 1_000_000,
    "nested objects": b'{"a":' * 500_000,
    "nested and closed": b"[" * 50_000 + b"]" * 50_000,
    "a number of a million digits": b'{"a": ' + b"9" * 1_000_000 + b"}",
    "an exponent": b'{"a": 1e' + b"9" * 1_000_000 + b"}",
    "an integer of 4000 digits": b'{"a": ' + b"9" * 4000 + b"}",
    "half a pair": b'{"a": "\\ud800"}',
    "nul": b'{"a": 1}\x00',
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "a million keys of one name": b"{" + b'"a":1,' * 300_000 + b'"a":1}',
    "NaN": b'{"a": NaN, "b": -Infinity}',
    "nothing": b"",
}


@pytest.mark.parametrize("content", BOMBS.values(), ids=list(BOMBS))
def test_a_json_bomb_is_a_problem(content: bytes, tmp_path: Path, bounded: Callable[[], Any]) -> None:
    (tmp_path / "c.json").write_bytes(content)
    with bounded(), pytest.raises(ConfigError) as caught:
        read_json(tmp_path / "c.json")
    assert len(str(caught.value)) < 5000


def test_a_very_large_file_is_not_read(tmp_path: Path, bounded: Callable[[], Any]) -> None:
    with (tmp_path / "c.json").open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with bounded(), pytest.raises(ConfigError, match="at most 64 MiB"):
        read_json(tmp_path / "c.json")
    (tmp_path / "text.json").write_text(json.dumps({"a": "x" * 50_000_000}), encoding="utf-8")
    with bounded():
        assert len(read_json(tmp_path / "text.json")["a"]) == 50_000_000


def test_devices_and_pipes_are_no_configs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path / "pipe.json", Path("/dev/zero"), Path("/dev/stdin"), tmp_path):
        with pytest.raises(ConfigError):
            read_json(path)


YAML = {
    "laughs": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)),
    "merged laughs": "a: &a {x: 1}\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} {{<<: [{', '.join(['*' + chr(97 + i)] * 15)}]}}\n" for i in range(9)),
    "many merged": "a: &a {x: 1}\nb: {<<: [" + ", ".join(["*a"] * 1000) + "]}\n",
    "itself": "a: &a [*a]\n",
    "an object": "a: !!python/object/apply:os.system ['touch stolen']\n",
    "a name": "a: !!python/name:os.system\n",
    "a module": "!!python/module:os\n",
    "nested": "a: " + "[" * 20_000 + "\n",
    "sixties": "a: 1" + ":59" * 100_000 + "\n",
    "digits": "a: " + "9" * 100_000 + "\n",
    "binary": "a: !!binary aGVsbG8=\n",
    "long": "a: '" + "x" * 5_000_000 + "'\n",
    "no mapping": "- a\n",
    "key": "? [a]\n: 1\n",
}


@pytest.mark.parametrize("text", YAML.values(), ids=list(YAML))
def test_a_yaml_bomb_is_a_problem(text: str, tmp_path: Path, bounded: Callable[[], Any]) -> None:
    (tmp_path / "train.yaml").write_text(text, encoding="utf-8")
    with bounded(), pytest.raises(ConfigError) as caught:
        read_config(tmp_path / "train.yaml", "train.yaml")
    assert len(str(caught.value)) < 5000


def test_yaml_that_takes_over_a_mapping_is_read(tmp_path: Path) -> None:
    (tmp_path / "train.yaml").write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: {<<: [*a, *a]}\n", encoding="utf-8")
    assert read_config(tmp_path / "train.yaml", "t")["b"] == {"x": 1, "y": 2}


def test_variables_that_double_or_go_in_a_circle(attack: Callable[..., list[str]], bounded: Callable[[], Any]) -> None:
    with bounded():
        assert any("circle" in problem for problem in attack("{epochs}{epochs}", "epochs"))
    texts: dict[str, Any] = {"name": "UNet", "args": {"act": "{v60}"}}
    for chain in ("{%s}{%s}", "{%s}"):
        values = {"v0": "x" * 100} | {f"v{n}": chain.replace("%s", f"v{n - 1}") for n in range(1, 5000)}
        with bounded():
            found = attack(texts, "train", "model") + _with_variables(attack, values)
        assert any("at most" in problem for problem in found)


def _with_variables(attack: Callable[..., list[str]], values: dict[str, Any]) -> list[str]:
    """Return the problems where the epochs are the last of many variables."""
    from medl.conf.variables import Variables

    variables = Variables(values, {}, {}, Path("/nowhere"))
    for name in reversed(list(values)):
        variables.value(name)
    return [str(problem) for problem in variables.problems]


def test_refs_that_refer_to_one_another(attack: Callable[..., list[str]]) -> None:
    specs = [{"ref": f"r{(n + 1) % 3}#r{n}"} for n in range(3)]
    assert attack(specs, "validate", "pre_transforms")
    assert attack(
        [{"ref": "LoadImaged", "args": {}}, {"ref": {"ref": "x"}}, {"ref": ["x"]}], "validate", "pre_transforms"
    )
    assert any(
        "circle" in problem
        for problem in attack({"name": "SimpleInferer", "args": {"a": "@inferer"}}, "train", "inferer")
    )


def test_a_checkpoint_with_an_object_is_never_loaded(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from medl.train.distributed import Ranks
    from medl.train.kept_state import read_kept
    from medl.train.trained_network import load_torchscript, read_checkpoint

    contents = {
        "zip.pt": {"model": Stealing()},
        "nested.pt": {"model": {"w": torch.zeros(1)}, "train_conf": [Stealing()]},
    }
    for name, content in contents.items():
        torch.save(content, tmp_path / name)
    torch.save(Stealing(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Stealing()))
    (tmp_path / "empty.pt").write_bytes(b"")
    (tmp_path / "zeros.pt").write_bytes(b"\0" * 1000)
    for path in sorted(tmp_path.glob("*.pt")):
        with pytest.raises(ConfigError) as caught:
            read_checkpoint(path)
        assert len(str(caught.value)) < 2000
        with pytest.raises(ConfigError):
            load_torchscript(path, torch.device("cpu"), file="c.json", place="model")
        with pytest.raises(MedlError):
            read_kept(path, Ranks(), missing="there is one", remedy="")


def test_arrays_with_objects_are_never_loaded(tmp_path: Path) -> None:
    pytest.importorskip("monai")
    from monai.transforms import LoadImaged

    from medl.data.picture import read_picture

    np.save(tmp_path / "a.npy", np.array([Stealing()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "b.npz", image=np.array([Stealing()], dtype=object))
    (tmp_path / "c.npy").write_bytes(pickle.dumps(Stealing()))
    for name in ("a.npy", "b.npz", "c.npy"):
        with pytest.raises(MedlError):
            read_picture(tmp_path / name)
        with pytest.raises(Exception):  # noqa: B017 - whatever MONAI makes of it
            LoadImaged("image", reader="NumpyReader")({"image": str(tmp_path / name)})


def bundle_with(tmp_path: Path) -> Path:
    bundle = tmp_path / "bundle"
    (bundle / "configs").mkdir(parents=True)
    (bundle / "models").mkdir()
    network = {
        "_target_": "UNet",
        "spatial_dims": 3,
        "in_channels": 1,
        "out_channels": 2,
        "channels": [4, 8],
        "strides": [2],
    }
    (bundle / "configs/train.json").write_text(json.dumps({"network_def": network}), encoding="utf-8")
    return bundle


def test_a_bundle_takes_nothing_from_outside_of_itself(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret", encoding="utf-8")
    for number, (place, target) in enumerate(
        [
            ("models/model.pt", tmp_path / "secret"),
            ("custom/code.py", Path("/etc/passwd")),
            ("custom/up", tmp_path),
            ("LICENSE", tmp_path / "secret"),
            ("configs/inference.json", tmp_path / "secret"),
        ]
    ):
        bundle = bundle_with(tmp_path / str(number))
        (bundle / place).parent.mkdir(exist_ok=True)
        (bundle / place).symlink_to(target)
        with pytest.raises(MedlError):
            archive_from_bundle(bundle, tmp_path / f"made{number}")
        assert not (tmp_path / f"made{number}").exists()


def test_a_bundle_may_lie_in_the_cache_of_a_hub(tmp_path: Path) -> None:
    bundle = bundle_with(tmp_path / "hub/snapshots")
    blobs = tmp_path / "hub/blobs"
    blobs.mkdir()
    os.rename(bundle / "configs/train.json", blobs / "0a1b")
    (bundle / "configs/train.json").symlink_to(blobs / "0a1b")
    archive_from_bundle(bundle, tmp_path / "made")
    assert json.loads((tmp_path / "made/config/config_train.json").read_text())["train"]["model"]["name"] == "UNet"


@pytest.mark.parametrize(
    "network",
    [
        {"_target_": "subprocess.Popen", "args": ["touch", "stolen"]},
        {"_target_": "$__import__('os').system('touch stolen')"},
        {"_target_": "UNet", "spatial_dims": "$__import__('os').system('touch stolen')"},
        {"_target_": "UNet", "spatial_dims": "@network_def"},
        {"_target_": "UNet", "spatial_dims": "%/etc/passwd"},
        {"_target_": "monai.bundle.ConfigWorkflow", "config_file": "x"},
    ],
    ids=str,
)
def test_a_bundle_runs_nothing(network: dict[str, Any], tmp_path: Path) -> None:
    bundle = bundle_with(tmp_path)
    (bundle / "configs/train.json").write_text(json.dumps({"network_def": network}), encoding="utf-8")
    with pytest.raises(MedlError):
        archive_from_bundle(bundle, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_a_clone_neither_goes_around_in_circles_nor_reads_devices(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bounded: Callable[[], Any]
) -> None:
    custom = archive / "custom"
    custom.mkdir(exist_ok=True)
    (custom / "zero").symlink_to("/dev/zero")
    with bounded(), pytest.raises(MedlError, match="plain files"):
        MMAR(archive).clone(tmp_path / "a", {})
    (custom / "zero").unlink()
    os.mkfifo(custom / "pipe")
    with bounded(), pytest.raises(MedlError):
        MMAR(archive).clone(tmp_path / "b", {})
    (custom / "pipe").unlink()
    (custom / "x.py").write_text("", encoding="utf-8")
    for name in ("one", "two"):
        (custom / name).symlink_to(custom)
    monkeypatch.setattr(copied, "MAX_FILES", 500)
    with bounded(), pytest.raises((MedlError, OSError)):
        MMAR(archive).clone(tmp_path / "c", {})


@pytest.mark.parametrize(
    "name", ["../escaped", "/tmp/escaped_from_a_tar", "a/../../escaped", "new\nline/../../../escaped"]
)
def test_a_fetched_archive_stays_in_its_folder(name: str, tmp_path: Path) -> None:
    pytest.importorskip("monai")
    from monai.apps.utils import extractall

    with tarfile.open(tmp_path / "task.tar", "w") as tar:
        info = tarfile.TarInfo(name)
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(link)
    (tmp_path / "out").mkdir()
    with pytest.raises(Exception):  # noqa: B017 - whatever MONAI and Python say
        extractall(tmp_path / "task.tar", tmp_path / "out", has_base=False)
    assert not (tmp_path / "escaped").exists() and not Path("/tmp/escaped_from_a_tar").exists()
