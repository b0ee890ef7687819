"""What is to be predicted: recognises files and folders, and counts their images."""

import os
from collections.abc import Iterator
from pathlib import Path

from sightline.data.layout import IMAGE_SUFFIXES, check_link, list_folder
from sightline.data.readers import parquet_images
from sightline.errors import DataError, InputError
from sightline.prediction import npy
from sightline.prediction.records import Input
from sightline.storage.text import quoted

_EXPECTED = "a PNG, JPEG or BMP image, a folder of them, an .npy or a .parquet file"
_HINTS = {".npz": " Save one of its arrays with np.save(FILE, images)."}
_USUAL_COLUMN = "image"


def check(given: str) -> None:
    """Make sure, at once, that something of a known kind lies at a path.

    Raises:
        DataError: It does not.
        InputError: The path is not text in UTF-8.
    """
    check_text(given)
    path = absolute(given)
    check_text(str(path))
    if not path.is_dir() and not (path.is_file() and _kind(path)):
        found = "is no regular file" if path.exists() else "does not exist"
        if path.is_file():
            found = "cannot be predicted"
        hint = _HINTS.get(path.suffix.lower(), "")
        raise DataError(f"{given} {found}; expected {_EXPECTED}.{hint}")


def check_text(path: str) -> None:
    """Make sure that a path can be passed on and written down.

    Raises:
        InputError: It is not text in UTF-8.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        raise InputError(
            f"The path {path!r} is not text in UTF-8; rename it, or give the folder it lies in."
        ) from None


def recognise(given: str) -> Input:
    """Look at what lies at a path, without decoding an image.

    Args:
        given: A path that passed `check`.

    Raises:
        DataError: It is damaged, holds no images, or a link leads out of it.
    """
    path = absolute(given)
    if path.is_dir():
        images, others = _count(given, path)
        return Input(name=given, path=str(path), kind="folder", images=images, left_out=others)
    match _kind(path):
        case "npy":
            images = npy.read_header(path).shape[0]
            return Input(name=given, path=str(path), kind="npy", images=images)
        case "parquet":
            images, column = _column(given, path)
            return Input(name=given, path=str(path), kind="parquet", images=images, column=column)
    return Input(name=given, path=str(path), kind="image", images=1)


def pictures(folder: Path) -> Iterator[Path]:
    """Yield the images below a folder: folder by folder, each by name, whatever the system.

    Raises:
        DataError: A folder cannot be read, or a link leads out.
    """
    return (Path(entry.path) for entry in _files(folder) if _is_image(entry))


def absolute(given: str) -> Path:
    """Return the absolute path that was meant.

    Raises:
        DataError: There can be no such path.
    """
    try:
        if not given:
            raise ValueError("Path would take the present folder for it")
        path = Path(given)
        if not os.path.lexists(path):  # a file may be called "~photo.png"
            path = path.expanduser()
        path = path.absolute()
        path.exists()
    except PermissionError as error:
        raise DataError(f"{given} cannot be read: {error.strerror}.") from None
    except (OSError, ValueError, RuntimeError):  # none, too long, a NUL, an unknown ~user
        raise DataError(f"{quoted(repr(given[:80]))} is no possible path.") from None
    return path


def _kind(path: Path) -> str | None:
    suffix = path.suffix.lower()
    return (
        "image" if suffix in IMAGE_SUFFIXES else {".npy": "npy", ".parquet": "parquet"}.get(suffix)
    )


def _count(given: str, path: Path) -> tuple[int, int]:
    """Count the images below a folder, and the other files."""
    images = others = 0
    tables: set[str] = set()
    for entry in _files(path):
        if _is_image(entry):
            images += 1
        else:
            others += 1
            tables.add(Path(entry.name).suffix.lower())
    if not images:
        hint = " Give the paths of its .npy and .parquet files one by one."
        raise DataError(
            f"The folder {given} holds no PNG, JPEG or BMP image."
            f"{hint if tables & {'.npy', '.parquet'} else ''}"
        )
    return images, others


def _files(root: Path) -> Iterator[os.DirEntry[str]]:
    """Yield all that is no folder; folders that are links are not entered: they may go round."""
    waiting = [iter(list_folder(root))]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
            continue
        check_link(root, entry)
        if entry.is_dir(follow_symlinks=False):
            waiting.append(iter(list_folder(Path(entry.path))))
        else:
            yield entry


def _is_image(entry: os.DirEntry[str]) -> bool:
    """Tell whether it is to be an image; a link to nothing is one that cannot be read."""
    if Path(entry.name).suffix.lower() not in IMAGE_SUFFIXES:
        return False
    return entry.is_file() or not os.path.exists(entry.path)


def _column(given: str, path: Path) -> tuple[int, str]:
    """Return the number of a file's rows, and the column of its images."""
    with parquet_images.open_parquet(path) as file:
        parquet_images.check_compression(path, file.metadata)
        schema, rows = file.schema_arrow, int(file.metadata.num_rows)
    found = [field.name for field in schema if parquet_images.is_image_type(field.type)]
    wanted = [name for name in found if name == _USUAL_COLUMN] or found
    if len(wanted) != 1:
        raise DataError(
            f"{given}: expected a column {_USUAL_COLUMN!r} of encoded images (binary, or a struct "
            f"with bytes), or only one such column; its columns are "
            f"{quoted(', '.join(f'{field.name} ({field.type})' for field in schema)) or 'none'}."
        )
    if rows < 1:
        raise DataError(f"{given} holds no images.")
    return rows, wanted[0]
