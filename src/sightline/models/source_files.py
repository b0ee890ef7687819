"""Files outside Sightline that a network comes from: weights, a Keras file, a module's source."""

import importlib
import sys
from importlib.machinery import PathFinder
from pathlib import Path

from sightline.config import BackboneConfig, CustomConfig, ModelConfig
from sightline.errors import ConfigError
from sightline.storage import digests


def pin(settings: ModelConfig) -> ModelConfig:
    """Return the settings with the absolute path and the SHA-256 of the file that they name.

    The config of a run, and so its cache keys and its manifest, then say which content was used.
    Nothing is imported. Raises ConfigError if the file does not exist or has another digest than
    the settings say.
    """
    if isinstance(settings, BackboneConfig) and settings.weights is not None:
        path = _existing("model.weights", settings.weights)
        sha256 = _digest("model.weights", path, settings.weights_sha256)
        return settings.model_copy(update={"weights": path, "weights_sha256": sha256})
    if isinstance(settings, CustomConfig) and settings.file is not None:
        path = _existing("model.file", settings.file)
        sha256 = _digest("model.file", path, settings.sha256)
        return settings.model_copy(update={"file": path, "sha256": sha256})
    if isinstance(settings, CustomConfig) and settings.build is not None:
        sha256 = _digest("model.build", module_file(settings.build), settings.sha256)
        return settings.model_copy(update={"sha256": sha256})
    return settings


def module_file(build: str) -> Path:
    """Return the source of the module in "module:function", on Python's path or in this folder.

    Neither the module nor its packages are imported. Raises ConfigError if there is none.
    """
    module = build.partition(":")[0]
    top, *rest = module.split(".")
    importlib.invalidate_caches()  # also forgets which folder "." was
    # Not `importlib.util.find_spec`: it returns where a module that is loaded already came from
    finders = (one.find_spec(top, None) for one in sys.meta_path if hasattr(one, "find_spec"))
    spec = next(filter(None, finders), None) or PathFinder.find_spec(top, [str(Path.cwd())])
    for part in rest:
        inside = spec.submodule_search_locations if spec is not None else None
        spec = PathFinder.find_spec(f"{spec.name}.{part}", inside) if spec and inside else None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise ConfigError(
            f"model.build is {build!r}, but there is no Python file for the module {module!r}; "
            "install it, or start the run in the folder that contains it."
        )
    return Path(spec.origin)


def _existing(key: str, path: Path) -> Path:
    found = path.expanduser().absolute()
    if not found.is_file():
        raise ConfigError(f"{key} is {str(path)!r}, which is no file; expected its path.")
    return found


def _digest(key: str, path: Path, expected: str | None) -> str:
    found = digests.sha256(path)
    if expected not in {None, found}:
        raise ConfigError(
            f"{key} names {path} with SHA-256 {found}, expected {expected}; restore the file, or "
            "remove the digest from the config."
        )
    return found
