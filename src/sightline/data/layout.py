"""Find the files of a data set and recognize their format by name."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sightline.data.folder import Entries, check_link, list_folder, nested_files, with_suffix
from sightline.data.readers import content, image_kinds
from sightline.errors import DataError

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
"""Names of folders and files, in lower case, to the split that they hold; training first."""

UNSPLIT = "unsplit"  # Name of the only split of a source that has no test split yet
FILE_KINDS = {".npz": "npz", ".parquet": "parquet", ".csv": "csv"}  # Formats of single files

_MAX_NAMES = 5
_IDX = re.compile(r"^(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(\.gz)?$")
_SPLIT = re.compile(rf"^({'|'.join(SPLITS)})(?![a-z0-9])", re.IGNORECASE)
_FORMATS = (
    "four IDX files, one .npz file, Parquet files, CSV files, or one folder per class of "
    f"{image_kinds.IMAGES}, optionally split into train/, validation/ and test/"
)
_NPY_HINT = " An .npy file has no labels; save both with np.savez(FILE, x_train=..., y_train=...)."

SplitFiles = Mapping[str, tuple[Path, ...]]


@dataclass(frozen=True)
class Layout:
    """The files of a data set."""

    kind: str  # Their format, a key of `readers.dispatch.READERS`
    path: Path  # The file or folder that the user named
    # "train" with "validation", "test" or both, or `UNSPLIT` alone, mapped to the files of that
    # split. IDX: images, then labels. Image folders: sorted by class, then by name.
    files: SplitFiles
    notes: tuple[str, ...] = ()  # Sentences about files that were left out
    left_out: Mapping[str, int] = field(default_factory=dict)  # Files of a folder by their ending

    def relative(self, file: Path) -> str:
        """Return a file's POSIX path within the data set."""
        return file.name if file == self.path else file.relative_to(self.path).as_posix()


def find_layout(path: Path) -> Layout:
    """Recognize the data set at an existing path; raise DataError for an unknown format."""
    if not path.is_dir():
        return _single_file(path)
    entries = list_folder(path)
    if not entries:
        raise DataError(f"The folder {path} is empty; expected {_FORMATS}.")
    layout = (
        _idx(path, entries)
        or _only_file(path, entries, ".npz")
        or _parquet(path, entries)
        or _split_csv(path, entries)
        or _image_folders(path, entries)
        or _only_file(path, entries, ".csv", " Alternatively, name two train.csv and test.csv.")
    )
    if layout is None:
        found = image_kinds.count_kinds(nested_files(path))
        raise DataError(
            f"{path} has no data in a known format (found "
            f"{image_kinds.describe_kinds(found) or 'no file'}); expected {_FORMATS}."
        )
    return layout


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
    found: dict[tuple[str, str], Path] = {}
    for entry in entries:  # sorted, so a plain file precedes its .gz and wins
        match = _IDX.match(entry.name)
        if match and entry.is_file():
            split = "train" if match[1] == "train" else "test"
            found.setdefault((split, match[2]), path / entry.name)
    if not found:
        return None
    files: dict[str, tuple[Path, ...]] = {}
    for split in sorted({"train", *(split for split, _ in found)}, reverse=True):
        for part in ("images", "labels"):
            if (split, part) not in found:
                raise DataError(
                    f"{path} lacks the {part} of the {split} split; expected IDX files such as "
                    "train-images-idx3-ubyte and train-labels-idx1-ubyte, plain or .gz."
                )
        files[split] = (found[split, "images"], found[split, "labels"])
    return Layout("idx", path, _as_splits(files))


def _parquet(path: Path, entries: Entries) -> Layout | None:
    files = with_suffix(path, entries, ".parquet")
    folders = {
        entry.name: inner
        for entry in (() if files else entries)
        if entry.is_dir()
        and (inner := with_suffix(path / entry.name, list_folder(path / entry.name), ".parquet"))
    }
    if "train" in _split_names(path, folders):
        return _named_splits("parquet", path, folders)
    if len(folders) > 1:
        raise DataError(
            f"{path} has Parquet files in {len(folders)} folders ({', '.join(folders)}), but none "
            "is named train; give the path of one of them."
        )
    files = files or next(iter(folders.values()), ())
    groups: dict[str, tuple[Path, ...]] = {}
    for file in files:
        match = _SPLIT.match(file.name)
        group = match[1].lower() if match else file.name
        groups[group] = (*groups.get(group, ()), file)
    if "train" in _split_names(path, groups):
        return _named_splits("parquet", path, groups)
    return Layout("parquet", path, {UNSPLIT: files}) if files else None


