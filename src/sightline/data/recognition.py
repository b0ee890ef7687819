"""Recognize the format of a data set by the names of its files."""

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from sightline.data.decoding import image_kinds
from sightline.data.folder import Entries, list_folder, nested_files, with_suffix
from sightline.data.image_folders import find_image_folders
from sightline.data.labelling.image_table import has_file_column
from sightline.data.layout import UNSPLIT, Detail, Layout, kind_of
from sightline.data.readers import content
from sightline.data.shards import as_splits, check_train, find_shards, named_splits, with_names
from sightline.data.split_names import find_splits
from sightline.errors import DataError

_IDX = re.compile(r"^(emnist-[a-z]+-)?(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(\.gz)?$")
_FORMATS = (
    "four IDX files, one .npz file, Parquet, CSV or TFRecord files, WebDataset .tar files, or one "
    f"folder per class of {image_kinds.IMAGES}, optionally split into train/, validation/ and test/"
)
_ARRAYS_HINT = " Save its arrays with np.savez(FILE, x_train=..., y_train=...)."
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
            kinds = image_kinds.count_kinds(nested_files(path))
            raise DataError(
                f"{path} has no data in a known format (found "
                f"{image_kinds.describe_kinds(kinds) or 'no file'}); expected {_FORMATS}."
                f"{_hint(kinds)}"
            )
        inner /= folders[0].name
        entries = list_folder(inner)
    if inner == path:
        return layout
    note = Detail(f"The data lie in the folder {inner.relative_to(path).as_posix()}.")
    return replace(layout, path=path, notes=(note, *layout.notes))


def _recognize(path: Path, entries: Entries) -> Layout | None:
    found = (
        _idx(path, entries)
        or _only_file(path, entries, ".npz")
        or find_shards("parquet", path, entries)
        or find_shards("tfrecord", path, entries)
    )
    if found:
        return found
    tables = _split_csv(path, entries)
    if tables and not has_file_column(next(iter(tables.files.values()))[0]):
        return tables
    if layout := find_image_folders(path, entries) or tables:
        return layout
    if (layout := find_shards("webdataset", path, entries)) and not _is_unpacked(path, entries):
        return layout
    check_train(path, [file.stem for file in with_suffix(path, entries, ".csv")])
    return _only_file(path, entries, ".csv", " Alternatively, name two train.csv and test.csv.")


def _is_unpacked(path: Path, entries: Entries) -> bool:
    """Return whether the only folder beside tar files is a data set, such as their content."""
    folders = [entry.name for entry in entries if entry.is_dir() and not entry.is_symlink()]
    has_files = any(kind_of(entry.name) == "webdataset" for entry in entries)
    if len(folders) != 1 or not has_files:
        return False
    inner = path / folders[0]
    return _recognize(inner, list_folder(inner)) is not None


def _single_file(path: Path) -> Layout:
    kind = kind_of(path.name)
    if kind and path.is_file():
        return with_names(Layout(kind, path, {UNSPLIT: (path,)}))
    if path.is_file():
        content.check_head(path)  # report a saved web page as one
    raise DataError(
        f"{path} is not a supported file; expected an .npz, .parquet, .csv, .tfrecord or .tar "
        f"file, or a folder with {_FORMATS}.{_hint({path.suffix.lower()})}"
    )


def _hint(endings: Collection[str]) -> str:
    """Return what to do with files of known endings that cannot be read, as a sentence."""
    if not {".zip", ".7z", ".rar", ".bz2", ".xz", ".zst"}.isdisjoint(endings):
        return " Unpack the archive and give the path of its folder."
    hints = {
        ".npy": _NPY_HINT,
        ".gz": " Unpack the file.",
        ".tsv": " Rename a table with tabs to .csv.",
        ".xlsx": " Save the table as CSV.",
        ".arrow": " Save a Hugging Face data set with to_parquet(FILE).",
        **dict.fromkeys((".pkl", ".pickle", ".pt", ".mat", ".h5"), _ARRAYS_HINT),
    }
    return next((hint for ending, hint in hints.items() if ending in endings), "")


def _only_file(path: Path, entries: Entries, suffix: str, hint: str = "") -> Layout | None:
    files = with_suffix(path, entries, suffix)
    if len(files) > 1:
        raise DataError(
            f"{path} has {len(files)} {suffix} files; give the path of one of them.{hint}"
        )
    return Layout(suffix[1:], path, {UNSPLIT: files}) if files else None


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
    return Layout("idx", path, as_splits(files))


def _split_csv(path: Path, entries: Entries) -> Layout | None:
    files = {file.stem: (file,) for file in with_suffix(path, entries, ".csv")}
    return named_splits("csv", path, files) if "train" in find_splits(path, files) else None
