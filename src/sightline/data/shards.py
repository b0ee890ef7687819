"""Recognize data sets of one or more files per split: Parquet, TFRecord and WebDataset."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from sightline.data.folder import Entries, check_link, list_folder
from sightline.data.image_folders import left_out
from sightline.data.layout import FILE_KINDS, UNSPLIT, Layout, SplitFiles, stem_of
from sightline.data.split_names import find_splits, series_of, split_word
from sightline.errors import DataError

_NUMBERED = frozenset({"tfrecord", "webdataset"})  # Formats that may only number their classes
_DESCRIPTIONS = re.compile(
    r"(.+\.labels|labels|classes|classnames|class_names)\.txt|dataset_info\.json", re.I
)
_MOST_SERIES = 5  # Named in a note
_NUMBER_OF = re.compile(r"(.*?)(\d{1,6})-of-(\d{1,6})(\D.*|)")


def find_shards(kind: str, path: Path, entries: Entries) -> Layout | None:
    """Recognize files of a format in a folder, or in folders per split; None if there are none.

    Raises DataError for files in several folders of which none is the training split.
    """
    files = _of_kind(kind, path, entries)
    folders = {
        entry.name: inner
        for entry in (() if files else entries)
        if entry.is_dir()
        and (inner := _of_kind(kind, path / entry.name, list_folder(path / entry.name)))
    }
    if "train" in find_splits(path, folders):
        return _complete(named_splits(kind, path, folders))
    check_train(path, folders)
    if len(folders) > 1:
        raise DataError(
            f"{path} has {kind} files in {len(folders)} folders ({', '.join(folders)}), but none "
            "is named train; give the path of one of them."
        )
    files = files or next(iter(folders.values()), ())
    groups: dict[str, tuple[Path, ...]] = {}
    for file in files:
        group = split_word(file.name) or file.name
        groups[group] = (*groups.get(group, ()), file)
    if "train" in find_splits(path, groups):
        return _complete(named_splits(kind, path, groups))
    check_train(path, groups)
    return _complete(Layout(kind, path, {UNSPLIT: files})) if files else None


def _complete(layout: Layout) -> Layout:
    """Add the file of class names, and notes on files that are missing or of several series.

    Raises DataError if the names of the files start differently before the word of their split.
    """
    every = [file.name for files in layout.files.values() for file in files]
    series = sorted({series_of(stem_of(name)) for name in every})
    if len(series) > 1 and all(map(split_word, every)):
        raise DataError(
            f"{layout.path} has files of several data sets ({', '.join(map(repr, series))} before "
            "the split in their names); move the others elsewhere, or give them one name."
        )
    present: dict[tuple[str, str, str], list[str]] = {}
    for file in (file for files in layout.files.values() for file in files):
        if match := _NUMBER_OF.fullmatch(file.name):
            before, number, total, after = match.groups()
            present.setdefault((before, total, after), []).append(number)
    notes = []
    if len(series) > 1:
        shown = ", ".join([*series[:_MOST_SERIES], *(["…"] if series[_MOST_SERIES:] else [])])
        notes.append(f"Read as one data set, though their names differ: files called {shown}.")
    for (before, total, after), found in present.items():
        numbers = {*map(int, found)}
        missing = [number for number in range(int(total)) if number not in numbers]
        if missing:
            name = f"{before}{missing[0]:0{len(found[0])}}-of-{total}{after}"
            notes.append(f"Missing: {len(missing):,} of {int(total):,} files, such as {name}.")
    return with_names(replace(layout, notes=(*layout.notes, *notes)))


def with_names(layout: Layout) -> Layout:
    """Add the files that name classes and count records, beside the data or in the set's folder."""
    if layout.kind not in _NUMBERED:
        return layout
    first = next(iter(layout.files.values()))[0]
    folders = (first.parent, layout.path) if layout.path.is_dir() else (first.parent,)
    for folder in folders:
        entries = [entry for entry in list_folder(folder) if _DESCRIPTIONS.fullmatch(entry.name)]
        for entry in entries:
            check_link(folder, entry)
        if names := tuple(folder / entry.name for entry in entries if entry.is_file()):
            return replace(layout, names=names)
    return layout


def named_splits(kind: str, path: Path, groups: SplitFiles) -> Layout:
    """Take the splits from groups of files by name; note the other groups."""
    names = find_splits(path, groups)
    splits = {split: groups[name] for split, name in names.items()}
    others = [name for name in groups if name not in names.values()]
    return Layout(kind, path, as_splits(splits), left_out(others))


def check_train(path: Path, names: Iterable[str]) -> None:
    """Refuse files or folders that are named like splits, if none is the training split."""
    if found := find_splits(path, names):
        raise DataError(
            f"{path} has {' and '.join(found.values())}, but no training split; name one train, or "
            "give the path of a file or folder in it."
        )


def as_splits(files: SplitFiles) -> SplitFiles:
    """Return the files of each split, or of `UNSPLIT` if there is only one."""
    return files if len(files) > 1 else {UNSPLIT: next(iter(files.values()), ())}


def _of_kind(kind: str, path: Path, entries: Entries) -> tuple[Path, ...]:
    named = (entry for entry in entries if FILE_KINDS[kind].fullmatch(entry.name))
    return tuple(path / entry.name for entry in named if entry.is_file())