def _split_csv(path: Path, entries: Entries) -> Layout | None:
    files = {file.stem: (file,) for file in with_suffix(path, entries, ".csv")}
    return _named_splits("csv", path, files) if "train" in _split_names(path, files) else None


def _named_splits(kind: str, path: Path, groups: SplitFiles) -> Layout:
    """Take the splits from groups of files by name; note the other groups."""
    names = _split_names(path, groups)
    splits = {split: groups[name] for split, name in names.items()}
    others = [name for name in groups if name not in names.values()]
    return Layout(kind, path, _as_splits(splits), _left_out(others))


def _split_names(path: Path, names: Iterable[str]) -> dict[str, str]:
    """Return which of some names hold a split, training first; refuse two for one split."""
    found: dict[str, str] = {}
    for name in names:
        split = SPLITS.get(name.lower())
        if split in found:
            raise DataError(
                f"{path} has both {found[split]!r} and {name!r}, two names of the {split} split; "
                "rename or remove one."
            )
        if split:
            found[split] = name
    return {split: found[split] for split in dict.fromkeys(SPLITS.values()) if split in found}


def _image_folders(path: Path, entries: Entries) -> Layout | None:
    folders = [entry.name for entry in entries if entry.is_dir()]
    names = _split_names(path, folders)
    for entry in entries:
        if entry.name in names.values():
            check_link(path, entry)
    is_split = "train" in names and any(
        entry.is_dir() for entry in list_folder(path / names["train"])
    )
    loose = [] if is_split else [entry.name for entry in entries if not entry.is_dir()]
    others = [image_kinds.count_kinds(loose)]
    files: dict[str, tuple[Path, ...]] = {}
    for split, name in names.items() if is_split else [(UNSPLIT, "")]:
        files[split], other = _class_folders(path, path / name)
        others.append(other)
    if not any(files.values()):
        return None
    notes = _left_out([name for name in folders if name not in names.values()]) if is_split else ()
    left_out = image_kinds.add_kinds(*others)
    notes += image_kinds.describe_left_out(left_out)
    return Layout("folder", path, _as_splits(files), notes, left_out)


def _class_folders(root: Path, folder: Path) -> tuple[tuple[Path, ...], dict[str, int]]:
    """Return the images of `<class>/*`, sorted by class and name, and the other files by ending."""
    images: dict[Path, list[Path]] = {}
    others: list[str] = []
    for entry in list_folder(folder):
        check_link(root, entry)
        if not entry.is_dir():
            continue
        found = images.setdefault(folder / entry.name, [])
        for item in list_folder(folder / entry.name):
            check_link(root, item)
            if item.is_file() and image_kinds.is_image(Path(item.path)):
                found.append(folder / entry.name / item.name)
            else:
                others.append(item.name)
    empty = next((name for name, found in images.items() if not found), None)
    if any(images.values()) and empty:
        kinds = image_kinds.count_kinds(entry.name for entry in list_folder(empty))
        raise DataError(
            f"The class folder {empty} has no images (found "
            f"{image_kinds.describe_kinds(kinds) or 'nothing'}); add {image_kinds.IMAGES}, or "
            "remove the folder."
        )
    files = tuple(path for found in images.values() for path in found)
    return files, image_kinds.count_kinds(others)


def _as_splits(files: SplitFiles) -> SplitFiles:
    return files if len(files) > 1 else {UNSPLIT: next(iter(files.values()), ())}


def _left_out(names: list[str]) -> tuple[str, ...]:
    shown = ", ".join([*names[:_MAX_NAMES], "…"] if len(names) > _MAX_NAMES else names)
    return (f"Left out, as no known split: {shown}.",) if names else ()
