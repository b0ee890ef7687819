"""Data sets on object storage, for tests."""

from pathlib import Path
from typing import Any

import numpy as np

from grid_formats import Example
from sightline.records import DatasetFiles
from sightline.storage.object_store import open_store

EXAMPLES = [
    Example(split, number % 2, np.full((8, 8, 1), 10 * number + len(split), np.uint8))
    for split in ("train", "test")
    for number in range(8)
]
"""Eight images of two classes in each of two splits."""


def upload(folder: Path, url: str) -> str:
    """Write all files below a folder to a URL; return it."""
    store = open_store(url)
    for path in folder.rglob("*"):
        if path.is_file():
            store.write(path.relative_to(folder).as_posix(), path.read_bytes())
    return url


def facts(files: DatasetFiles) -> dict[str, Any]:
    """Return what ingest found, without where it lies."""
    record = files.model_dump(exclude={"source"})
    for split in record["images"].values():
        split.pop("path")
    record["labels"].pop("path")
    record["inspection"]["findings"].pop("path")
    return record
