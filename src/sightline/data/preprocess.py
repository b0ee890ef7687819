"""From stored images to training arrays: float32 in [0, 1] and one-hot labels."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from sightline.config import PreprocessingConfig
from sightline.data.label_table import Labels, read_labels
from sightline.data.scaling import SCALE
from sightline.data.splits import check_counts, choose_share
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.progress import Progress, emit
from sightline.pipeline.stages import Stage
from sightline.records import ArraySet, ArraySplit, DatasetFiles, Run
from sightline.storage.npy import ArrayWriter, read_blocks
from sightline.storage.workspace import Workspace

Mask = NDArray[np.bool_]

_FLOAT_BYTES = 4


def preprocess(run: Run, files: DatasetFiles, settings: PreprocessingConfig) -> ArraySet:
    """Turn stored images and labels into training arrays, in bounded memory.

    Args:
        run: Where to work.
        files: The ingested data set.
        settings: Whether to hold out a validation split.

    Returns:
        Splits "train", "test" and, where asked for, "validation": float32 images of shape
        (n, height, width, channels) in [0, 1], float32 one-hot labels of shape (n, num_classes).

    Raises:
        DataError: A class has a single training image and is to be split.
        StorageError: The disk has too little room for the arrays.
    """

    def make(draft: Draft) -> ArraySet:
        run.workspace.check_room(_bytes_needed(files), "The training arrays")
        splits: dict[str, ArraySplit] = {}
        for name in files.images:
            labels = read_labels(run.workspace, files, name)
            for part, mask in _parts(name, labels, files.class_names, settings):
                splits[part] = _write_split(run.workspace, draft, files, name, part, labels, mask)
        return ArraySet(class_names=files.class_names, image_shape=files.image_shape, splits=splits)

    return find_or_make(run, PREPROCESS, PREPROCESS.key(files, settings), make)


PREPROCESS = Stage(preprocess, ("numpy",))


def check(files: DatasetFiles, settings: PreprocessingConfig) -> None:
    """Refuse what `preprocess` would refuse, from counts alone: at once, before slow starts.

    Args:
        files: The ingested data set.
        settings: Whether to hold out a validation split.

    Raises:
        DataError: A class has a single training image and is to be split.
    """
    if settings.validation_fraction:
        check_counts(files.counts["train"], files.class_names, "validation")


def _bytes_needed(files: DatasetFiles) -> int:
    each = math.prod(files.image_shape) + len(files.class_names)
    return sum(images.shape[0] for images in files.images.values()) * each * _FLOAT_BYTES


def _parts(
    name: str,
    labels: Labels,
    class_names: Sequence[str],
    settings: PreprocessingConfig,
) -> Iterator[tuple[str, Mask]]:
    if name != "train" or settings.validation_fraction == 0:
        yield name, np.ones(len(labels), dtype=np.bool_)
        return
    held_out = choose_share(
        labels, class_names, settings.validation_fraction, settings.seed, "validation"
    )
    yield "train", ~held_out
    yield "validation", held_out


def _write_split(
    workspace: Workspace,
    draft: Draft,
    files: DatasetFiles,
    split: str,
    part: str,
    labels: Labels,
    mask: Mask,
) -> ArraySplit:
    count = int(mask.sum())
    source = files.images[split]
    shape = (count, *source.shape[1:])
    with ArrayWriter(draft.path(f"images_{part}.npy"), shape, "float32") as writer:
        start = 0
        for block in read_blocks(workspace.root / source.path):
            kept = block[mask[start : start + len(block)]]
            writer.append(kept.astype(np.float32) * SCALE)
            start += len(block)
            emit(Progress(stage="preprocess", done=start, total=len(mask), unit="images"))
    classes = len(files.class_names)
    with ArrayWriter(draft.path(f"labels_{part}.npy"), (count, classes), "float32") as labelled:
        for chunk in np.array_split(labels[mask], max(1, count * classes // (1 << 20))):
            labelled.append(np.eye(classes, dtype=np.float32)[chunk])
    return ArraySplit(images=draft.array_record(writer), labels=draft.array_record(labelled))
