"""Locate the configured data set and compute a digest of its content."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sightline.config import DataConfig
from sightline.data import catalog
from sightline.data.decoding.image_kinds import HEAD_BYTES, is_heic_head
from sightline.data.decoding.parallel import ordered_map
from sightline.data.layout import Layout, stem_of
from sightline.data.recognition import find_layout
from sightline.data.remote.opening import open_url, to_path
from sightline.data.remote.remote_path import RemotePath
from sightline.errors import DataError
from sightline.pipeline.progress import Counter
from sightline.pipeline.provenance import digest_of
from sightline.records import Source
from sightline.storage.known_digests import remembered
from sightline.storage.store_url import is_url

_SHOW_PROGRESS_FROM = 100  # files
_SLUG_LENGTH = 40
_CONTAINERS = frozenset({"parquet", "tfrecord", "webdataset"})  # Formats of files that hold images

SAME_EVERYWHERE = rf"^(/|~|(s3|gs|az|https)://[^@?#]+$|hf://[^?#]+$|({'|'.join(catalog.NAMED)})$)"
"""Regular expression of the data sets of deployments, whose workers have other working folders."""


def locate(settings: DataConfig, sha256: str | None = None) -> Source:
    """Locate a data set and digest its content, without decoding an image.

    A name takes precedence over a path; write `./mnist` for a folder of that name. The digest of a
    named data set is derived from its pinned digests, without file or network access. Equal files
    have equal digests, wherever they are; with `sha256`, this digest is taken instead. Raises
    DataError if the name or path does not exist, or the data have an unknown format.
    """
    if named := catalog.NAMED.get(settings.dataset):
        parts = (part for file in named.files for part in (file.name, file.sha256))
        kind = "embedded" if named.package else "named"
        digest = digest_of(*parts)
        return Source(dataset=named.name, kind=kind, path=named.name, sha256=digest, heic=False)
    path = existing_path(settings.dataset)
    found = find_layout(path)
    digest, heic = (sha256, True) if sha256 else _digest(found)
    return Source(
        dataset=slug(settings.dataset),
        kind=found.kind,
        path=str(path),
        sha256=digest,
        heic=heic or found.kind in _CONTAINERS,
    )


def describe_hidden(dataset: str, data_dir: Path | None) -> str | None:
    """Return a sentence if a named data set hides a file or folder of this name.

    With `data_dir`, the folder of the named data sets, the user knows which one is meant.
    """
    if data_dir is not None or dataset not in catalog.NAMED or not os.path.lexists(dataset):
        return None
    return (
        f"{dataset} is the named data set, not {os.path.abspath(dataset)}; write ./{dataset} for "
        "your own."
    )


def check_same_everywhere(dataset: str) -> None:
    """Raise DataError if a data set depends on the working folder: a relative path."""
    if not re.match(SAME_EVERYWHERE, dataset):
        if is_url(dataset):  # do not repeat it: it may contain a password
            raise DataError(
                "The URL of a deployment's data set cannot be used; expected s3://, gs://, az://, "
                "hf:// or https:// without a password and a query."
            )
        raise DataError(
            f"The data set {dataset!r} of a deployment is neither a name nor an absolute path, and "
            "a worker runs in a folder of its own; write the path as the worker sees it, such as "
            f"/srv/images, or one of {', '.join(catalog.NAMED)}."
        )


def as_ingested(settings: DataConfig, source: str) -> DataConfig:
    """Return settings whose path is the one that the data were read from, if it still exists.

    The config has the path as given, maybe relative to another folder; `DatasetFiles.source`, of
    data that has a path, is absolute.
    """
    known = is_url(source) or (os.path.isabs(source) and os.path.exists(source))
    return settings.model_copy(update={"dataset": source} if known else {})


def slug(dataset: str) -> str:
    """Turn a data set's name or path into a part of a run id, without file access.

    Returns 1 to 40 lower-case letters, digits and hyphens, from the last part of the path.
    """
    name = stem_of(os.path.basename(os.path.abspath(dataset)))
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return words[:_SLUG_LENGTH].strip("-") or "data"


def existing_path(text: str) -> Path:
    """Return the absolute path of a data set; raise DataError if it does not exist."""
    if is_url(text):
        return open_url(text)
    try:
        path = Path(text).expanduser()
        exists = path.exists()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, an unknown ~user
        raise DataError(f"{text[:80]!r} is neither a data set nor a valid path.") from None
    if exists:
        return path.absolute()
    if path.name == text:
        catalog.get(text)  # suggests the closest name
    raise DataError(
        f"The data set {text} does not exist; give the path of a file or folder with images, "
        f"or one of {', '.join(catalog.NAMED)}."
    )


@contextmanager
def unchanged(source: Source) -> Iterator[None]:
    """Raise DataError at the end if a file was added, removed or written in the meantime.

    Otherwise, what is read from a data set that is still being copied would be taken for that of
    its digest.
    """
    before = _state(source)
    yield
    if _state(source) != before:
        raise DataError(f"{source.path} changed while it was read; run again when it is complete.")


def _state(source: Source) -> str:
    """Digest path, size and time of change of each file; of no file for a named data set."""
    if source.kind in {"named", "embedded"}:
        return ""
    layout = find_layout(to_path(source.path))
    if isinstance(layout.path, RemotePath):
        return _remote_digest(layout)
    digest = hashlib.sha256()
    for path in _files(layout):
        status = path.lstat()
        found = f"{path}\0{status.st_size} {status.st_mtime_ns}\n"
        digest.update(found.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _files(found: Layout) -> list[Path]:
    tables = {table for table in (*found.tables.values(), *found.names) if table}
    images = (path for split in found.files.values() for path in split)
    return sorted((*images, *tables), key=str)


def _digest(found: Layout) -> tuple[str, bool]:
    """Return the digest of all files, and whether one of them is a HEIC image.

    Files that are left out count by what is said of them. Remote files are not read.
    """
    if isinstance(found.path, RemotePath):
        return _remote_digest(found), True
    paths = _files(found)
    counter = Counter("files", len(paths)) if len(paths) >= _SHOW_PROGRESS_FROM else None
    digest, heic = hashlib.sha256(), False
    with remembered() as digest_of:
        read = ordered_map(partial(_file_digest, digest_of=digest_of), paths)
        for path, (file_digest, is_heic) in zip(paths, read, strict=True):
            heic |= is_heic
            name = "" if path == found.path else found.relative(path)
            digest.update(f"{name}\0{file_digest}\n".encode(errors="surrogateescape"))
            if counter:
                counter.advance(1)
    if found.notes:
        digest.update("\n".join(found.notes).encode(errors="surrogateescape"))
    return digest.hexdigest(), heic


def _remote_digest(found: Layout) -> str:
    """Return a digest of the names, sizes and versions that a listing states."""
    files = (path for path in _files(found) if isinstance(path, RemotePath))
    parts = ("\0".join((found.relative(path), *map(str, path.file[1:]))) for path in files)
    return digest_of(*parts, *found.notes)


def _file_digest(path: Path, digest_of: Callable[[Path], str]) -> tuple[str, bool]:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        return digest_of(path), is_heic_head(head)
    except FileNotFoundError:  # a dangling link, which the reader reports or skips
        return "missing", False
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
