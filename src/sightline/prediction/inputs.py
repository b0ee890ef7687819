"""Recognize the files and folders to predict, and count their images."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from sightline.data.decoding import image_kinds
from sightline.data.folder import Entry, check_link, list_folder
from sightline.data.readers.parquet import parquet_images
from sightline.data.remote.opening import to_path
from sightline.data.remote.remote_path import RemotePath
from sightline.errors import DataError, InputError
from sightline.prediction import npy
from sightline.prediction.records import Input
from sightline.storage.store_url import is_url
from sightline.storage.text import quoted

_KINDS: dict[str, Literal["npy", "parquet"]] = {".npy": "npy", ".parquet": "parquet"}
_EXPECTED = f"{image_kinds.IMAGES}, a folder of them, an .npy or a .parquet file"
_DEFAULT_COLUMN = "image"


def check(name: str) -> None:
    """Check quickly that a path leads to a folder or a file of a known kind; `describe` a URL.

    Raises DataError if it does not, and InputError if it is not valid UTF-8.
    """
    check_text(name)
    if is_url(name):
        return
    path = absolute(name)
    check_text(str(path))
    _check_kind(name, path)


def _check_kind(name: str, path: Path) -> None:
    if not path.is_dir() and not (path.is_file() and _is_known(path)):
        found = "is not a regular file" if path.exists() else "does not exist"
        if path.is_file():
            found = "cannot be predicted"
        npz = path.suffix.lower() == ".npz"
        hint = " Save one of its arrays with np.save(FILE, images)." if npz else ""
        hint += image_kinds.heic_remedy(path.suffix)
        raise DataError(f"{name} {found}; expected {_EXPECTED}.{hint}")


def check_text(path: str) -> None:
    """Raise InputError if a path is not valid UTF-8, so that it cannot be passed on."""
    try:
        path.encode()
    except UnicodeEncodeError:
        raise InputError(
            f"The path {path!r} is not valid UTF-8; rename it, or give its folder."
        ) from None


def describe(name: str) -> Input:
    """Describe the images at a path that passed `check`, or behind a URL, without decoding any.

    Raises DataError if the file is damaged, there are no images, or a link leads out of the folder;
    for a URL, errors as `open_url`.
    """
    path = to_path(name) if is_url(name) else absolute(name)
    if isinstance(path, RemotePath):
        name = str(path)
        _check_kind(name, path)
    if path.is_dir():
        images, others = _count(name, path)
        return Input(name=name, path=str(path), kind="folder", images=images, left_out=others)
    kind, images, column = _KINDS.get(path.suffix.lower(), "image"), 1, ""
    if kind == "npy":
        images = npy.read_header(path).shape[0]
    elif kind == "parquet":
        images, column = image_column(name, path)
    return Input(name=name, path=str(path), kind=kind, images=images, column=column)


def image_files(folder: Path) -> Iterator[Path]:
    """Yield the images below a folder, folder by folder, sorted by name.

    Raises DataError if a folder cannot be read, or a link leads out of it.
    """
    return (_path(entry) for entry in _walk(folder) if image_kinds.is_image_entry(entry))


def files_below(folder: Path, refused: list[tuple[Path, DataError]]) -> Iterator[Path]:
    """Yield all files below a folder like `image_files`, but go on after what is not read.

    Such links and folders are added to `refused`. Raises DataError if `folder` cannot be read.
    """
    return map(_path, _walk(folder, refused))


def absolute(name: str) -> Path:
    """Return the absolute path that the user meant. Raises DataError if it cannot exist."""
    try:
        if not name:
            raise ValueError("Path would turn it into the current folder")
        path = Path(name)
        if not os.path.lexists(path):  # a file may be named "~photo.png"
            path = path.expanduser()
        path = path.absolute()
        path.exists()
    except PermissionError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}.") from None
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, an unknown ~user
        raise DataError(f"{quoted(repr(name[:80]))} is not a valid path.") from None
    return path


def _is_known(path: Path) -> bool:
    return path.suffix.lower() in _KINDS or image_kinds.is_image(path)


def _count(name: str, path: Path) -> tuple[int, dict[str, int]]:
    """Count the images below a folder, and the other files by their ending."""
    images = 0
    others: Counter[str] = Counter()
    for entry in _walk(path):
        if image_kinds.is_image_entry(entry):
            images += 1
        else:
            others.update(image_kinds.count_kinds([entry.name]))
    if not images:
        hint = ""
        if others.keys() & _KINDS.keys():
            hint = " Give the paths of its .npy and .parquet files one by one."
        found = image_kinds.describe_kinds(others) or "no file"
        raise DataError(
            f"The folder {name} has no images (found {found}); expected {image_kinds.IMAGES}.{hint}"
        )
    return images, dict(others.most_common())


def _walk(root: Path, refused: list[tuple[Path, DataError]] | None = None) -> Iterator[Entry]:
    """Yield everything except folders. Linked folders are skipped: they may form a loop."""
    pending = [iter(list_folder(root))]
    while pending:
        entry = next(pending[-1], None)
        if entry is None:
            pending.pop()
            continue
        try:
            check_link(root, entry)
            if entry.is_dir(follow_symlinks=False):
                pending.append(iter(list_folder(_path(entry))))
                continue
        except DataError as error:
            if refused is None:
                raise
            refused.append((_path(entry), error))
            continue
        yield entry


def _path(entry: Entry) -> Path:
    return entry if isinstance(entry, RemotePath) else Path(entry.path)


def image_column(name: str, path: Path) -> tuple[int, str]:
    """Return the number of rows of a Parquet file, and its image column."""
    with parquet_images.open_parquet(path) as file:
        parquet_images.check_compression(path, file.metadata)
        schema, rows = file.schema_arrow, int(file.metadata.num_rows)
    found = [field.name for field in schema if parquet_images.is_image_type(field.type)]
    wanted = [column for column in found if column == _DEFAULT_COLUMN] or found
    if len(wanted) != 1:
        columns = ", ".join(f"{field.name} ({field.type})" for field in schema)
        raise DataError(
            f"{name}: expected a column {_DEFAULT_COLUMN!r} of encoded images (binary, or a "
            f"struct with bytes), or only one such column; its columns are "
            f"{quoted(columns) or 'none'}."
        )
    if rows < 1:
        raise DataError(f"{name} has no images.")
    return rows, wanted[0]
