"""From the name of a component to its class: from the packages that configs may name, or from the user's own code."""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

from medl.conf.sections import full_name
from medl.conf.user_imports import user_imports
from medl.errors import ConfigError, Problem, near_names
from medl.raised import describe

ALLOWED_PACKAGES = ("monai", "torch.nn", "torch.optim", "ignite", "medl")
"""What ``path`` and dotted names may lead into, besides the user's own code."""

REFUSED_PACKAGES = (
    "monai.bundle",
    "monai.auto3dseg",
    "monai.apps.auto3dseg",
    "monai.apps.nnunet",
    "monai.apps.mmars",
    "monai.config",
    "monai.fl",
    *(f"medl.{part}" for part in ("apps", "automl", "conf", "data", "mmar", "train")),
)
"""Parts of them that run other configs or programs rather than being components."""

REFUSED_CLASSES = (
    "GaussianMixtureModel",
    "MedicalNetPerceptualSimilarity",
    "RadImageNetPerceptualSimilarity",
)
"""Classes of MONAI that compile code, or fetch it from a public repository, and run it."""

FUNCTION_PACKAGES = ("monai.networks.nets",)
"""Parts of them whose functions make components, such as ``resnet18``; elsewhere only classes are components."""

SHARED_PACKAGES = ("torch.utils.data",)
"""Where classes that the allowed packages offer under their own name may really be from."""


class Entry(Protocol):
    """What a catalogue knows of a component."""

    @property
    def dotted(self) -> str:
        """The full name, ``module.name``."""


class Names(Protocol):
    """What is needed of a catalogue here; see :class:`medl.conf.catalogue.Catalogue`."""

    def find(self, name: str, role: str | None = None) -> Any:
        """Return the entry of a name, or None."""

    def near(self, name: str) -> tuple[str, ...]:
        """Return names that may have been meant."""


