"""Loads a config from a recipe, a config file and `--set key=value`; the last one wins."""

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sightline.config import DataConfig, RunConfig, explain
from sightline.config.model import ARCHITECTURE, CNN
from sightline.errors import ConfigError

DEFAULT = "tutorial"
_SUFFIX = ".toml"
_MAX_FILE_BYTES = 1 << 20


def names() -> list[str]:
    """Return the names of the built-in recipes, sorted."""
    files = _recipes().iterdir()
    return sorted(file.name.removesuffix(_SUFFIX) for file in files if file.name.endswith(_SUFFIX))


def text(name: str) -> str:
    """Return a built-in recipe as TOML. Raises ConfigError if there is no recipe of this name."""
    if name not in names():
        raise ConfigError(
            f"Unknown recipe {name!r}{explain.suggestion(name, names())}; "
            f"expected one of {', '.join(names())} (see `sightline recipes list`)."
        )
    return _recipes().joinpath(name + _SUFFIX).read_text(encoding="utf-8")


def load(
    recipe: str = DEFAULT,
    config_file: Path | None = None,
    overrides: Iterable[str] = (),
    dataset: str | None = None,
    recommended: Iterable[str] = (),
) -> RunConfig:
    """Load and validate a config: a built-in recipe, then a TOML file, then the overrides.

    These are `key=value` settings with dotted keys, such as `training.epochs=3`; values are TOML,
    anything else is a string. `dataset` overrides `data.dataset`, and `recommended` settings the
    recipe. Raises ConfigError, which names the wrong name, key or value and suggests the closest
    valid key.
    """
    values: dict[str, Any] = {"recipe": recipe, **tomllib.loads(text(recipe))}
    for setting in recommended:
        _merge(values, _parse_override(setting))
    _override(values, config_file, overrides, dataset)
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(explain.explain(error, config_file)) from None


def load_data(
    config_file: Path | None, overrides: Iterable[str], dataset: str | None
) -> DataConfig:
    """Load the section `data` alone, for which no recipe is needed; errors as in `load`."""
    values: dict[str, Any] = {}
    _override(values, config_file, overrides, dataset)
    try:
        return DataConfig.model_validate(values.get("data", {}))
    except ValidationError as error:
        raise ConfigError(explain.explain(error, config_file, ("data",))) from None


def _override(
    values: dict[str, Any],
    config_file: Path | None,
    overrides: Iterable[str],
    dataset: str | None,
) -> None:
    if config_file is not None:
        _merge(values, _read(config_file))
    for override in overrides:
        _merge(values, _parse_override(override))
    if dataset is not None:
        _merge(values, {"data": {"dataset": dataset}})


def _recipes() -> Traversable:
    return resources.files("sightline.config") / "recipes"


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"Cannot read the config file {path}: {error.strerror}.") from None
    if len(content) > _MAX_FILE_BYTES:
        raise ConfigError(
            f"The config file {path} is longer than {_MAX_FILE_BYTES:,} bytes; expected a few "
            "lines of TOML."
        )
    try:
        return _toml(content.decode("utf-8-sig"))
    except ValueError as error:
        raise ConfigError(
            f"The config file {path} is not valid TOML: {error}. For an example, run "
            f"`sightline recipes show {DEFAULT}`."
        ) from None


def _toml(text: str) -> dict[str, Any]:
    """Parse TOML; every error is a ValueError, even for deeply nested values."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _parse_override(override: str) -> dict[str, Any]:
    key, equals, value = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(
            f"Invalid --set {explain.shown(override)}: expected key=value, such as "
            "training.epochs=3."
        )
    parsed: Any = _parse_value(value.strip())
    for part in reversed(parts):
        parsed = {part: parsed}
    return dict(parsed)


def _parse_value(value: str) -> Any:
    try:
        parsed = _toml(f"value = {value}")
    except ValueError:
        return value
    return parsed["value"] if len(parsed) == 1 else value  # a newline could start another key


def _merge(target: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Override settings; another architecture replaces the section instead."""
    for key, value in changes.items():
        if (
            isinstance(value, Mapping)
            and isinstance(target.get(key), dict)
            and value.get(ARCHITECTURE) in {None, target[key].get(ARCHITECTURE, CNN)}
        ):
            _merge(target[key], value)
        else:
            target[key] = value
