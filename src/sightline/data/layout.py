"""What lies at a path: recognises the format by names alone."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sightline.data.listing import class_folders, named, refuse_way_out, visible
from sightline.data.readers import content
from sightline.errors import DataError

Kind = Literal["idx", "npz", "folder", "parquet", "csv"]

WHOLE = "whole"
"""Stands for the split of a source that is not split yet."""

FILE_KINDS: dict[str, Kind] = {".npz": "npz", ".parquet": "parquet", ".csv": "csv"}
"""Formats of which a single file is a data set."""

_NAMES_SHOWN = 5
_IDX = re.compile(r"^(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(\.gz)?$")
_SPLIT = re.compile(r"^(train|test)(?![a-z0-9])", re.IGNORECASE)
_FORMATS = (
    "four IDX files, an .npz, Parquet or CSV files, or one folder of PNG, JPEG or BMP images a "
    "class, in train/ and test/ or not split"
)
_NPY_HINT = " An .npy file has no labels: save both with np.savez(FILE, x_train=..., y_train=...)."


@dataclass(frozen=True)
class Layout:
    """The files of a data set.

    Attributes:
        kind: Their format.
        path: The file or folder that was asked for.
        files: "train" and maybe "test", or `WHOLE` alone, to the files of that split; for
            IDX its images, then its labels; for images sorted by class, then by name.
        notes: Sentences on what was left out.
    """

    kind: Kind
    path: Path
    files: Mapping[str, tuple[Path, ...]]
    notes: tuple[str, ...] = ()

    def relative(self, file: Path) -> str:
        """Return a file's POSIX path inside of the data set; its name where it is the data set."""
        return file.name if file == self.path else file.relative_to(self.path).as_posix()


def find(path: Path) -> Layout:
    """Recognise a data set.

    Args:
        path: An existing file or folder.

    Returns:
        Its layout.

    Raises:
        DataError: The folder is empty, or nothing known lies there.
    """
    if not path.is_dir():
        return _of_file(path)
    entries = visible(path)
    if not entries:
        raise DataError(f"The folder {path} is empty; expected {_FORMATS}.")
    for recognise in (_idx, _npz, _parquet, _split_csv, _images, _lone_csv):
        layout = recognise(path, entries)
        if layout is not None:
            return layout
    raise DataError(f"{path} holds nothing that can be read; expected {_FORMATS}.")


def _of_file(path: Path) -> Layout:
    kind = FILE_KINDS.get(path.suffix.lower())
    if kind is None or not path.is_file():
        if path.is_file():
            content.check_head(path)  # a page that was saved under a wrong name is told as one
        hint = _NPY_HINT if path.suffix.lower() == ".npy" else ""
        raise DataError(
            f"{path} is not a file that can be read; expected an .npz, .parquet or .csv file, "
            f"or a folder with {_FORMATS}.{hint}"
        )
    return Layout(kind, path, {WHOLE: (path,)})


def _idx(path: Path, entries: list[os.DirEntry[str]]) -> Layout | None:
    found: dict[tuple[str, str], Path] = {}
    for entry in entries:  # sorted: a plain file comes before its .gz and wins
        match = _IDX.match(entry.name)
        if match and entry.is_file():
            split = "train" if match[1] == "train" else "test"
            found.setdefault((split, match[2]), path / entry.name)
    if not found:
        return None
    files: dict[str, tuple[Path, ...]] = {}
    for split in ("train", "test") if any(key[0] == "test" for key in found) else ("train",):
        missing = [part for part in ("images", "labels") if (split, part) not in found]
        if missing:
            raise DataError(
                f"{path} lacks the {missing[0]} of its {split} split; expected IDX files named "
                "like train-images-idx3-ubyte and train-labels-idx1-ubyte, plain or .gz."
            )
        files[split] = (found[split, "images"], found[split, "labels"])
    if "test" not in files:
        files = {WHOLE: files["train"]}
    return Layout("idx", path, files)


