"""The class names that Parquet files state, in the schema's metadata of Hugging Face."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from sightline.data.labelling import class_names
from sightline.data.labelling.label_values import is_text
from sightline.data.readers.parquet import parquet_images
from sightline.errors import DataError
from sightline.storage.text import quoted

Names = tuple[str, ...]


def read(
    paths: Sequence[Path], column: str
) -> tuple[Names | None, Mapping[Path, Mapping[int, int]]]:
    """Return the class names of the first file that states some, in their order; None if none does.

    The numbers of the other files are mapped by name: for each file, its own numbers to positions
    in the returned names. Text labels are names and need no mapping, whether or not their file
    states names. A file with numbers but no names, beside one with names, is refused: nothing tells
    whether its numbers follow the same order. Raises DataError in that case, and if two files state
    different names.
    """
    first: Path | None = None
    names: Names = ()
    numbers: dict[Path, Mapping[int, int]] = {}
    unnamed: list[Path] = []
    for path in paths:
        with parquet_images.open_parquet(path) as file:
            schema = file.schema_arrow
        stated = _stated_names(path, schema.metadata or {}, column)
        if stated is None:
            if not is_text(schema.field(column).type):
                unnamed.append(path)
            continue
        if first is None:
            first, names = path, stated
        _check_equal((first, names), (path, stated))
        positions = {name: position for position, name in enumerate(names)}
        numbers[path] = {number: positions[name] for number, name in enumerate(stated)}
    if first and unnamed:
        raise DataError(
            f"{unnamed[0]} has numbers as labels and states no class names, but {first} does; "
            "write both with the same ClassLabel feature, or with names as labels."
        )
    return names or None, numbers


def describe(numbering: Mapping[Path, Mapping[int, int]]) -> tuple[str, ...]:
    """Return a note if files number their classes in another order than the first one."""
    others = sum(any(old != new for old, new in one.items()) for one in numbering.values())
    if not others:
        return ()
    return (
        f"{others:,} of {len(numbering):,} Parquet files state the class names in another order "
        "than the first; their labels were matched by name.",
    )


def _stated_names(path: Path, metadata: Mapping[bytes, bytes], column: str) -> Names | None:
    try:
        names = json.loads(metadata[b"huggingface"])["info"]["features"][column]["names"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return None
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not (is_list and names):
        return None
    return class_names.normalize_all(names, str(path), ignore_case=False)


def _check_equal(first: tuple[Path, Names], second: tuple[Path, Names]) -> None:
    (path, names), (other_path, others) = first, second
    if set(names) == set(others):
        return
    raise DataError(
        f"{path} and {other_path} state different class names: {_only_in(names, others)} only in "
        f"the first, {_only_in(others, names)} only in the second; write both with the same "
        "ClassLabel feature."
    )


def _only_in(names: Names, others: Names) -> str:
    return next((quoted(repr(name)) for name in names if name not in others), "none")
