"""Choose a batch that is uncertain and diverse: weighted k-means over the most uncertain images.

F. Zhdanov, "Diverse mini-batch active learning" (2019): of the images with the smallest margins,
ten for each one wanted, k-means finds as many clusters in feature space as images are wanted;
uncertain images count more. The image closest to each center is chosen.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.evaluation.embedded import standardized

Floats = NDArray[np.floating[Any]]

PREFILTER = 10
"""Candidates for each image to choose; the best of the paper's values."""

_ITERATIONS = 20
_LEAST_WEIGHT = 1e-3  # of an image of which the model is certain


def choose(features: NDArray[np.float32], margins: Floats, count: int, seed: int) -> NDArray[Any]:
    """Choose `count` rows, or all if there are no more, the most uncertain first.

    Args:
        features: float32 array of shape (n, d).
        margins: Shape (n,), in [0, 1], in ascending order.
        count: Number of rows to choose.
        seed: Of k-means.
    """
    if len(features) <= count:
        return np.arange(len(features))
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    points = standardized(features)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    points = points / np.maximum(lengths, np.finfo(np.float32).tiny)
    weights = np.maximum(1 - margins, _LEAST_WEIGHT)
    clusters = KMeans(count, n_init=1, max_iter=_ITERATIONS, random_state=seed)
    with threadpool_limits(1), warnings.catch_warnings():  # the sums do not depend on the cores
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer clusters if features are equal
        labels = clusters.fit(points, sample_weight=weights).labels_
    # Not those from all centers: with 10,000 images to choose, they would take 4 GB
    distances = np.linalg.norm(points - clusters.cluster_centers_[labels], axis=1)
    closest = _closest_of_each(distances, labels)
    left = np.setdiff1d(np.arange(len(features)), closest)  # as ordered: the most uncertain first
    return np.sort(np.concatenate([closest, left[: count - len(closest)]]))


def _closest_of_each(distances: Floats, labels: NDArray[Any]) -> NDArray[np.int64]:
    """Return the row closest to the center of its cluster, for each cluster that has rows."""
    order = np.lexsort((np.arange(len(labels)), distances, labels))
    _, first = np.unique(labels[order], return_index=True)
    return order[first]
