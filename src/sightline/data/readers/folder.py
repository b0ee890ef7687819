"""Read a folder of images with one folder per class."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.layout import Layout
from sightline.data.readers import images, labels
from sightline.data.readers.base import RawDataset, RawSplit, check_count
from sightline.data.readers.form import choose_form
from sightline.data.readers.images import EncodedImage


def read(layout: Layout, settings: DataConfig) -> RawDataset:
    """Read `train/<class>/*` and `test/<class>/*`, or `<class>/*`.

    The name of an image's folder is its class; `settings` can set size and channels. Raises
    DataError if an image cannot be read, or the splits have different classes.
    """
    found = [_labels(layout, split) for split in layout.files]
    class_names, numbers = labels.encode(found)
    paths = [path for split in layout.files.values() for path in split]
    form, notes = choose_form(_encoded(paths), len(paths), settings)

    def split(name: str, split_labels: NDArray[np.int64]) -> RawSplit:
        files = layout.files[name]
        return RawSplit(
            name,
            split_labels,
            images=lambda: images.decode(_encoded(files), form),
            source=lambda row: layout.relative(files[row]),
        )

    splits = tuple(map(split, layout.files, numbers))
    size = sum(path.stat().st_size for path in paths) if form.encoded else None
    return RawDataset(class_names, form.shape, splits, (*layout.notes, *notes), form.resize, size)


def _encoded(paths: Sequence[Path]) -> Iterator[EncodedImage]:
    return (EncodedImage(str(path), path) for path in paths)


def _labels(layout: Layout, split: str) -> labels.FoundLabels:
    paths = layout.files[split]
    subject = str(paths[0].parents[1]) if paths else str(layout.path / split)
    check_count(subject, len(paths))
    codes: dict[str, int] = {}
    rows = [codes.setdefault(path.parent.name, len(codes)) for path in paths]
    return labels.FoundLabels(subject, tuple(codes), np.asarray(rows, dtype=np.int16))
