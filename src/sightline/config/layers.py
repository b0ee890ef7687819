"""The settings that make up a config, by origin; later ones win."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from sightline.config.flatten import flatten
from sightline.config.model import ARCHITECTURE, CNN


class Layer(NamedTuple):
    """Settings of one origin."""

    origin: str  # "recipe", "auto" or the name of an option
    values: dict[str, Any]  # Nested, like the TOML
    file: Path | None = None  # That holds them, if it is not one of Sightline's own


def merge(layers: Iterable[Layer]) -> dict[str, Any]:
    """Merge nested settings."""
    values: dict[str, Any] = {}
    for layer in layers:
        _merge(values, layer.values)
    return values


def origins(layers: Sequence[Layer]) -> dict[str, str]:
    """Return the origin of each dotted key that is set; all others have their default."""
    kept = dict(flatten(merge(layers)))
    return {key: one.origin for one in layers for key, _ in flatten(one.values) if key in kept}


def file_with(layers: Sequence[Layer], location: Sequence[int | str]) -> Path | None:
    """Return the file that sets a key or misses one, if it is a file that does."""
    found = next((one for one in reversed(layers) if _has(one.values, location)), layers[0])
    return found.file


def _has(values: Any, location: Sequence[int | str]) -> bool:
    try:
        for part in location:
            values = values[part]
    except (LookupError, TypeError):
        return False
    return True


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
            target[key] = deepcopy(value)
