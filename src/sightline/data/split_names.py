"""Recognize splits by the names of folders, files and arrays."""

import re
from collections.abc import Iterable

from sightline.errors import DataError

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "eval": "validation",
    "evaluation": "validation",
    "test": "test",
    "testing": "test",
}
"""Names of folders, files and arrays, in lower case, to their split; training first."""

_VARIANT = re.compile(
    rf"^({'|'.join(SPLITS)})(?:[ _-]?(?:images?|imgs?|set|data))?[ _-]?\d*$", re.IGNORECASE
)


def split_of(name: str) -> str | None:
    """Return the split that a name such as `Train`, `test1` or `training_set` stands for."""
    match = _VARIANT.match(name)
    return SPLITS[match[1].lower()] if match else None


def split_word(name: str) -> str | None:
    """Return the last word of a file name that names a split, such as test in mnist-test-0.tar."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    return next((word for word in reversed(words) if word in SPLITS), None)


def series_of(name: str) -> str:
    """Return the words of a file name before the one of its split, without numbers."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    ends = [number for number, word in enumerate(words) if word in SPLITS]
    words = words[: ends[-1]] if ends else words
    return "-".join(filter(None, (word.strip("0123456789") for word in words)))


def find_splits(path: object, names: Iterable[str]) -> dict[str, str]:
    """Map each split found among the names in `path` to its name, training first.

    A plain name such as `test` has precedence over a variant such as `test1`, which counts only
    beside a training split. Raises DataError for two plain names, or two variants, of one split.
    """
    names = list(names)
    plain = _map_splits(path, [name for name in names if name.lower() in SPLITS])
    is_split = "train" in map(split_of, names)
    variants = [name for name in names if is_split and name.lower() not in SPLITS]
    found = {**_map_splits(path, variants, plain), **plain}
    return {split: found[split] for split in dict.fromkeys(SPLITS.values()) if split in found}


def _map_splits(path: object, names: list[str], taken: Iterable[str] = ()) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        split = split_of(name)
        if split is None or split in taken:
            continue
        if split in found:
            raise DataError(
                f"{path} has both {found[split]!r} and {name!r}, two names of the {split} split; "
                "rename or remove one."
            )
        found[split] = name
    return found
