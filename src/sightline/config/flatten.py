"""Nested settings as dotted keys, and the keys in which two sets of them differ."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

V = TypeVar("V")


def flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested settings as pairs of a dotted key and its value in JSON."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            rows += flatten(value, f"{prefix}{key}.")
        else:
            rows.append((prefix + key, json.dumps(value, ensure_ascii=False)))
    return rows


def differing(
    before: Mapping[str, V], after: Mapping[str, V]
) -> Iterator[tuple[str, V | None, V | None]]:
    """Yield the keys whose values differ, with both values; None where a key is missing."""
    for key in {**before, **after}:
        if before.get(key) != after.get(key):
            yield key, before.get(key), after.get(key)
