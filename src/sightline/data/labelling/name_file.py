"""Read the file of class names that lies beside files whose labels are numbers."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sightline.data.labelling import class_names
from sightline.data.labelling.class_names import MAX_CLASSES
from sightline.data.labelling.labels import FoundLabels
from sightline.data.layout import Layout
from sightline.data.readers import content
from sightline.errors import DataError

_MAX_BYTES = 1 << 20
_OF_LABEL = ".labels.txt"  # What follows the name of the label
_NUMBERED = re.compile(r"(\d+)\s*[:,\t ]\s*(.+)")


def apply(
    layout: Layout, found: list[FoundLabels], key: str = ""
) -> tuple[tuple[str, ...] | None, list[FoundLabels], tuple[str, ...]]:
    """Return the class names in the file for a label, the labels as positions, and notes.

    `key` is the name of the label. There are no names without a file. Integers count the lines
    from 0; from 1 if no label is 0 and one is the number of lines. Raises DataError if the file
    holds no names.
    """
    path = find_file(layout, key)
    if path is None:
        return None, found, ()
    names = _read(path)
    values = {value for split in found for value in split.values}
    if 0 in values or len(names) not in values:
        return names, found, ()
    note = f"The labels count the class names in {path.name} from 1."
    return names, [_from_zero(split) for split in found], (note,)


def find_file(layout: Layout, key: str) -> Path | None:
    """Return the file of class names, such as label.labels.txt of TensorFlow Datasets."""
    named = {path.name.lower(): path for path in layout.names if path.suffix.lower() == ".txt"}
    others = (path for name, path in named.items() if not name.endswith(_OF_LABEL))
    return named.get(f"{key.lower()}{_OF_LABEL}") or next(others, None)


def describe(layout: Layout, key: str = "") -> str:
    """Return where the class names are, as the end of a sentence; "" if nothing states them."""
    path = find_file(layout, key)
    return f", with the class names of {path.name}" if path else ""


def _read(path: Path) -> tuple[str, ...]:
    """Return the lines, without numbers that count them, as in `0:cat`."""
    content.check_head(path)
    if path.stat().st_size > _MAX_BYTES:
        raise DataError(f"{path} is larger than 1 MiB; expected one class name a line.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text; expected one class name a line.") from None
    names = [line.strip() for line in lines if line.strip()]
    if not 1 <= len(names) <= MAX_CLASSES:
        raise DataError(
            f"{path} has {len(names):,} lines; expected 1 to {MAX_CLASSES:,} class names, one a "
            "line: remove the file if it holds something else."
        )
    numbered = [_NUMBERED.fullmatch(name) for name in names]
    if all(match and int(match[1]) == line for line, match in enumerate(numbered)):
        names = [match[2] for match in numbered if match]
    return class_names.normalize_all(names, str(path), ignore_case=False)


def _from_zero(split: FoundLabels) -> FoundLabels:
    values: Sequence[int | str] = [
        value - 1 if isinstance(value, int) and value > 0 else value for value in split.values
    ]
    return replace(split, values=tuple(values))
