"""Read Parquet files in the layout of Hugging Face: columns of encoded images and labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

import numpy as np
import pyarrow as pa

from sightline.config import DataConfig
from sightline.data.decoding.encoded_splits import EncodedSplit, numbered_source, open_encoded
from sightline.data.decoding.images import EncodedImage
from sightline.data.decoding.survey import Surveyed
from sightline.data.decoding.unreadable import Mask
from sightline.data.labelling import labels
from sightline.data.layout import Layout
from sightline.data.readers import metadata
from sightline.data.readers.base import Metadata, Origin, RawDataset
from sightline.data.readers.parquet import parquet_images, parquet_names
from sightline.data.readers.parquet.parquet_columns import choose_columns
from sightline.data.remote.headers import surveyed
from sightline.errors import DataError
from sightline.storage.text import quoted

_LABEL_ROWS = 65_536
_METADATA_ROWS = 1024


def read(layout: Layout, settings: DataConfig) -> RawDataset:
    """Read an image column (encoded bytes, or a struct of `bytes` and `path`) and a label column.

    Class names come from the schema's metadata if present, and labels of files that number them in
    another order are renumbered. Raises DataError if a file is damaged, files state different
    names, a column is missing or has another type, or an image is only a path.
    """
    train = next(iter(layout.files.values()))[0]
    given, (settings, chosen) = settings, choose_columns(train, settings)
    bare = _find_unlabelled(layout, settings.label_column)
    for name, paths in layout.files.items():
        for path in paths:
            _check_columns(path, settings, has_label=name not in bare)
    labelled = [path for name, paths in layout.files.items() if name not in bare for path in paths]
    names, numbering = parquet_names.read(labelled, settings.label_column)
    splits = [
        _split_without_labels(layout, name, settings)
        if name in bare
        else _split(layout, name, _labels(layout, name, settings.label_column, numbering), settings)
        for name in layout.files
    ]
    mapped = parquet_names.describe(numbering)
    layout = replace(layout, notes=(*layout.notes, *chosen, *mapped))
    label, image = (
        getattr(settings, key) if getattr(settings, key) != getattr(given, key) else None
        for key in ("label_column", "image_column")
    )
    origin = Origin("Parquet", _label_place(settings, names), label, image)
    return open_encoded(layout, settings, splits, origin, names)


def _find_unlabelled(layout: Layout, column: str) -> set[str]:
    """Return the splits, other than the training split, of which no file has the column."""
    _, *others = layout.files
    return {name for name in others if not any(_has_column(p, column) for p in layout.files[name])}


def _has_column(path: Path, column: str) -> bool:
    with parquet_images.open_parquet(path) as file:
        return column in file.schema_arrow.names


def _label_place(settings: DataConfig, names: Sequence[str] | None) -> str:
    stated = ", with the class names of the schema" if names else ""
    return f"column {settings.label_column}{stated}"


def _split(
    layout: Layout, name: str, found: labels.FoundLabels, settings: DataConfig
) -> EncodedSplit:
    paths = layout.files[name]
    groups = [parquet_images.row_groups(path) for path in paths]
    return EncodedSplit(
        name,
        found,
        images=lambda: _images(paths, settings),
        source=numbered_source(
            layout, paths, [sum(len(one.rows) for one in own) for own in groups]
        ),
        paths=paths,
        groups=[*chain.from_iterable(groups)],
        surveyed=lambda: chain.from_iterable(_surveyed(path, settings) for path in paths),
        metadata=(lambda kept: _metadata(paths, settings, kept))
        if settings.metadata_columns
        else None,
    )


def _split_without_labels(layout: Layout, name: str, settings: DataConfig) -> EncodedSplit:
    rows = sum(
        len(one.rows) for path in layout.files[name] for one in parquet_images.row_groups(path)
    )
    found = labels.FoundLabels(str(layout.files[name][0]), (), np.zeros(rows, np.int16))
    return replace(_split(layout, name, found, settings), metadata=None)


def _check_columns(path: Path, settings: DataConfig, *, has_label: bool) -> None:
    with parquet_images.open_parquet(path) as file:
        schema = file.schema_arrow
        parquet_images.check_compression(path, file.metadata)
    for key in ("image_column", "label_column")[: 1 + has_label]:
        column = getattr(settings, key)
        if schema.names.count(column) != 1:
            raise DataError(
                f"{path} has no column {column!r}; its columns are "
                f"{quoted(', '.join(schema.names))}: set data.{key}."
            )
    if has_label:
        known = {settings.image_column, settings.label_column}
        metadata.check_columns(path, [name for name in schema.names if name not in known], settings)
    kind = schema.field(settings.image_column).type
    # Nulls are reported later, with their row.
    if not (parquet_images.is_image_type(kind) or pa.types.is_null(parquet_images.bytes_of(kind))):
        raise DataError(
            f"{path}: expected encoded images in the column {settings.image_column!r} (binary, or "
            f"a struct with bytes), found {quoted(kind)}."
        )


def _labels(
    layout: Layout, split: str, column: str, numbering: Mapping[Path, Mapping[int, int]]
) -> labels.FoundLabels:
    paths = layout.files[split]
    subject = str(paths[0]) if len(paths) == 1 else f"{layout.path} ({split})"
    collector = labels.LabelCollector(subject)
    for path in paths:
        for batch in parquet_images.read_batches(path, [column], _LABEL_ROWS):
            collector.add(batch.column(0), numbering.get(path, {}))
    return collector.found()


def _metadata(paths: Sequence[Path], settings: DataConfig, kept: Mask) -> Metadata:
    columns = list(settings.metadata_columns)
    start = 0  # of the batch, in the split
    for path in paths:
        row = 0
        for batch in parquet_images.read_batches(path, columns, _METADATA_ROWS):
            text = metadata.as_text(batch.select(columns), path, row)
            yield text.filter(pa.array(kept[start : start + len(batch)]))
            row += len(batch)
            start += len(batch)


def _surveyed(path: Path, settings: DataConfig) -> Iterator[Surveyed]:
    column = settings.image_column
    names = (parquet_images.name_of(path, row) for row in count())
    return surveyed([path], names, lambda: _images([path], settings), column)


def _images(paths: Sequence[Path], settings: DataConfig) -> Iterator[EncodedImage]:
    for path in paths:
        for row, value in parquet_images.read_values(path, settings.image_column):
            yield parquet_images.to_image(path, row, value)
