"""The small images of the page: mistakes, confusions and classes."""

from collections.abc import Iterator, Sequence

import numpy as np

from sightline.data.label_table import read_labels, read_sources
from sightline.data.split_arrays import StoredImages, open_images
from sightline.pipeline.cache import Draft
from sightline.records import (
    ClassExample,
    ConfusedClasses,
    DatasetFiles,
    Evaluation,
    FileRecord,
    Mistake,
)
from sightline.reporting import metric_tables
from sightline.reporting.figures.grid import Images
from sightline.reporting.figures.thumbnail import SMALL, write_thumbnail
from sightline.reporting.table import MOST_ROWS
from sightline.storage.workspace import Workspace

_PAIRS, _PER_PAIR = 8, 6
_PER_CLASS = 3

MOST_SMALL = _PAIRS * _PER_PAIR + MOST_ROWS * _PER_CLASS
"""Most small thumbnails of a page."""


def of_mistakes(draft: Draft, images: Images) -> tuple[FileRecord, ...]:
    """Write one thumbnail for each image of shape (height, width, channels)."""
    names = [f"mistake_{number:03}.webp" for number in range(1, len(images) + 1)]
    for name, image in zip(names, images, strict=True):
        write_thumbnail(draft.path(name), image)
    return tuple(draft.record(name) for name in names)


def of_confusions(
    draft: Draft, images: StoredImages, evaluation: Evaluation, mistakes: Sequence[Mistake]
) -> Iterator[ConfusedClasses]:
    """Yield the most frequent confusions with their most confident mistakes.

    Args:
        images: The test split.
        mistakes: All mistakes, the most confident first.
    """
    names = [row.class_name for row in evaluation.classes]
    for number, pair in enumerate(metric_tables.confused_pairs(evaluation)[:_PAIRS], start=1):
        label, predicted = names[pair.label], names[pair.predicted]
        found = [one for one in mistakes if (one.label, one.predicted) == (label, predicted)]
        shown = found[:_PER_PAIR]
        yield ConfusedClasses(
            label=label,
            predicted=predicted,
            images=pair.images,
            share=pair.share,
            mistakes=tuple(shown),
            thumbnails=_small(draft, images[[one.index for one in shown]], f"confusion_{number}"),
        )


def of_classes(
    draft: Draft, workspace: Workspace, files: DatasetFiles, evaluation: Evaluation
) -> dict[str, tuple[ClassExample, ...]]:
    """Write the first training images of each class that the table of the metrics shows.

    Of an evaluation without training images, they are test images. Returns examples by class name;
    none for a class without images.
    """
    split = next(iter(files.images))  # "train" comes first
    labels = read_labels(workspace, files, split)
    images = open_images(workspace, files.images[split])
    numbers = {name: number for number, name in enumerate(files.class_names)}
    label_table = workspace.root / files.labels.path
    written = {}
    for row in metric_tables.weakest_first(evaluation)[:MOST_ROWS]:
        number = numbers[row.class_name]
        found = np.flatnonzero(labels == number)[:_PER_CLASS]
        shown = _small(draft, images[found], f"class_{number}")
        sources = read_sources(label_table, found).to_pylist()
        written[row.class_name] = tuple(
            ClassExample(source=source, thumbnail=record)
            for source, record in zip(sources, shown, strict=True)
        )
    return written


def _small(draft: Draft, images: Images, name: str) -> tuple[FileRecord, ...]:
    names = [f"{name}_{number}.webp" for number in range(1, len(images) + 1)]
    for path, image in zip(map(draft.path, names), images, strict=True):
        write_thumbnail(path, image, SMALL)
    return tuple(draft.record(one) for one in names)
