"""Loads a config from a recipe, a config file and `--set key=value`; the last one wins."""

import hashlib
import re
import tomllib
from collections.abc import Iterable
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sightline.config import DataConfig, RunConfig, explain, toml
from sightline.config.layers import Layer, merge
from sightline.errors import ConfigError

DEFAULT = "tutorial"
SUFFIX = ".toml"


def names() -> list[str]:
    """Return the names of the built-in recipes, sorted."""
    files = _recipes().iterdir()
    return sorted(file.name.removesuffix(SUFFIX) for file in files if file.name.endswith(SUFFIX))


def file_of(recipe: str) -> Path | None:
    """Return the path of a recipe that is a file; its name has a slash or ends in .toml."""
    return Path(recipe) if "/" in recipe or recipe.endswith(SUFFIX) else None


def text(recipe: str) -> str:
    """Return a recipe as TOML.

    Raises ConfigError if there is no recipe of this name, or the file cannot be read.
    """
    if file := file_of(recipe):
        return toml.read(file).decode("utf-8-sig", errors="replace")
    if recipe not in names():
        raise ConfigError(
            f"Unknown recipe {recipe!r}{explain.suggestion(recipe, names())}; expected one of "
            f"{', '.join(names())} (see `sightline recipes list`), or the path of a TOML file."
        )
    return _recipes().joinpath(recipe + SUFFIX).read_text(encoding="utf-8")


def load(
    recipe: str = DEFAULT,
    config_file: Path | None = None,
    overrides: Iterable[str] = (),
    dataset: str | None = None,
    recommended: Iterable[str] = (),
) -> RunConfig:
    """Load and validate a config: a recipe, then a TOML file, then the overrides.

    The recipe is a built-in one or the path of a TOML file, whose digest the config records.
    Overrides are `key=value` settings with dotted keys, such as `training.epochs=3`; values are
    TOML, anything else is a string. `dataset` overrides `data.dataset`, and `recommended` settings
    the recipe. Raises ConfigError, which names the wrong name, key or value and suggests the
    closest valid key.
    """
    layers = read_layers(recipe, config_file, overrides, dataset, recommended)
    try:
        return RunConfig.model_validate(merge(layers))
    except ValidationError as error:
        raise ConfigError(explain.explain(error, layers)) from None


def load_data(
    config_file: Path | None, overrides: Iterable[str], dataset: str | None
) -> DataConfig:
    """Load the section `data` alone, for which no recipe is needed; errors as in `load`."""
    layers = _read_overrides(config_file, overrides, dataset)
    try:
        return DataConfig.model_validate(merge(layers).get("data", {}))
    except ValidationError as error:
        raise ConfigError(explain.explain(error, layers, ("data",))) from None


def read_layers(
    recipe: str,
    config_file: Path | None = None,
    overrides: Iterable[str] = (),
    dataset: str | None = None,
    recommended: Iterable[str] = (),
) -> list[Layer]:
    """Read the settings that make up a config; later ones win. Arguments and errors of `load`."""
    chosen = (Layer("auto", _parse_override(setting)) for setting in recommended)
    return [_read_recipe(recipe), *chosen, *_read_overrides(config_file, overrides, dataset)]


def _read_recipe(recipe: str) -> Layer:
    if (file := file_of(recipe)) is None:
        values = tomllib.loads(text(recipe))
        return Layer("recipe", {"recipe": recipe, **values})
    content = toml.read(file)
    name = re.sub(r"[^a-z0-9]+", "-", file.stem.lower())[:40].strip("-")
    values = {"recipe": name, **toml.parse(content, file)}
    values["recipe_sha256"] = hashlib.sha256(content).hexdigest()
    return Layer("recipe", values, file)


def _read_overrides(
    config_file: Path | None, overrides: Iterable[str], dataset: str | None
) -> list[Layer]:
    layers = []
    if config_file is not None:
        content = toml.parse(toml.read(config_file), config_file)
        layers.append(Layer("--config", content, config_file))
    layers += [Layer("--set", _parse_override(override)) for override in overrides]
    if dataset is not None:
        layers.append(Layer("--dataset", {"data": {"dataset": dataset}}))
    return layers


def _recipes() -> Traversable:
    return resources.files("sightline.config") / "recipes"


def _parse_override(override: str) -> dict[str, Any]:
    key, equals, value = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(
            f"Invalid --set {explain.shown(override)}: expected key=value, such as "
            "training.epochs=3."
        )
    parsed: Any = toml.parse_value(value.strip())
    for part in reversed(parts):
        parsed = {part: parsed}
    return dict(parsed)
