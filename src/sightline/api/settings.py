"""Config keys as Python writes them: keyword arguments, dictionaries, dotted or nested."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sightline.config import RunConfig, explain
from sightline.errors import ConfigError


def overrides(settings: Mapping[str, Any]) -> list[str]:
    """Turn settings into the overrides of `--set`, such as `training.epochs=3`.

    A name is a full key (`"training.epochs"`), a section with a dictionary of its keys, the last
    part of a key (`epochs`) or a usual name (`lr`). Values are what TOML can hold: numbers,
    strings, booleans, lists and dictionaries.

    Raises ConfigError for a value of another type; unknown names are refused when they are loaded.
    """
    return [f"{key}={_toml(key, value)}" for key, value in _flat(settings, "")]


def space_settings(space: Mapping[str, Any]) -> list[str]:
    """Turn a search space into settings such as `training.learning_rate=log(1e-4, 1e-1)`.

    Keys are named as for `overrides`. Raises ConfigError for a value that is no text.
    """
    found = dict(_flat(space, ""))
    for key, value in found.items():
        if not isinstance(value, str):
            raise ConfigError(
                f"The search space of {key} is {explain.shown(value)}; expected a text such as "
                '"log(1e-4, 1e-1)" or "choice(16, 32, 64)"; give fixed values as settings.'
            )
    return [f"{key}={value}" for key, value in found.items()]


def _flat(settings: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        is_full = prefix or "." in name or name in RunConfig.model_fields
        key = name if is_full else explain.key_of(name) or name
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _toml(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(name)} = {_toml(key, one)}" for name, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(key, one) for one in value)}]"
    if hasattr(value, "item"):  # a number of NumPy
        value = value.item()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bool | int | str):
        return json.dumps(value, ensure_ascii=False)
    raise ConfigError(
        f"The config key {key} does not accept {explain.shown(value)}: expected a number, a "
        "string, a boolean, a list or a dictionary."
    )
