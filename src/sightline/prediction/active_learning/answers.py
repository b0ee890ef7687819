"""Read the labels that people gave: in the table, or by moving images into class folders."""

import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from sightline.data.folder import list_folder
from sightline.errors import InputError
from sightline.prediction.active_learning.folder import CLASSES, COLUMNS, IMAGES, RECORD, TABLE
from sightline.prediction.active_learning.records import HandedOver
from sightline.storage import digests
from sightline.storage.text import quoted


class Answer(NamedTuple):
    """A labelled image."""

    name: str  # Its file name
    path: Path  # Where it is now
    sha256: str
    label: str
    where: str  # Where the label is, for errors: a line of the table, or a folder


class Answers(NamedTuple):
    """What people answered so far."""

    record: HandedOver
    labelled: list[Answer]
    unlabelled: int


def read(folder: Path) -> Answers:
    """Read and check the labels of a folder that `labels suggest` wrote.

    Raises InputError, naming the file and the line, if the folder is none, a label contradicts
    another one, an image was changed, added or removed, or the table cannot be read.
    """
    record = _record(folder)
    moved = dict(_moved(folder, record))
    written = _written(folder / TABLE, record)
    labelled = []
    for name, sha256 in record.images.items():
        path = moved[name][0] if name in moved else folder / IMAGES / name
        answers = [found[1:] for found in (moved.get(name), written.get(name)) if found]
        if not answers:
            continue
        label, where = answers[0]
        for other, place in answers[1:]:
            if other != label:
                raise InputError(
                    f"{folder / name}: {where} says {quoted(label)!r}, but {place} says "
                    f"{quoted(other)!r}; correct one of them."
                )
        _check_content(path, sha256)
        labelled.append(Answer(name, path, sha256, label, where))
    return Answers(record, labelled, len(record.images) - len(labelled))


def _record(folder: Path) -> HandedOver:
    path = folder / RECORD
    try:
        return HandedOver.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise InputError(
            f"{folder} is no folder to label: it has no valid {RECORD}; give the folder that "
            "`sightline labels suggest` wrote."
        ) from None


def _moved(folder: Path, record: HandedOver) -> Iterator[tuple[str, tuple[Path, str, str]]]:
    """Yield the images in class folders with their path, class and place."""
    if not (folder / CLASSES).is_dir():
        return
    seen: dict[str, str] = {}
    for entry in list_folder(folder / CLASSES):
        if not entry.is_dir():
            raise InputError(f"{entry.path} is in no class folder; move it into one.")
        for file in list_folder(Path(entry.path)):
            if file.name not in record.images:
                raise InputError(
                    f"{file.path} is none of the suggested images; move it out of this folder, and "
                    "into the data set yourself."
                )
            if seen.setdefault(file.name, entry.name) != entry.name:
                raise InputError(
                    f"{file.name} is in the folders {quoted(seen[file.name])!r} and "
                    f"{quoted(entry.name)!r}; remove one."
                )
            yield file.name, (Path(file.path), entry.name, f"the folder {entry.path}")


def _written(path: Path, record: HandedOver) -> dict[str, tuple[None, str, str]]:
    """Return the labels of the table with their lines; a blank label is none."""
    found: dict[str, tuple[None, str, str]] = {}
    for line, row in _rows(path):
        where = f"{path}, line {line}"
        name, label = (row["file"] or "").strip(), (row["label"] or "").strip()
        if name not in record.images:
            if not name and not label:
                continue  # an empty line
            raise InputError(f"{where}: {quoted(name)!r} is none of the suggested images.")
        if label:
            if name in found and found[name][1] != label:
                raise InputError(
                    f"{where} says {quoted(label)!r}, but {found[name][2]} says "
                    f"{quoted(found[name][1])!r}; correct one of them."
                )
            found[name] = (None, label, where)
    return found


def _rows(path: Path) -> list[tuple[int, dict[str, str | None]]]:
    """Return the rows of the table with the number of their last line; none if there is no file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)  # spreadsheets of some countries write semicolons
        rows = csv.DictReader(StringIO(text, newline=""), delimiter=delimiter)
        missing = {"file", "label"} - set(rows.fieldnames or ())
        if missing:
            raise InputError(
                f"{path}, line 1: expected the columns {', '.join(COLUMNS)}, found none named "
                f"{' and '.join(sorted(missing))}."
            )
        return [(rows.line_num, row) for row in rows]
    except FileNotFoundError:
        return []  # all labels may be given by folders
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read as a table in UTF-8: {error}; save it so."
        ) from None


def _check_content(path: Path, sha256: str) -> None:
    if (found := digests.difference(path, sha256)) is not None:
        raise InputError(
            f"{path} is not the image that was suggested (its SHA-256: {found}); restore it, or "
            "remove its label."
        )
