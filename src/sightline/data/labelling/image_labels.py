"""The label of each image in a folder: from its class folder, a table or its file name."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from sightline.config import DataConfig
from sightline.data.image_folders import KNOWN
from sightline.data.labelling import class_names
from sightline.data.labelling.image_table import Row, find_label_column, read_table
from sightline.data.labelling.label_columns import LABEL_COLUMNS
from sightline.data.layout import UNSPLIT, Layout
from sightline.data.readers.base import Origin
from sightline.data.split_names import split_of
from sightline.errors import DataError
from sightline.storage.text import quoted

_IMAGES = frozenset({"image", "images", "img", "imgs", "jpegimages"})
_ANNOTATIONS = frozenset(
    {
        *("annotation", "annotations", "label", "labels", "mask", "masks", "trimaps"),
        *("segmentation", "segmentations", "segmentationclass", "segmentationobject"),
    }
)
"""Names of folders, in lower case, that data sets for detection and segmentation have."""

_NO_CLASS = _IMAGES | {"all", "all_classes", "unknown", "unlabeled", "unlabelled"}
"""Names, in lower case, of the only folder of a split without labels."""

_ABSOLUTE = re.compile(r"/|[A-Za-z]:/|[a-z0-9]+://")

SplitLabels = dict[str, list[str]]


def find_labels(layout: Layout, settings: DataConfig) -> tuple[SplitLabels, tuple[str, ...]]:
    """Return the label of each image of each split, in the order of `layout.files`, and notes.

    `data.label_pattern` has precedence over class folders and tables. Splits without labels are
    left out: those, other than the training split, in which no image has a label, or by the pattern
    no label of the training split, or all images are in one folder like `test` or `unknown`. Raises
    DataError, naming the image, if only some images of a split have a label.
    """
    notes: list[str] = []
    found: dict[Path, str] = {}
    if not settings.label_pattern:
        for table in dict.fromkeys(table for table in layout.tables.values() if table):
            found |= _match_table(table, layout, settings.label_column, notes)
    labels: SplitLabels = {}
    for split, paths in layout.files.items():
        _check_not_annotations(layout.roots[split], paths)
        if settings.label_pattern:
            given = _by_pattern(paths, settings.label_pattern)
            source = f"data.label_pattern {settings.label_pattern!r}"
        elif split in layout.tables:
            given = [found.get(path) for path in paths]
            source = str(layout.tables[split]) if layout.tables[split] else ""
        else:
            root = layout.roots[split]
            given = [path.relative_to(root).parts[0] for path in paths]
            source = "its folder"
            if labels and _is_no_class(_names(given), _names(labels["train"])):
                given = [None] * len(paths)
        if settings.label_pattern and labels and not _names(given) & _names(labels["train"]):
            given = [None] * len(paths)  # such as 1.jpg among images to be predicted
        if paths and not any(given) and split not in {"train", UNSPLIT}:
            continue
        hint = " ".join(note for note in notes if "name no image" in note)
        labels[split] = [_present(*one, source, hint) for one in zip(given, paths, strict=True)]
    return labels, tuple(notes)


def describe(layout: Layout, settings: DataConfig) -> Origin:
    """Describe where the labels are: class folders, columns of tables or file names."""
    if settings.label_pattern:
        return Origin("image folder", "file names, by data.label_pattern")
    places = [] if layout.tables.keys() >= layout.files.keys() else ["class folders"]
    chosen = None
    for table in dict.fromkeys(table for table in layout.tables.values() if table):
        if column := find_label_column(table, settings.label_column):
            places.append(f"column {quoted(column)} of {table.name}")
            if column != settings.label_column.strip().lower():
                chosen = chosen or column
        elif read_table(table, settings.label_column):
            places.append(f"one-hot columns of {table.name}")
    return Origin("image folder", " and ".join(dict.fromkeys(places)), chosen)


def _check_not_annotations(root: Path, paths: Iterable[Path]) -> None:
    """Refuse masks, which would be learnt as a class or as further images."""
    folders = {path.relative_to(root).parts[0] for path in paths if path.parent != root}
    names = {name.lower() for name in folders}
    if names & _IMAGES and names & _ANNOTATIONS and names <= _IMAGES | _ANNOTATIONS:
        raise DataError(
            f"{root} has the folders {' and '.join(sorted(folders))}, as for detection or "
            f"segmentation; give the path of the folder of images if they have labels: {KNOWN}."
        )


def _is_no_class(names: set[str], known: set[str]) -> bool:
    """Return whether these are one name, of no known class, like `test` or `unknown`."""
    name = next(iter(names), "")
    is_usual = name.lower() in _NO_CLASS or split_of(name) is not None
    return len(names) == 1 and name not in known and is_usual


def _present(label: str | None, path: Path, source: str, hint: str) -> str:
    if label:
        return label
    if not source:
        name = path.parent.name
        remedy = f"; if {name!r} is a class, rename its folder" if split_of(name) else ""
        raise DataError(
            f"{path.parent} has images without labels, or of one class ({name!r}); {KNOWN}{remedy}."
        )
    raise DataError(
        f"{path} has no label by {source}; add it there, or remove the image. {hint}".rstrip()
    )


def _by_pattern(paths: Iterable[Path], pattern: str) -> list[str | None]:
    compiled = re.compile(pattern)
    group = "label" if "label" in compiled.groupindex else 1
    matches = (compiled.search(path.name) for path in paths)
    return [match[group] if match else None for match in matches]


def _names(labels: Iterable[str | None]) -> set[str]:
    return {class_names.normalize(label) for label in labels if label}


def _match_table(
    table: Path, layout: Layout, label_column: str, notes: list[str]
) -> dict[Path, str]:
    """Return the label of each image that a table names, and note rows without an image."""
    rows = read_table(table, label_column)
    splits = [split for split, one in layout.tables.items() if one == table]
    if rows is None:
        if {"train", UNSPLIT} & set(splits):
            raise DataError(
                f"{table} has no column of labels ({', '.join(LABEL_COLUMNS)}); set "
                "data.label_column to its name."
            )
        return {}
    if not find_label_column(table, label_column):
        notes.append(f"Taken as one-hot labels: the columns of {table.name}.")
    index = _index(table, layout, splits)
    found: dict[Path, str] = {}
    missing: list[str] = []
    for row in rows:
        key = _find_key(_normal(row.file), index)
        if key not in index:
            missing.append(row.file)
            continue
        path = index[key]
        if path is None:
            raise _problem(table, row, "fits several images; write its path below the table")
        if row.label and found.setdefault(path, row.label) != row.label:
            both = f"{_shown(found[path])} and {_shown(row.label)}"
            raise _problem(table, row, f"has the labels {both}; keep one")
    if missing:
        notes.append(
            f"{len(missing):,} of {len(rows):,} rows of {table.name} name no image here, such as "
            f"{_shown(missing[0])}."
        )
    return found


def _index(table: Path, layout: Layout, splits: list[str]) -> dict[str, Path | None]:
    """Map what a table may call an image to it; None if that name fits several images."""
    index: dict[str, Path | None] = {}
    for split in splits:
        for path in layout.files[split]:
            keys = {
                path.name,
                *(_below(path, base) for base in (table.parent, layout.roots[split])),
            }
            keys |= {str(PurePosixPath(key).with_suffix("")) for key in keys}
            for key in map(_normal, keys):
                index[key] = path if index.get(key, path) == path else None
    return index


def _find_key(name: str, index: Mapping[str, Path | None]) -> str:
    """Return the name, or the last parts of an absolute path on another machine that are known.

    These are at least a folder and a file.
    """
    if name in index or not _ABSOLUTE.match(name):
        return name
    parts = name.split("/")
    ends = ("/".join(parts[start:]) for start in range(1, len(parts) - 1))
    return next((end for end in ends if end in index), name)


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name.replace("\\", "/").removeprefix("./"))


def _shown(text: str) -> str:
    return quoted(repr(text), 80)


def _problem(table: Path, row: Row, what: str) -> DataError:
    return DataError(f"{table}, row {row.number} (counted from 0): {_shown(row.file)} {what}.")
