"""Recipes: named configs, and how a config is put together from one.

Order of precedence, last wins: the recipe, a config file, `--set key=value`.
"""

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sightline.config import RunConfig, explain
from sightline.errors import ConfigError

DEFAULT = "tutorial"
_SUFFIX = ".toml"
_MAX_FILE_BYTES = 1 << 20


def names() -> list[str]:
    """List the recipes that Sightline ships.

    Returns:
        Recipe names, sorted.
    """
    files = _recipes().iterdir()
    return sorted(file.name.removesuffix(_SUFFIX) for file in files if file.name.endswith(_SUFFIX))


def text(name: str) -> str:
    """Return the TOML text of a shipped recipe.

    Args:
        name: Name of the recipe.

    Raises:
        ConfigError: There is no recipe of this name.
    """
    if name not in names():
        raise ConfigError(
            f"There is no recipe {name!r}{explain.suggestion(name, names())}; "
            f"expected one of {', '.join(names())} (see `sightline recipes list`)."
        )
    return _recipes().joinpath(name + _SUFFIX).read_text(encoding="utf-8")


def load(
    recipe: str = DEFAULT,
    config_file: Path | None = None,
    overrides: Iterable[str] = (),
    dataset: str | None = None,
) -> RunConfig:
    """Put a config together.

    Args:
        recipe: Name of a shipped recipe; where to begin.
        config_file: A TOML file whose keys replace the recipe's.
        overrides: `key=value` settings with dotted keys such as `training.epochs=3`; values
            are TOML, and plain words are taken as strings.
        dataset: Replaces `data.dataset`, last of all.

    Returns:
        The checked config.

    Raises:
        ConfigError: A name, key or value is wrong; the message says which and suggests the
            nearest key.
    """
    values: dict[str, Any] = {"recipe": recipe, **tomllib.loads(text(recipe))}
    if config_file is not None:
        _merge(values, _read(config_file))
    for override in overrides:
        _merge(values, _parse_override(override))
    if dataset is not None:
        _merge(values, {"data": {"dataset": dataset}})
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(explain.explain(error, config_file)) from None
    _check_sections_agree(config)
    return config


def _recipes() -> Traversable:
    return resources.files("sightline.config") / "recipes"


def _check_sections_agree(config: RunConfig) -> None:
    if config.training.keep == "best" and config.preprocessing.validation_fraction == 0:
        raise ConfigError(
            'training.keep is "best", which is told by a validation split; set '
            'preprocessing.validation_fraction, such as 0.1, or training.keep to "last".'
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"The config file {path} cannot be read: {error.strerror}.") from None
    if len(content) > _MAX_FILE_BYTES:
        raise ConfigError(
            f"The config file {path} is longer than {_MAX_FILE_BYTES:,} bytes; expected a few "
            "lines of TOML."
        )
    try:
        return _toml(content.decode("utf-8-sig"))
    except ValueError as error:
        raise ConfigError(
            f"The config file {path} is not valid TOML: {error}; write it like what "
            f"`sightline recipes show {DEFAULT}` prints."
        ) from None


def _toml(text: str) -> dict[str, Any]:
    """Parse TOML so that every fault is a ValueError, as an integer of absurd length is."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _parse_override(override: str) -> dict[str, Any]:
    key, equals, value = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(
            f"--set {explain.shown(override)} is not of the form key=value, such as "
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
    return parsed["value"] if len(parsed) == 1 else value  # a line end would begin other keys


def _merge(target: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = value