def user_folders(custom: Path | None, environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Return where the user's own code may lie: the archive's ``custom/`` and the folders of ``PYTHONPATH``."""
    folders = [custom] if custom is not None and custom.is_dir() else []
    entries = environment.get("PYTHONPATH", "").split(os.pathsep)
    folders += [Path(entry) for entry in entries if entry and Path(entry).is_dir()]
    return tuple(dict.fromkeys(folders))


def class_of(
    spec: Mapping[str, Any],
    *,
    catalogue: Names,
    folders: Sequence[Path] = (),
    packages: Sequence[str] = ALLOWED_PACKAGES,
    role: str | None = None,
    file: str = "",
    path: str = "",
) -> Callable[..., Any]:
    """Return the class, or the function, that makes a component.

    ``path`` wins over ``name``; what follows a ``#`` is an alias. A bare name is looked up in the catalogue, a dotted
    one names a module and what is in it.

    Args:
        spec: the component.
        catalogue: knows where bare names are.
        folders: of the user's own code, see :func:`user_folders`; a module in them is imported, so its code runs.
        packages: allowed ones; more than :data:`ALLOWED_PACKAGES` only where the user set ``allowed_packages``.
        role: the key it stands under, to choose between classes of one name.
        file: the config's name, for problems.
        path: the component's JSON path, for problems.

    Raises:
        ConfigError: there is no such class, it lies outside the allowed places, or its module cannot be imported.
    """
    name = full_name(spec)
    given = "path" if spec.get("path") else "name"
    place = f"{path}.{given}" if path else given
    dotted = name
    if given == "name" or "." not in name:
        entry = catalogue.find(name, role)
        if entry is not None:
            dotted = entry.dotted
        elif "." not in name:
            raise ConfigError(_unknown(name, given, catalogue, file, place))
    problem = place_problem(dotted, folders, packages, file, place)
    if problem is not None:
        raise ConfigError(problem)
    return _import(dotted, folders, packages, file, place)


def place_problem(
    dotted: str, folders: Sequence[Path], packages: Sequence[str] = ALLOWED_PACKAGES, file: str = "", path: str = ""
) -> Problem | None:
    """Return what is wrong with a full name's place, judged without importing; None where it may be imported."""
    module, _, name = dotted.rpartition(".")
    if not module or not all(part.isidentifier() for part in dotted.split(".")):
        return Problem(rule='a full name is "module.Class"', file=file, path=path, value=dotted)
    if any(part.startswith("_") for part in (name, *module.split("."))) and not _in_folders(module, folders):
        return Problem(rule="a component has no private name", file=file, path=path, value=dotted)
    if within(module, REFUSED_PACKAGES) and not within(module, [p for p in packages if p not in ALLOWED_PACKAGES]):
        return Problem(rule=f"{module} has programs, not components", file=file, path=path, value=dotted)
    if name in REFUSED_CLASSES and within(module, ("monai",)):
        return Problem(rule="a component neither fetches nor compiles code", file=file, path=path, value=dotted)
    if within(module, packages) or _in_folders(module, folders):
        return None
    return Problem(
        rule=f"a component is from {', '.join(packages)}, or from a module in the archive's custom/ or on PYTHONPATH",
        file=file,
        path=path,
        value=dotted,
        remedy='Put the module into custom/, or name its package in "allowed_packages" in environment.json.',
    )


def within(module: str, packages: Sequence[str]) -> bool:
    """Return whether a module is one of the packages or lies in one."""
    return any(module == package or module.startswith(package + ".") for package in packages)


def _in_folders(module: str, folders: Sequence[Path]) -> bool:
    """Return whether a module's first package lies in one of the folders, and would be imported from there."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in sys.builtin_module_names:
        return False
    return any(os.path.isfile(folder / f"{top}.py") or os.path.isdir(folder / top) for folder in folders)


def _import(dotted: str, folders: Sequence[Path], packages: Sequence[str], file: str, path: str) -> Callable[..., Any]:
    module_name, _, name = dotted.rpartition(".")
    own = not within(module_name, packages)
    try:
        with user_imports(folders, first=True) if own else nullcontext():
            module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if module_name == missing or module_name.startswith(missing + "."):
            raise ConfigError(
                Problem(rule=f"there is no module {missing}", file=file, path=path, value=dotted)
            ) from error
        raise ConfigError(_broken(module_name, error, file, path)) from error
    except (Exception, SystemExit) as error:  # the user's code runs here: whatever it raises
        raise ConfigError(_broken(module_name, error, file, path)) from error
    if own and not _lies_in(module, folders):
        other = getattr(module, "__file__", None) or "built in"
        raise ConfigError(
            Problem(
                rule=f"another module named {module_name} is in the way: {other}",
                file=file,
                path=path,
                value=dotted,
                remedy="Give yours another name.",
            )
        )
    factory = getattr(module, name, None)
    if factory is None:
        near = near_names(name, (known for known in vars(module) if not known.startswith("_")))
        raise ConfigError(
            Problem(rule=f'the module {module_name} has no "{name}"', file=file, path=path, value=dotted, near=near)
        )
    if not _makes_components(factory, module_name, own, packages):
        raise ConfigError(
            Problem(
                rule="a component is a class of its package" if not own else "a component is a class or a function",
                file=file,
                path=path,
                value=dotted,
            )
        )
    return factory


def _makes_components(factory: Any, module: str, own: bool, packages: Sequence[str]) -> bool:
    """Return whether what a module offers is a component and not, say, the ``Popen`` that the module imports."""
    if own:
        return callable(factory)
    home = getattr(factory, "__module__", "") or ""
    if not within(home, (*packages, *SHARED_PACKAGES)):
        return False
    return isinstance(factory, type) or (
        callable(factory) and within(module, FUNCTION_PACKAGES) and within(home, FUNCTION_PACKAGES)
    )


def _lies_in(module: Any, folders: Sequence[Path]) -> bool:
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    homes = [Path(place).resolve() for place in places if place]
    return any(home.is_relative_to(folder.resolve()) for home in homes for folder in folders)


def _broken(module: str, error: BaseException, file: str, path: str) -> Problem:
    return Problem(rule=f"the module {module} cannot be imported: {describe(error)}", file=file, path=path)


def _unknown(name: str, given: str, catalogue: Names, file: str, path: str) -> Problem:
    if given == "path":
        return Problem(rule='path is "module.Class"', file=file, path=path, value=name, near=catalogue.near(name))
    return Problem(
        rule="a component's name is a class of MONAI, torch or ignite",
        file=file,
        path=path,
        value=name,
        near=catalogue.near(name),
        remedy='For a class of your own give "path": "module.Class".',
    )
