"""The preprocess stage: the splits as training arrays."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.config import PreprocessingConfig, TrainingConfig
from sightline.data.label_table import Labels, read_labels
from sightline.data.scaling import to_float
from sightline.data.split_arrays import (
    SelectedImages,
    StoredImages,
    blocks,
    open_images,
)
from sightline.data.splits import check_counts, stratified_sample
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.progress import Progress, emit
from sightline.pipeline.stages import Stage
from sightline.records import ArrayFile, ArraySet, ArraySplit, DatasetFiles, ImagesFile, Run
from sightline.storage.npy import ArrayWriter

Mask = NDArray[np.bool_]

_FLOAT_BYTES, _ROW_BYTES, _LABEL_BYTES = 4, 8, 2
_ONE_HOT_VALUES = 1 << 20  # at once


def preprocess(run: Run, files: DatasetFiles, settings: PreprocessingConfig) -> ArraySet:
    """Hold out the validation split and write what the splits need, in bounded memory.

    Returns the splits "train", "test" and, if configured or in the source, "validation"; see
    `ArraySplit`. Stored as uint8 they share the images of ingest, so no image is copied. Raises
    DataError if a class that must be split has a single training image, and StorageError if the
    disk has too little room for the arrays.
    """

    def make(draft: Draft) -> ArraySet:
        run.workspace.check_room(_bytes_needed(files, settings), "The training arrays")
        splits: dict[str, ArraySplit] = {}
        for source in files.images:
            labels = read_labels(run.workspace, files, source)
            for name, mask in _parts(source, labels, files, settings):
                arrays = _Arrays(draft, name, labels[mask], len(files.class_names))
                if settings.store == "uint8":
                    splits[name] = arrays.select(files.images[source], mask)
                else:
                    images = open_images(run.workspace, files.images[source])
                    splits[name] = arrays.scale(SelectedImages(images, np.flatnonzero(mask)))
        return ArraySet(
            class_names=files.class_names,
            image_shape=files.image_shape,
            resize=files.resize,
            white=files.white,
            splits=splits,
        )

    found = find_or_make(run, PREPROCESS, PREPROCESS.key(files, settings), make)
    return found if settings.store == "float32" else _with_images_of(files, found)


PREPROCESS = Stage(preprocess, ("numpy",))


def check_validation_split(
    files: DatasetFiles, settings: PreprocessingConfig, training: TrainingConfig
) -> None:
    """Check that there is a validation split if one is needed, or that one can be held out.

    Raises DataError if a class has too few images, and ConfigError as `training.check_validated`.
    """
    if "validation" in files.images:
        return
    if settings.validation_fraction:
        check_counts(files.counts["train"], files.class_names, "validation")
    training.check_validated(validated=settings.validation_fraction > 0)


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


def _bytes_needed(files: DatasetFiles, settings: PreprocessingConfig) -> int:
    count = sum(images.shape[0] for images in files.images.values())
    if settings.store == "uint8":
        return count * (_ROW_BYTES + _LABEL_BYTES)
    return count * _FLOAT_BYTES * (math.prod(files.image_shape) + len(files.class_names))


def _with_images_of(files: DatasetFiles, arrays: ArraySet) -> ArraySet:
    """Refer to the images of these files: a cached result may name equal ones that were removed."""
    stored = {name: name if name in files.images else "train" for name in arrays.splits}
    splits = {
        name: split.model_copy(update={"images": files.images[stored[name]]})
        for name, split in arrays.splits.items()
    }
    return arrays.model_copy(update={"splits": splits})


@dataclass(frozen=True)
class _Arrays:
    """The arrays of one split, to be written."""

    draft: Draft
    split: str
    labels: Labels
    num_classes: int

    def select(self, images: ImagesFile, mask: Mask) -> ArraySplit:
        """Write the labels and, unless the split has all images of a file, which it has."""
        return ArraySplit(
            images=images,
            rows=None if mask.all() else self._write("rows", np.flatnonzero(mask)),
            labels=self._write("labels", self.labels),
            num_classes=self.num_classes,
        )

    def scale(self, images: StoredImages) -> ArraySplit:
        """Write the images as float32 in [0, 1] and the labels as one-hot vectors."""
        with self._writer("images", images.shape) as writer:
            for rows in blocks(images):
                writer.append(to_float(images[rows]))
                total = len(images)
                emit(Progress(stage="preprocess", done=rows.stop, total=total, unit="images"))
        shape = (len(self.labels), self.num_classes)
        with self._writer("labels", shape) as one_hot:
            for chunk in np.array_split(self.labels, max(1, math.prod(shape) // _ONE_HOT_VALUES)):
                one_hot.append(np.eye(self.num_classes, dtype=np.float32)[chunk])
        return ArraySplit(
            images=self.draft.array_record(writer),
            labels=self.draft.array_record(one_hot),
            num_classes=self.num_classes,
        )

    def _write(self, kind: str, values: NDArray[Any]) -> ArrayFile:
        with self._writer(kind, values.shape, str(values.dtype)) as writer:
            writer.append(values)
        return self.draft.array_record(writer)

    def _writer(self, kind: str, shape: tuple[int, ...], dtype: str = "float32") -> ArrayWriter:
        return ArrayWriter(self.draft.path(f"{kind}_{self.split}.npy"), shape, dtype)
