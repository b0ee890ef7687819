"""Shuffled batches: what a training step sees is a function of (seed, epoch, step)."""

import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from sightline.data.scaling import to_float
from sightline.data.split_arrays import open_split, read_split_labels
from sightline.records import ArraySplit
from sightline.storage.workspace import Workspace
from sightline.training.class_balance import draw, draw_equally, rows_by_class
from sightline.training.epoch_plan import EpochPlan
from sightline.training.mixing import COLUMNS, draw_patches, mix_labels

Floats = NDArray[np.float32]
Batch = tuple[Floats | tuple[Floats, ...], Floats]

_PREFETCHED = 2  # Batches that are prepared in advance


class Batches(keras.utils.PyDataset):
    """Batches from memory-mapped arrays; the order is a function of (seed, epoch)."""

    def __init__(
        self,
        workspace: Workspace,
        split: ArraySplit,
        plan: EpochPlan,
        seed: int | None,
        first_step: int = 0,
        *,
        balanced: bool = False,
    ) -> None:
        """Open the arrays; batches before `first_step`, counted from 0, are skipped.

        An epoch with more examples than the split takes several passes, each in its own order.
        Without a seed the stored order is kept. A balanced epoch has as many examples of each
        class.
        """
        super().__init__()
        self._split = split
        self._images: Any = open_split(workspace, split)  # or features, which have views
        self._labels = read_split_labels(workspace, split)
        self._one_hot = np.eye(split.num_classes, dtype=np.float32)
        self._classes = rows_by_class(self._labels) if balanced else None
        self._plan = plan
        self._seed = seed
        self._first_step = first_step
        self.ready: dict[int, float] = {}  # When each batch of the epoch was ready, in seconds
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch, counted from 0."""
        count, mixing = len(self._images), self._plan.mixing
        self.ready = {}
        if self._seed is None:
            self._order = np.arange(count)
            self._views = np.zeros_like(self._order)
            self._patches = np.zeros((count, COLUMNS), np.float32)
            return
        rng = np.random.default_rng([self._seed, epoch])
        if self._classes is None:
            self._order = draw(rng, np.arange(count), self._plan.examples)
        else:
            self._order = draw_equally(rng, self._classes, self._plan.examples)
        self._views = rng.integers(self._split.views or 1, size=len(self._order))
        if mixing is not None:
            self._patches = draw_patches(mixing, len(self._order), self._images.shape[1:3], rng)

    @property
    def num_batches(self) -> int:
        """Remaining batches of an epoch."""
        return self._plan.steps - self._first_step

    def __getitem__(self, index: int) -> Batch:
        """Return float32 images (m, height, width, channels) and one-hot labels (m, classes).

        With several ghost batches the images are a tuple of parts; lengths differ by at most one.
        If images are mixed, the patches of each part follow the parts, and the labels are mixed.
        With several machines, these are the examples of this one.
        """
        batch, parts = self._plan.batch(self._first_step + index), self._plan.ghost_batches
        rows = self._order[batch]
        here = self._plan.shares.of_node(len(rows))
        inputs = np.array_split(self._inputs(rows[here], self._views[batch][here]), parts)
        labels = self._one_hot[self._labels[rows]]
        if self._plan.mixing is not None:
            labels = self._mixed(labels, self._patches[batch])
            inputs += np.array_split(self._patches[batch][here], parts)
        self.ready[index] = time.monotonic()
        return (tuple(inputs) if len(inputs) > 1 else inputs[0]), labels[here]

    def _mixed(self, labels: Floats, patches: Floats) -> Floats:
        """Mix the labels of a batch within the parts whose images are mixed."""
        apart = max(self._plan.ghost_batches, self._plan.shares.mixed_apart)
        parts = zip(np.array_split(labels, apart), np.array_split(patches, apart), strict=True)
        size = self._images.shape[1:3]
        return np.concatenate([mix_labels(*part, size) for part in parts])

    def _inputs(self, rows: NDArray[np.int64], views: NDArray[np.int64]) -> Floats:
        if self._split.views is not None:
            features: Floats = self._images[rows, views].astype(np.float32)
            return features
        return to_float(self._images[rows])


def feed(batches: Batches) -> Any:
    """Return the batches in the form that `fit` reads fastest.

    Keras would build a `tf.data` pipeline with autotuning. The autotuner sometimes misses the end
    of the data and sleeps for its complete interval, which doubles from 10 ms to a minute, while
    `fit` waits for it. Returns on TensorFlow a `tf.data.Dataset` that reads the batches again, in
    the order of the current epoch, in each iteration; on other backends the batches themselves.
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
    return counted.prefetch(_PREFETCHED).with_options(fixed)
