"""Collect the labels of records that hold an image and its label side by side."""

from array import array
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.data.decoding.encoded_splits import EncodedSplit, numbered_source
from sightline.data.decoding.images import EncodedImage
from sightline.data.labelling.class_names import MAX_CLASSES
from sightline.data.labelling.labels import FoundLabels
from sightline.data.layout import UNSPLIT, Layout
from sightline.data.readers.base import check_count
from sightline.errors import DataError
from sightline.pipeline.progress import Counter

Labels = Callable[[Path], Iterator[tuple[str, Hashable]]]
"""Streams the name of each image in a file, for errors, and its label; None if it has none."""


class RecordLabels(NamedTuple):
    """The labels of the images of one split."""

    split: str
    subject: str  # For errors
    values: tuple[Hashable, ...]  # The distinct labels; none if no image has one
    codes: NDArray[np.int16]  # Position in `values` of the label of each image, shape (n,)
    paths: tuple[Path, ...]  # The files
    counts: tuple[int, ...]  # Images of each file


def collect_labels(layout: Layout, read: Labels, expected: str) -> list[RecordLabels]:
    """Read the labels of all splits.

    Raises DataError, with what is `expected`, if only some images of a split have a label, or none
    of the training split.
    """
    counter = Counter("records", None)
    found = []
    for split, paths in layout.files.items():
        subject = str(paths[0]) if len(paths) == 1 else f"{layout.path} ({split})"
        one, unlabelled = _collect(split, subject, paths, read, counter)
        if not sum(one.counts):
            raise DataError(f"{subject} has no images; expected some, each with {expected}")
        check_count(subject, sum(one.counts))
        if unlabelled and (one.values or split in {"train", UNSPLIT}):
            raise DataError(f"{unlabelled} has no label; expected {expected}")
        found.append(one)
    return found


def to_splits(
    layout: Layout,
    parts: Sequence[RecordLabels],
    found: Sequence[FoundLabels],
    read: Callable[[Sequence[Path]], Iterator[EncodedImage]],
) -> list[EncodedSplit]:
    """Join the labels of the splits with their images, which `read` streams from their files."""
    return [
        EncodedSplit(
            part.split,
            labels,
            partial(read, part.paths),
            numbered_source(layout, part.paths, part.counts),
            part.paths,
        )
        for part, labels in zip(parts, found, strict=True)
    ]


def _collect(
    split: str, subject: str, paths: tuple[Path, ...], read: Labels, counter: Counter
) -> tuple[RecordLabels, str]:
    """Return the labels of a split, and the name of the first image without one, or ""."""
    codes: dict[Hashable, int] = {}
    rows, counts, unlabelled = array("h"), [], ""
    for path in paths:
        count = 0
        for name, label in read(path):
            count += 1
            counter.advance(1)
            if label is None:
                unlabelled = unlabelled or name
                continue
            rows.append(codes.setdefault(label, len(codes)))
            if len(codes) > MAX_CLASSES:
                raise DataError(
                    f"{subject}: expected at most {MAX_CLASSES:,} distinct labels, found more; "
                    "set data.label_column to what holds the class."
                )
        counts.append(count)
    numbers = np.frombuffer(rows, np.int16) if codes else np.zeros(sum(counts), np.int16)
    return RecordLabels(split, subject, tuple(codes), numbers, paths, tuple(counts)), unlabelled
