"""A logistic regression on a few pixels: a network must beat it to be worth its training."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.data.label_table import Labels, read_labels
from sightline.data.split_arrays import (
    SelectedImages,
    StoredImages,
    blocks,
    open_images,
    open_split,
    read_split_labels,
)
from sightline.evaluation.model_under_test import Context
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import Stage
from sightline.records import ArraySet, ArraySplit, DatasetFiles, LinearReference, Run
from sightline.storage.workspace import Workspace

Features = NDArray[np.float32]

_SIDE = 8  # Rows and columns of cells over which the pixels are averaged
_ITERATIONS = 100
_FEWEST_CLASSES = 2


def measure(context: Context) -> LinearReference | None:
    """Fit the regression to images that the network trained on, and test it on the test split.

    Returns None if these training images are all of one class, or unknown.
    """
    tested = context.tested
    if "train" not in tested.arrays.splits:
        return None
    split = tested.arrays.splits["train"]
    most = min(split.count, tested.limits.reference)
    if len(np.unique(_sampled(tested.workspace, split, most)[1])) < _FEWEST_CLASSES:
        return None
    return fit_reference(tested.run, tested.files, tested.arrays, most)


def fit_reference(run: Run, files: DatasetFiles, arrays: ArraySet, most: int) -> LinearReference:
    """Fit the regression to at most so many training images of at least two classes.

    It does not depend on the trained model. Raises errors as `find_or_make`.
    """
    key = FIT_REFERENCE.key(files, arrays, str(most))

    def make(draft: Draft) -> LinearReference:
        images, labels = _sampled(run.workspace, arrays.splits["train"], most)
        tested = open_images(run.workspace, files.images["test"])
        test_labels = read_labels(run.workspace, files, "test")
        found = compare(small_pixels(images), labels, small_pixels(tested), test_labels)
        return found.model_copy(update={"entry": draft.entry})

    return find_or_make(run, FIT_REFERENCE, key, make)


FIT_REFERENCE = Stage(fit_reference, ("numpy", "scikit-learn", "scipy"))


def _sampled(workspace: Workspace, split: ArraySplit, most: int) -> tuple[SelectedImages, Labels]:
    """Choose images, evenly spaced over a split, and read their labels."""
    images, labels = open_split(workspace, split), read_split_labels(workspace, split)
    rows = np.linspace(0, len(images) - 1, min(len(images), most)).astype(np.int64)
    return SelectedImages(images, rows), labels[rows]


def compare(
    features: Features, labels: Labels, test_features: Features, test_labels: Labels
) -> LinearReference:
    """Fit a logistic regression to features of shape (n, d), and test it on others, (m, d)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import recall_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_ITERATIONS))
    # One thread: the sums do not depend on the cores, and threads would mostly wait for each other.
    with threadpool_limits(1), warnings.catch_warnings():
        # It is a reference even if it stops before its optimum.
        warnings.simplefilter("ignore", ConvergenceWarning)
        predicted = model.fit(features, labels).predict(test_features)
    tested = np.unique(test_labels)
    recall = recall_score(test_labels, predicted, labels=tested, average="macro", zero_division=0)
    return LinearReference(
        accuracy=float((predicted == test_labels).mean()),
        balanced_accuracy=float(recall),
        training_images=len(labels),
        side=_SIDE,
    )


def small_pixels(images: StoredImages) -> Features:
    """Average images over 8x8 cells, block by block.

    Args:
        images: uint8, or float32 in [0, 1], of shape (m, height, width, channels), m at least 1,
            at least 8x8 pixels.

    Returns:
        float32 array of shape (m, 64 * channels), in [0, 255].
    """
    return np.concatenate([_cell_means(images[rows]) for rows in blocks(images)])


def _cell_means(images: NDArray[Any]) -> Features:
    if images.dtype != np.uint8:
        images = np.rint(images * 255).astype(np.uint8)  # the sums are then exact
    rows, columns = (np.linspace(0, side, _SIDE + 1).astype(int) for side in images.shape[1:3])
    sums = np.add.reduceat(images, rows[:-1], axis=1, dtype=np.uint32)
    sums = np.add.reduceat(sums, columns[:-1], axis=2)
    pixels = np.outer(np.diff(rows), np.diff(columns))[..., np.newaxis]
    means: Features = (sums / pixels).astype(np.float32)
    return means.reshape(len(images), -1)
