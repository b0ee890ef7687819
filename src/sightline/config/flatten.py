"""Nested settings as dotted keys, and where two of them differ."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

V = TypeVar("V")


def flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """List nested settings as dotted keys with their values in JSON."""
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
    """Find the keys whose values differ.

    Args:
        before: Dotted keys with their values.
        after: The same of the other side.

    Yields:
        Key and both values, in the order of `before`, then what only `after` has; None where a
        side lacks the key.
    """
    for key in [*before, *(key for key in after if key not in before)]:
        if before.get(key) != after.get(key):
            yield key, before.get(key), after.get(key)
