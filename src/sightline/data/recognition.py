"""Recognize the format of a data set by the names of its files."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from sightline.data.folder import Entries, list_folder, nested_files, with_suffix
from sightline.data.image_folders import find_image_folders, left_out
from sightline.data.image_table import has_file_column
from sightline.data.layout import FILE_KINDS, UNSPLIT, Detail, Layout, SplitFiles
from sightline.data.readers import content, image_kinds
from sightline.data.split_names import PREFIX, find_splits
from sightline.errors import DataError

_IDX = re.compile(r"^(emnist-[a-z]+-)?(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(\.gz)?$")
_FORMATS = (
    "four IDX files, one .npz file, Parquet files, CSV files, or one folder per class of "
    f"{image_kinds.IMAGES}, optionally split into train/, validation/ and test/"
)
_NPY_HINT = " An .npy file has no labels; save both with np.savez(FILE, x_train=..., y_train=...)."


def find_layout(path: Path) -> Layout:
    """Recognize the data set at an existing path; raise DataError for an unknown format.

    A folder around everything, which holds one folder and no data, is stepped into.
    """
    if not path.is_dir():
        return _single_file(path)
    entries = list_folder(path)
    if not entries:
        raise DataError(f"The folder {path} is empty; expected {_FORMATS}.")
    inner = path
    while (layout := _recognize(inner, entries)) is None:
        folders = [entry for entry in entries if entry.is_dir()]
        if len(folders) != 1 or folders[0].is_symlink():
            found = image_kinds.describe_kinds(image_kinds.count_kinds(nested_files(path)))
            raise DataError(
                f"{path} has no data in a known format (found {found or 'no file'}); expected "
                f"{_FORMATS}."
            )
        inner /= folders[0].name
        entries = list_folder(inner)
    if inner == path:
        return layout
    note = Detail(f"The data lie in the folder {inner.relative_to(path).as_posix()}.")
    return replace(layout, path=path, notes=(note, *layout.notes))


def _recognize(path: Path, entries: Entries) -> Layout | None:
    found = _idx(path, entries) or _only_file(path, entries, ".npz") or _parquet(path, entries)
    if found:
        return found
    tables = _split_csv(path, entries)
    if tables and not has_file_column(next(iter(tables.files.values()))[0]):
        return tables
    if layout := find_image_folders(path, entries) or tables:
        return layout
    _check_not_splits(path, [file.stem for file in with_suffix(path, entries, ".csv")])
    return _only_file(path, entries, ".csv", " Alternatively, name two train.csv and test.csv.")


def _single_file(path: Path) -> Layout:
    suffix = path.suffix.lower()
    if suffix in FILE_KINDS and path.is_file():
        return Layout(FILE_KINDS[suffix], path, {UNSPLIT: (path,)})
    if path.is_file():
        content.check_head(path)  # report a saved web page as one
    hint = _NPY_HINT if suffix == ".npy" else ""
    raise DataError(
        f"{path} is not a supported file; expected an .npz, .parquet or .csv file, or a folder "
        f"with {_FORMATS}.{hint}"
    )


def _only_file(path: Path, entries: Entries, suffix: str, hint: str = "") -> Layout | None:
    files = with_suffix(path, entries, suffix)
    if len(files) > 1:
        raise DataError(
            f"{path} has {len(files)} {suffix} files; give the path of one of them.{hint}"
        )
    return Layout(FILE_KINDS[suffix], path, {UNSPLIT: files}) if files else None


def _idx(path: Path, entries: Entries) -> Layout | None:
    sets: dict[str, dict[tuple[str, str], Path]] = {}
    for entry in entries:  # sorted, so a plain file precedes its .gz and wins
        match = _IDX.match(entry.name)
        if match and entry.is_file():
            split = "train" if match[2] == "train" else "test"
            found = sets.setdefault(match[1] or "", {})
            found.setdefault((split, match[3]), path / entry.name)
    if len(sets) > 1:
        raise DataError(
            f"{path} has IDX files of {len(sets)} data sets ("
            f"{', '.join(f'{prefix}train-images' for prefix in sorted(sets))}); move the files of "
            "one of them into a folder of their own."
        )
    if not sets:
        return None
    prefix, found = sets.popitem()
    files: dict[str, tuple[Path, ...]] = {}
    for split in sorted({"train", *(split for split, _ in found)}, reverse=True):
        needed = ("images", "labels") if split == "train" else ("images",)
        for part in needed:
            if (split, part) not in found:
                raise DataError(
                    f"{path} lacks the {part} of the {split} split; expected IDX files such as "
                    f"{prefix}train-images-idx3-ubyte and {prefix}train-labels-idx1-ubyte, plain "
                    "or .gz."
                )
        parts = ((split, "images"), (split, "labels"))
        files[split] = tuple(found[part] for part in parts if part in found)
    return Layout("idx", path, _as_splits(files))


def _parquet(path: Path, entries: Entries) -> Layout | None:
    files = with_suffix(path, entries, ".parquet")
    folders = {
        entry.name: inner
        for entry in (() if files else entries)
        if entry.is_dir()
        and (inner := with_suffix(path / entry.name, list_folder(path / entry.name), ".parquet"))
    }
    if "train" in find_splits(path, folders):
        return _named_splits("parquet", path, folders)
    _check_not_splits(path, folders)
    if len(folders) > 1:
        raise DataError(
            f"{path} has Parquet files in {len(folders)} folders ({', '.join(folders)}), but none "
            "is named train; give the path of one of them."
        )
    files = files or next(iter(folders.values()), ())
    groups: dict[str, tuple[Path, ...]] = {}
    for file in files:
        match = PREFIX.match(file.name)
        group = match[1].lower() if match else file.name
        groups[group] = (*groups.get(group, ()), file)
    if "train" in find_splits(path, groups):
        return _named_splits("parquet", path, groups)
    _check_not_splits(path, groups)
    return Layout("parquet", path, {UNSPLIT: files}) if files else None


def _split_csv(path: Path, entries: Entries) -> Layout | None:
    files = {file.stem: (file,) for file in with_suffix(path, entries, ".csv")}
    return _named_splits("csv", path, files) if "train" in find_splits(path, files) else None


def _check_not_splits(path: Path, names: Iterable[str]) -> None:
    """Refuse files or folders that are named like splits, if none is the training split."""
    if found := find_splits(path, names):
        raise DataError(
            f"{path} has {' and '.join(found.values())}, but no training split; name one train, or "
            "give the path of a file or folder in it."
        )


def _named_splits(kind: str, path: Path, groups: SplitFiles) -> Layout:
    """Take the splits from groups of files by name; note the other groups."""
    names = find_splits(path, groups)
    splits = {split: groups[name] for split, name in names.items()}
    others = [name for name in groups if name not in names.values()]
    return Layout(kind, path, _as_splits(splits), left_out(others))


def _as_splits(files: SplitFiles) -> SplitFiles:
    return files if len(files) > 1 else {UNSPLIT: next(iter(files.values()), ())}
