"""Opens a located source with the reader for what lies there."""

from collections.abc import Callable
from pathlib import Path

from sightline.config import DataConfig
from sightline.data import catalog, layout
from sightline.data.fetching import fetch
from sightline.data.layout import Kind, Layout
from sightline.data.readers import csv, folder, idx, mnist_csv, npz, parquet
from sightline.data.readers.base import Reading
from sightline.errors import DataError
from sightline.records import Run, Source

_READERS: dict[Kind, Callable[[Layout, DataConfig], Reading]] = {
    "idx": idx.read,
    "npz": npz.read,
    "folder": folder.read,
    "parquet": parquet.read,
    "csv": csv.read,
}


def open_source(run: Run, source: Source, settings: DataConfig) -> tuple[Reading, str]:
    """Read labels and headers of a source; its images are streamed later.

    Args:
        run: Where a named data set is looked for and kept.
        source: What was located.
        settings: How to read it.

    Returns:
        The reading, and where it came from, for people.

    Raises:
        DataError: The source is damaged or malformed.
    """
    if source.kind not in {"named", "embedded"}:
        found = layout.find(Path(source.path))
        _check_has_columns(found.kind, source.path, settings)
        return _READERS[found.kind](found, settings), source.path
    _check_has_columns(source.kind, source.path, settings)
    dataset = catalog.get(source.dataset)
    paths = fetch(run, dataset.name)
    if dataset.package:
        reading = mnist_csv.read(paths[0], dataset.class_names)
        return reading, f"{dataset.title}, inside the package {dataset.package}"
    train_images, train_labels, test_images, test_labels = paths
    splits = {"train": (train_images, train_labels), "test": (test_images, test_labels)}
    raw = Layout("idx", paths[0].parent, splits)
    return idx.read(raw, settings, dataset.class_names), f"{dataset.title}, verified by its digest"


def _check_has_columns(kind: str, path: str, settings: DataConfig) -> None:
    if settings.metadata_columns and kind not in {"csv", "parquet"}:
        raise DataError(
            f"{path} has no columns beside its images and labels, but data.metadata_columns names "
            f"{settings.metadata_columns[0]!r}; metadata is read from CSV and Parquet."
        )
