"""The preprocess stage: convert images to float32 in [0, 1] and labels to one-hot vectors."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sightline.config import PreprocessingConfig
from sightline.data.label_table import Labels, read_labels
from sightline.data.scaling import to_float
from sightline.data.splits import check_counts, stratified_sample
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.progress import Progress, emit
from sightline.pipeline.stages import Stage
from sightline.records import ArrayFile, ArraySet, ArraySplit, DatasetFiles, Run
from sightline.storage.npy import ArrayWriter, read_blocks
from sightline.storage.workspace import Workspace

Mask = NDArray[np.bool_]

_FLOAT_BYTES = 4
_ONE_HOT_VALUES = 1 << 20  # at once


def preprocess(run: Run, files: DatasetFiles, settings: PreprocessingConfig) -> ArraySet:
    """Convert stored images and labels to training arrays, in bounded memory.

    Returns the splits "train", "test" and, if configured or in the source, "validation": images of
    shape (n, height, width, channels), uint8 or float32 in [0, 1], and float32 one-hot labels of
    shape (n, num_classes).
    Raises DataError if a class that must be split has a single training image, and StorageError if
    the disk has too little room for the arrays.
    """

    def make(draft: Draft) -> ArraySet:
        count = sum(images.shape[0] for images in files.images.values())
        image = math.prod(files.image_shape) * np.dtype(settings.store).itemsize
        label = len(files.class_names) * _FLOAT_BYTES
        run.workspace.check_room(count * (image + label), "The training arrays")
        splits: dict[str, ArraySplit] = {}
        for source in files.images:
            labels = read_labels(run.workspace, files, source)
            for name, mask in _parts(source, labels, files, settings):
                splits[name] = ArraySplit(
                    images=_write_images(run.workspace, draft, files, source, name, mask, settings),
                    labels=_write_labels(draft, name, labels[mask], len(files.class_names)),
                )
        return ArraySet(class_names=files.class_names, image_shape=files.image_shape, splits=splits)

    return find_or_make(run, PREPROCESS, PREPROCESS.key(files, settings), make)


PREPROCESS = Stage(preprocess, ("numpy",))


def check_validation_split(files: DatasetFiles, settings: PreprocessingConfig) -> None:
    """Check from the class counts alone that `preprocess` can hold out a validation split."""
    if settings.validation_fraction and "validation" not in files.images:
        check_counts(files.counts["train"], files.class_names, "validation")


def _parts(
    source: str, labels: Labels, files: DatasetFiles, settings: PreprocessingConfig
) -> Iterator[tuple[str, Mask]]:
    """Yield the splits made from a stored split, and which of its examples they have."""
    if source != "train" or "validation" in files.images or settings.validation_fraction == 0:
        yield source, np.ones(len(labels), dtype=np.bool_)
        return
    held_out = stratified_sample(
        labels, files.class_names, settings.validation_fraction, settings.seed, "validation"
    )
    yield "train", ~held_out
    yield "validation", held_out


def _write_images(
    workspace: Workspace,
    draft: Draft,
    files: DatasetFiles,
    source: str,
    name: str,
    mask: Mask,
    settings: PreprocessingConfig,
) -> ArrayFile:
    stored = files.images[source]
    shape = (int(mask.sum()), *stored.shape[1:])
    with ArrayWriter(draft.path(f"images_{name}.npy"), shape, settings.store) as writer:
        start = 0
        for block in read_blocks(workspace.root / stored.path):
            kept = block[mask[start : start + len(block)]]
            writer.append(kept if settings.store == "uint8" else to_float(kept))
            start += len(block)
            emit(Progress(stage="preprocess", done=start, total=len(mask), unit="images"))
    return draft.array_record(writer)


def _write_labels(draft: Draft, name: str, labels: Labels, classes: int) -> ArrayFile:
    shape = (len(labels), classes)
    with ArrayWriter(draft.path(f"labels_{name}.npy"), shape, "float32") as writer:
        for chunk in np.array_split(labels, max(1, math.prod(shape) // _ONE_HOT_VALUES)):
            writer.append(np.eye(classes, dtype=np.float32)[chunk])
    return draft.array_record(writer)