def _npz(path: Path, entries: list[os.DirEntry[str]]) -> Layout | None:
    files = named(path, entries, ".npz")
    if len(files) > 1:
        raise DataError(f"{path} holds {len(files)} .npz files; give the path of one of them.")
    return Layout("npz", path, {WHOLE: files}) if files else None


def _parquet(path: Path, entries: list[os.DirEntry[str]]) -> Layout | None:
    files = named(path, entries, ".parquet")
    if files:
        return _parquet_files(path, files)
    folders = {
        entry.name: inner
        for entry in entries
        if entry.is_dir()
        and (inner := named(path / entry.name, visible(path / entry.name), ".parquet"))
    }
    if "train" in folders:
        splits = {name: folders[name] for name in ("train", "test") if name in folders}
        left_out = [name for name in folders if name not in splits]
        return Layout("parquet", path, _whole_if_alone(splits), _left_out(left_out))
    if len(folders) > 1:
        raise DataError(
            f"{path} holds Parquet files in {len(folders)} folders ({', '.join(folders)}), none "
            "of them train; give the path of one of them."
        )
    return _parquet_files(path, next(iter(folders.values()))) if folders else None


def _parquet_files(path: Path, files: tuple[Path, ...]) -> Layout:
    by_split: dict[str, list[Path]] = {}
    for file in files:
        match = _SPLIT.match(file.name)
        by_split.setdefault(match[1].lower() if match else WHOLE, []).append(file)
    if "train" not in by_split:
        return Layout("parquet", path, {WHOLE: files})
    splits = {name: tuple(by_split[name]) for name in ("train", "test") if name in by_split}
    left_out = [file.name for file in by_split.get(WHOLE, [])]
    return Layout("parquet", path, _whole_if_alone(splits), _left_out(left_out))


def _split_csv(path: Path, entries: list[os.DirEntry[str]]) -> Layout | None:
    by_name = {file.name.lower(): file for file in named(path, entries, ".csv")}
    splits = {
        split: (by_name[f"{split}.csv"],)
        for split in ("train", "test")
        if f"{split}.csv" in by_name
    }
    return Layout("csv", path, _whole_if_alone(splits)) if "train" in splits else None


def _lone_csv(path: Path, entries: list[os.DirEntry[str]]) -> Layout | None:
    files = named(path, entries, ".csv")
    if len(files) > 1:
        raise DataError(
            f"{path} holds {len(files)} CSV files; name two of them train.csv and test.csv, or "
            "give the path of one of them."
        )
    return Layout("csv", path, {WHOLE: files}) if files else None


def _images(path: Path, entries: list[os.DirEntry[str]]) -> Layout | None:
    folders = [entry.name for entry in entries if entry.is_dir()]
    splits = [name for name in ("train", "test") if name in folders]
    for entry in entries:
        if entry.name in splits:
            refuse_way_out(path, entry)
    split_by_folder = "train" in splits and any(entry.is_dir() for entry in visible(path / "train"))
    others = 0 if split_by_folder else len(entries) - len(folders)
    files: dict[str, tuple[Path, ...]] = {}
    for split in splits if split_by_folder else [WHOLE]:
        found, other = class_folders(path, path if split == WHOLE else path / split)
        files[split] = found
        others += other
    if not any(files.values()):
        return None
    notes = _left_out([name for name in folders if name not in splits]) if split_by_folder else ()
    if others:
        notes += (_not_images(others),)
    return Layout("folder", path, _whole_if_alone(files), notes)


def _not_images(count: int) -> str:
    if count == 1:
        return "1 file that is no PNG, JPEG or BMP image was left out."
    return f"{count:,} files that are no PNG, JPEG or BMP images were left out."


def _whole_if_alone(files: Mapping[Any, tuple[Path, ...]]) -> Mapping[str, tuple[Path, ...]]:
    return files if len(files) > 1 else {WHOLE: next(iter(files.values()), ())}


def _left_out(names: list[str]) -> tuple[str, ...]:
    if not names:
        return ()
    more = ", …" if len(names) > _NAMES_SHOWN else ""
    return (f"Left out, as neither train nor test: {', '.join(names[:_NAMES_SHOWN])}{more}.",)
