"""Recipes: named configs, and how a config is put together from one.

Order of precedence, last wins: the recipe, a config file, `--set key=value`.
"""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from sightline.config import TrainingConfig
from sightline.errors import ConfigError

DEFAULT = "tutorial"
_SUFFIX = ".toml"


def names() -> list[str]:
    """List the recipes that Sightline ships.

    Returns:
        Recipe names, sorted.
    """
    files = resources.files(__name__).iterdir()
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
            f"There is no recipe {name!r}{_nearest(name, names())}; "
            f"expected one of {', '.join(names())} (see `sightline recipes list`)."
        )
    return resources.files(__name__).joinpath(name + _SUFFIX).read_text(encoding="utf-8")


def load(
    recipe: str = DEFAULT,
    config_file: Path | None = None,
    overrides: Iterable[str] = (),
    dataset: str | None = None,
) -> TrainingConfig:
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
        return TrainingConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_explain(error, config_file)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"The config file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The config file {path} is not valid TOML: {error}.") from None


def _parse_override(override: str) -> dict[str, Any]:
    key, equals, value = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(
            f"--set {override!r} is not of the form key=value, such as training.epochs=3."
        )
    parsed: Any = _parse_value(value.strip())
    for part in reversed(parts):
        parsed = {part: parsed}
    return dict(parsed)


def _parse_value(value: str) -> Any:
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value


def _merge(target: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = value


def _explain(error: ValidationError, config_file: Path | None) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    where = f" (from {config_file}, --set or the recipe)" if config_file else ""
    if first["type"] == "extra_forbidden":
        return f"Unknown config key {key!r}{where}{_suggest(first['loc'])}."
    if first["type"] == "missing":
        return f"The config key {key!r} is missing{where}."
    return (
        f"The config key {key!r} does not accept {first['input']!r}{where}: "
        f"{first['msg'][0].lower()}{first['msg'][1:]}."
    )


def _suggest(location: tuple[int | str, ...]) -> str:
    section: type[BaseModel] = TrainingConfig
    for part in location[:-1]:
        annotation = section.model_fields[str(part)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return ""
        section = annotation
    known = list(section.model_fields)
    return f"{_nearest(str(location[-1]), known)}; known here: {', '.join(known)}"


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""
