"""Shuffled batches: what a training step sees is a function of (seed, epoch, step) alone."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from sightline.records import ArraySplit
from sightline.storage.npy import open_mapped
from sightline.storage.workspace import Workspace

Floats = NDArray[np.float32]
Batch = tuple[Floats | tuple[Floats, ...], Floats]

_AHEAD = 2
"""Batches that are ready before they are wanted."""


class Batches(keras.utils.PyDataset):
    """Batches from memory-mapped arrays; the order depends on (seed, epoch) alone."""

    def __init__(
        self,
        workspace: Workspace,
        split: ArraySplit,
        batch_size: int,
        seed: int | None,
        first_step: int = 0,
        examples: int | None = None,
        ghost_batches: int = 1,
    ) -> None:
        """Open the arrays.

        Args:
            split: The arrays.
            batch_size: Examples a batch, at least one a tower; the last batch may be smaller.
            seed: Seed of the order; None keeps the stored order.
            first_step: The batch to begin with, counted from 0; those before it are left out.
            examples: Examples of a shuffled epoch; each once unless told. More than there are
                take several passes, each in an order of its own.
            ghost_batches: Parts that a batch is split into, see `training.branches`.
        """
        super().__init__()
        self._images = open_mapped(workspace.root / split.images.path)
        self._labels = open_mapped(workspace.root / split.labels.path)
        self._batch_size = batch_size
        self._seed = seed
        self._first_step = first_step
        self._examples = examples or len(self._images)
        self._ghost_batches = ghost_batches
        self._steps = steps_per_epoch(self._examples, batch_size, ghost_batches)
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch, counted from 0."""
        count = len(self._images)
        if self._seed is None:
            self._order = np.arange(count)
            return
        rng = np.random.default_rng([self._seed, epoch])
        passes = [rng.permutation(count) for _ in range(-(-self._examples // count))]
        self._order = np.concatenate(passes)[: self._examples]

    @property
    def num_batches(self) -> int:
        """Batches that are left of an epoch."""
        return self._steps - self._first_step

    def __getitem__(self, index: int) -> Batch:
        """Return float32 images (m, height, width, channels) and one-hot labels (m, classes).

        With several ghost batches the images are a tuple of parts; lengths differ by at most one.
        """
        step = self._first_step + index
        start = step * self._batch_size
        end = start + self._batch_size if step < self._steps - 1 else self._examples
        rows = self._order[start:end]
        images, labels = self._images[rows], self._labels[rows]
        if self._ghost_batches == 1:
            return images, labels
        return tuple(np.array_split(images, self._ghost_batches)), labels


def steps_per_epoch(examples: int, batch_size: int, ghost_batches: int = 1) -> int:
    """Count the batches of a whole epoch.

    The last one may be smaller; a rest that is too small for one example a tower joins it.
    """
    return max(1, (examples + batch_size - ghost_batches) // batch_size)


def feed(batches: Batches) -> Any:
    """Return what `fit` takes batches from.

    Keras makes a `tf.data` pipeline that tunes itself. Its tuner is not always told of the end
    and then sleeps on for its whole interval, which doubles from 10 ms to a minute, while `fit`
    waits for it. There is nothing to tune here.

    Returns:
        On TensorFlow a `tf.data.Dataset` of the same batches, which asks for them anew, and so in
        the order of the epoch, each time that it is gone through; else the batches themselves.
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    def numbered() -> Iterator[Batch]:
        return (batches[index] for index in range(batches.num_batches))

    def any_count(array: Floats) -> Any:
        return tf.TensorSpec((None, *array.shape[1:]), array.dtype)

    signature = tf.nest.map_structure(any_count, batches[0])
    data = tf.data.Dataset.from_generator(numbered, output_signature=signature)
    fixed = tf.data.Options()
    fixed.autotune.enabled = False
    counted = data.apply(tf.data.experimental.assert_cardinality(batches.num_batches))
    return counted.prefetch(_AHEAD).with_options(fixed)
