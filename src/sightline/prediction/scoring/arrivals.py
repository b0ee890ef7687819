"""The images at a path or URL: which there are, without reading more than their listing."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sightline.data.decoding import image_kinds
from sightline.data.decoding.images import EncodedImage
from sightline.data.readers.parquet import parquet_images
from sightline.data.remote import opening
from sightline.data.remote.remote_path import RemotePath
from sightline.errors import ChangedDataError, DataError
from sightline.prediction import inputs, stream
from sightline.storage import digests
from sightline.storage.store_url import is_url

_WHOLE = 16 << 20  # Larger files are digested in blocks, and then decoded from the disk
_PARQUET = ".parquet"


@dataclass(frozen=True)
class Arrival:
    """An image that may be new."""

    name: str  # Path below the data, with `#<row>` in a Parquet file
    version: str  # Size and time of change of its file, or its ETag: changes with the content
    data: Path | bytes | DataError

    def read(self) -> "Content | None":
        """Read the image; None if its file vanished, or changed, since it was listed.

        Raises BusyStorageError if it is remote and the service does not answer.
        """
        try:
            return _read(self)
        except (FileNotFoundError, ChangedDataError):
            return None
        except OSError as error:
            problem = DataError(f"{self.name} cannot be read: {error.strerror}.")
            return _read(replace(self, version=UNREAD, data=problem))


@dataclass(frozen=True)
class Content:
    """An image as it was read."""

    arrival: Arrival
    sha256: str  # Of the encoded image, or of what its error says
    data: Path | bytes | DataError

    @property
    def image(self) -> EncodedImage:
        """The image to decode."""
        return EncodedImage(self.arrival.name, self.data)


UNREAD = ""
"""The version of a file that cannot be opened: when it can be, it has another one."""

IsKnown = Callable[[str, str], bool]
"""Tells from name and version whether an image was scored."""


def place(data: str) -> str:
    """Return the absolute path of a text, or the URL that it is; nothing is listed."""
    return data.rstrip("/") if is_url(data) else os.path.normpath(inputs.absolute(data))


def find(data: str) -> Path:
    """Return the folder, Parquet file, image or remote path of a text.

    Raises DataError if it does not exist.
    """
    inputs.check(data)
    return opening.to_path(data) if is_url(data) else inputs.absolute(data)


def unknown(root: Path, is_known: IsKnown, count: Callable[[int], object]) -> Iterator[Arrival]:
    """Yield the images of all files that are not known, in the order of their names.

    `count` is told the number of known ones. A Parquet file of which all rows are known is not
    read; of one that is damaged, the error follows the rows before it. What cannot be read among
    the folders and links comes last. Raises DataError if `root` cannot be read.
    """
    refused: list[tuple[Path, DataError]] = []
    for file, name in _files(root, refused):
        version = _version(file)
        if file.suffix.lower() == _PARQUET:
            yield from _rows(file, name, version, is_known, count)
        elif is_known(name, version) or (_is_forbidden(file) and is_known(name, UNREAD)):
            count(1)
        else:
            yield Arrival(name, version, file)
    for path, error in refused:
        name = _name(root, path)
        if is_known(name, UNREAD):
            count(1)
        else:
            yield Arrival(name, UNREAD, error)


def _files(root: Path, refused: list[tuple[Path, DataError]]) -> Iterator[tuple[Path, str]]:
    """Yield each image file and Parquet file with its name below the root; see `files_below`."""
    if root.is_file():
        yield root, stream.escaped(root.name)
        return
    for path in inputs.files_below(root, refused):
        if path.suffix.lower() == _PARQUET or image_kinds.is_image(path):
            yield path, _name(root, path)


def _name(root: Path, path: Path) -> str:
    return stream.escaped(str(path)[len(str(root)) :].strip("/"))


def _version(file: Path) -> str:
    if isinstance(file, RemotePath):
        return f"{file.file.bytes} {file.file.version}"
    try:
        status = file.stat()
    except OSError:  # vanished, or no permission: reading says so
        return UNREAD
    return f"{status.st_size} {status.st_mtime_ns}"


def _is_forbidden(file: Path) -> bool:
    return not isinstance(file, RemotePath) and not os.access(file, os.R_OK)


def _rows(
    file: Path, name: str, version: str, is_known: IsKnown, count: Callable[[int], object]
) -> Iterator[Arrival]:
    try:
        rows, column = inputs.image_column(name, file)
        known = [is_known(f"{name}#{row}", version) for row in range(rows)]
        count(sum(known))
        if all(known):
            return
        for row, value in parquet_images.read_values(file, column):
            if not known[row]:
                image = parquet_images.to_image(file, row, value)
                yield Arrival(f"{name}#{row}", version, image.data)
    except ChangedDataError:  # left for the next time
        return
    except DataError as error:  # tried again each time: it may be the permissions, or the memory
        if is_known(name, version):
            count(1)
        else:
            yield Arrival(name, version, error)


def _read(arrival: Arrival) -> Content:
    data = arrival.data
    if isinstance(data, DataError):  # its name and the error stand for its content
        told = f"{arrival.name}\0{data}".encode(errors="backslashreplace")
        return Content(arrival, hashlib.sha256(told).hexdigest(), data)
    if isinstance(data, Path):
        if data.stat().st_size > _WHOLE:
            return Content(arrival, digests.sha256(data), data)
        data = data.read_bytes()
    return Content(arrival, hashlib.sha256(data).hexdigest(), data)
