"""The package: its list of folders, its wheel, its pins."""

from __future__ import annotations

import configparser
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAPPED = ("components", "commands", "config", "mmar_template")
DATA = {"medl.commands", "medl.config", "medl.mmar_template"}


@pytest.fixture(scope="module")
def setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_package_list_is_the_folders(setup):
    folders = {
        prefix + ".".join(path.parent.relative_to(ROOT).parts)
        for top, prefix in (("medl", ""), ("components", "medl."))
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert folders | DATA == set(lines(setup["options"]["packages"]))


def test_every_folder_with_python_is_a_package():
    for top in ("medl", "components"):
        for path in (ROOT / top).rglob("*.py"):
            assert (path.parent / "__init__.py").is_file(), f"{path.parent} has no __init__.py: the wheel would miss it"


def test_mapped_folders_have_no_twin_in_the_source():
    # medl/components would merge with components/ in the wheel and hide it in a checkout
    assert [name for name in MAPPED if (ROOT / "medl" / name).exists()] == []


def test_every_mapped_folder_is_mapped(setup):
    mapped = dict(entry.split(" = ") for entry in lines(setup["options"]["package_dir"]))
    assert mapped == {"medl": "medl", **{f"medl.{name}": name for name in MAPPED}}


def test_pyproject_holds_only_the_build_system():
    tables = [line for line in (ROOT / "pyproject.toml").read_text().splitlines() if line.startswith("[")]
    assert tables == ["[build-system]"]


def test_what_is_required_is_pinned(setup):
    requirements = pytest.importorskip("packaging.requirements")
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            pin = requirements.Requirement(line)
            pins[pin.name.lower().replace("_", "-")] = next(iter(pin.specifier)).version
    assert pins["torch"] == "2.13.0"
    needed = lines(setup["options"]["install_requires"]) + lines(setup["options.extras_require"]["test"])
    for text in needed:
        requirement = requirements.Requirement(text)
        assert requirement.name.lower() in pins, f"{requirement.name} has no line in constraints.txt"
        assert requirement.specifier.contains(pins[requirement.name.lower()]), f"the pin breaks {text}"


def test_changelog_names_the_version():
    import medl

    assert f"## [{medl.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy of the sources, so that no build/ folder is left in them."""
    import shutil

    source = tmp_path_factory.mktemp("source")
    for name in ("medl", *MAPPED):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source)
    readme = ROOT / "README.md"
    (source / "README.md").write_text(readme.read_text(encoding="utf-8") if readme.exists() else "medl\n")
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", out, source]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("medl-*.whl"))


@pytest.mark.slow
def test_wheel_holds_everything_under_one_name(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        executable = {info.filename for info in archive.infolist() if info.external_attr >> 16 & 0o100}
    assert {name.split("/")[0].split("-")[0] for name in names} == {"medl"}
    for top in MAPPED:
        for path in (ROOT / top).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"medl/{path.relative_to(ROOT)}" in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("medl/tests")]
    runnable = [path for path in (ROOT / "commands").glob("*.sh") if path.stat().st_mode & 0o100]
    assert runnable
    assert {f"medl/commands/{path.name}" for path in runnable} <= executable


@pytest.mark.slow
def test_installed_wheel_makes_an_archive_and_loads_a_schema(wheel, tmp_path):
    fresh = tmp_path / "venv"
    venv.create(fresh, with_pip=False)
    python = fresh / "bin" / "python"
    site = next((fresh / "lib").glob("python*/site-packages"))
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # It sees what the tests run with, but for the editable install of this checkout, which a .pth file makes.
    import jsonschema

    packages = Path(jsonschema.__file__).resolve().parent.parent
    program = f"""
import json, pathlib, sys
sys.path.append({str(packages)!r})
import medl, medl.components.controllers
from medl.assets import asset
from medl.mmar.archive import create
assert pathlib.Path(medl.__file__).is_relative_to({str(site)!r}), medl.__file__
archive = create(pathlib.Path("archive"))
import jsonschema
schema = json.loads((asset("config") / "config_automl.schema.json").read_text(encoding="utf-8"))
jsonschema.Draft202012Validator(schema).validate(json.loads(archive.automl_config.read_text(encoding="utf-8")))
"""
    done = subprocess.run([str(python), "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = tmp_path / "archive"
    assert (made / "models" / ".gitkeep").is_file()
    assert (made / "data" / "dataset.json").is_file()
    assert (made / "commands" / "automl.sh").stat().st_mode & 0o100
