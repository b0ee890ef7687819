"""The images of a data set one by one: where each is, what identifies it, and how to read it."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from typing import NamedTuple

from sightline.data.decoding.images import EncodedImage
from sightline.data.decoding.parallel import ordered_map
from sightline.data.readers.base import RawSplit, RowGroup
from sightline.data.readers.parquet import parquet_images
from sightline.data.remote.listing import RemoteFile
from sightline.data.remote.opening import open_listed
from sightline.data.remote.remote_path import WHOLE, RemotePath, read_ahead
from sightline.errors import DataError
from sightline.pipeline.provenance import digest_of
from sightline.storage import digests
from sightline.storage.store_url import is_url


class Row(NamedTuple):
    """A row of a Parquet file; JSON has it as a list."""

    file: str  # Path below the folder of the data set
    group: int  # Number of its row group
    row: int  # Counted from 0 in the file
    is_last: bool  # Whether it is the last one of the row group that is read


Place = str | Row  # Path of an image below the folder of the data set, or its row
Named = tuple[Place, bytes]  # Place of an image, and a digest that identifies it


def root_of(split: RawSplit, path: str) -> str:
    """Return the folder below which the places of a split are; `path` is that of the data set."""
    first = _file(split.places[0])
    return first.listing.url if isinstance(first, RemotePath) else path


def files_of(split: RawSplit) -> dict[str, RemoteFile]:
    """Return the files of a split behind a URL, by name; none of a local one."""
    files = (_file(place) for place in split.places)
    return {path.key: path.file for path in files if isinstance(path, RemotePath)}


def identify(split: RawSplit, root: str, column: str) -> Iterator[Named]:
    """Identify the images of a split, in their order: local ones by their SHA-256.

    Files behind a URL are not read: the digest is that of their names, sizes and versions.
    Raises DataError if a local file cannot be read.
    """
    batch = 1 if isinstance(split.places[0], RowGroup) else 8
    one = partial(_identify, root=root, column=column)
    yield from chain.from_iterable(ordered_map(one, split.places, batch))


def read(
    folder: str, places: Iterable[Place], files: Mapping[str, RemoteFile], column: str
) -> Iterator[EncodedImage]:
    """Read images at their places; `files` are those behind a URL.

    Raises ChangedDataError if a file behind a URL has another version, or lacks rows.
    """
    root = open_listed(folder, [*files.values()]) if is_url(folder) else Path(folder)
    for group, found in groupby(places, lambda one: None if isinstance(one, str) else one[:2]):
        if group is None:
            paths = (root / str(place) for place in found)
            yield from (EncodedImage(str(path), path) for path in read_ahead(paths, WHOLE))
        else:
            rows = [place.row for place in found if isinstance(place, Row)]
            yield from parquet_images.read_group(root / group[0], column, group[1], rows)


def _file(place: Path | RowGroup) -> Path:
    return place.path if isinstance(place, RowGroup) else place


def _identify(place: Path | RowGroup, root: str, column: str) -> list[Named]:
    path = _file(place)
    is_remote = isinstance(path, RemotePath)
    name = path.key if isinstance(path, RemotePath) else path.relative_to(root).as_posix()
    known = path.version.hex() if isinstance(path, RemotePath) else ""
    if isinstance(place, Path):
        return [(name, bytes.fromhex(known) if is_remote else _sha256(place))]
    rows = place.rows.tolist()
    found = (
        (bytes.fromhex(digest_of(known, column, str(row))) for row in rows)
        if is_remote
        else map(_content, parquet_images.read_group(path, column, place.number, rows))
    )
    return [
        (Row(name, place.number, row, row == rows[-1]), digest)
        for row, digest in zip(rows, found, strict=True)
    ]


def _sha256(path: Path) -> bytes:
    try:
        return bytes.fromhex(digests.sha256(path))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None


def _content(image: EncodedImage) -> bytes:
    if isinstance(image.data, DataError):
        raise image.data
    assert isinstance(image.data, bytes)  # noqa: S101 - a row of a table
    return hashlib.sha256(image.data).digest()
