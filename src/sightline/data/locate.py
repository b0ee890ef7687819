"""Finds the data set that a config names, and digests its content."""

import hashlib
import os
import re
from pathlib import Path

from sightline.config import DataConfig
from sightline.data import catalog, layout
from sightline.data.layout import Layout
from sightline.data.readers.parallel import in_order
from sightline.errors import DataError
from sightline.pipeline.counting import Counter
from sightline.pipeline.provenance import digest_of
from sightline.records import Source
from sightline.storage import digests

_MANY_FILES = 100
_SLUG_LENGTH = 40


def locate(settings: DataConfig) -> Source:
    """Find a data set and digest its content, without decoding an image.

    A name wins over a path; write `./mnist` for a folder of that name. A named data set's
    digest is that of its pinned digests: no file and no network is touched. Emits progress
    where there are many files to digest.

    Args:
        settings: `dataset` is a name of the catalogue or a path.

    Returns:
        What was found. Equal files give equal digests, wherever they lie.

    Raises:
        DataError: There is neither a data set of that name nor a path, or nothing that can
            be read lies there.
    """
    if settings.dataset in catalog.NAMED:
        return _named(catalog.get(settings.dataset))
    path = _existing(settings.dataset)
    found = layout.find(path)
    return Source(
        dataset=slug(settings.dataset), kind=found.kind, path=str(path), sha256=_digest(found)
    )


def slug(dataset: str) -> str:
    """Make a data set's name or path fit for a run id, without looking at any file.

    Args:
        dataset: A name of the catalogue, or a path; its last part counts.

    Returns:
        Lower case letters, digits and hyphens, 1 to 40.
    """
    name = os.path.basename(os.path.abspath(dataset))
    for suffix in layout.FILE_KINDS:
        name = name.removesuffix(suffix)
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return words[:_SLUG_LENGTH].strip("-") or "data"


def _named(dataset: catalog.NamedDataset) -> Source:
    digest = digest_of(*(part for file in dataset.files for part in (file.name, file.sha256)))
    kind = "embedded" if dataset.package else "named"
    return Source(dataset=dataset.name, kind=kind, path=dataset.name, sha256=digest)


def _existing(text: str) -> Path:
    if "://" in text:  # not repeated in the message: an address may hold a password
        raise DataError(
            "An address cannot be used as a data set; download the data and give their path."
        )
    try:
        path = Path(text).expanduser()
        exists = path.exists()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, an unknown ~user
        raise DataError(f"{text[:80]!r} is neither a data set nor a possible path.") from None
    if exists:
        return path.absolute()
    if path.name == text:
        catalog.get(text)  # suggests the near name
    raise DataError(
        f"The data set {text} does not exist; give the path of a file or folder with images, "
        f"or one of {', '.join(catalog.NAMED)}."
    )


def _digest(found: Layout) -> str:
    paths = sorted((path for split in found.files.values() for path in split), key=str)
    counter = Counter("files", len(paths)) if len(paths) >= _MANY_FILES else None
    digest = hashlib.sha256()
    for path, content in zip(paths, in_order(_content, paths), strict=True):
        name = "" if path == found.path else found.relative(path)
        digest.update(f"{name}\0{content}\n".encode(errors="surrogateescape"))
        if counter:
            counter.advance(1)
    return digest.hexdigest()


def _content(path: Path) -> str:
    try:
        return digests.sha256(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
