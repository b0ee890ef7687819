"""Reads a folder of images, one folder a class."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.layout import Layout
from sightline.data.readers import images, labels
from sightline.data.readers.base import Examples, Reading, check_count
from sightline.data.readers.images import Picture


def read(layout: Layout, settings: DataConfig) -> Reading:
    """Read `train/<class>/*` and `test/<class>/*`, or only `<class>/*`.

    Args:
        layout: The image files of each split; the folder that one lies in is its class.
        settings: Size and number of channels that all images are brought to.

    Returns:
        Images of one shape. Class names are folder names, sorted.

    Raises:
        DataError: An image cannot be read, or the classes of the splits do not agree.
    """
    found = [_labels(layout, split) for split in layout.files]
    class_names, numbers = labels.encode(found)
    paths = [path for split in layout.files.values() for path in split]
    shape, changes = images.survey(_pictures(paths), len(paths), settings)
    examples = tuple(
        _examples(layout, split, split_labels, shape)
        for split, split_labels in zip(layout.files, numbers, strict=True)
    )
    return Reading(class_names, shape, examples, (*layout.notes, *changes))


def _examples(
    layout: Layout, split: str, split_labels: NDArray[np.int64], shape: tuple[int, int, int]
) -> Examples:
    paths = layout.files[split]
    return Examples(
        split,
        split_labels,
        lambda: images.decode(_pictures(paths), shape),
        lambda row: layout.relative(paths[row]),
    )


def _pictures(paths: Sequence[Path]) -> Iterator[Picture]:
    return (Picture(str(path), path) for path in paths)


def _labels(layout: Layout, split: str) -> labels.FoundLabels:
    paths = layout.files[split]
    subject = str(layout.path / split) if len(layout.files) > 1 else str(layout.path)
    check_count(subject, len(paths))
    codes: dict[str, int] = {}
    rows = [codes.setdefault(path.parent.name, len(codes)) for path in paths]
    return labels.FoundLabels(subject, tuple(codes), np.asarray(rows, dtype=np.int16))
