"""Nearest neighbors of the images among all splits, by the features of the frozen layers.

The frozen layers have not seen the labels, unlike the trained model, so neighbors can contradict a
label that the model has memorized. Features are averaged over height and width, and standardized;
two images are as similar as the cosine of the angle between theirs.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.data.label_table import read_sources
from sightline.evaluation.embedded import TINY, Embedded, Rows, read
from sightline.evaluation.frozen_features import FrozenFeatures
from sightline.evaluation.model_under_test import Context
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import Stage
from sightline.records import ArraySet, DatasetFiles, NearestClass, Neighbors, Run

Floats = NDArray[np.floating[Any]]

_COUNT = 10  # Neighbors of each image
_FEWEST_IMAGES = 3
_AGREEMENT = 0.8  # Share of the neighbors in one class that contradicts another label
_MAP_POINTS = 300
_MEGABYTES = 64  # Distances that are held in memory at once


class Nearest(NamedTuple):
    """The k nearest neighbors of each of n images, the most similar first; both (n, k)."""

    similarities: Floats  # In [-1, 1]
    rows: Rows


def measure(context: Context) -> Neighbors | None:
    """Search neighbors; None for a run without features, or with fewer than three images."""
    tested, draft = context.tested, context.draft
    if tested.features is None:
        return None
    if sum(len(part.rows) for part in tested.features.parts()) < _FEWEST_IMAGES:
        return None
    similarity = tested.settings.duplicate_similarity
    inputs = tested.files, tested.arrays, tested.features.found
    found = find_neighbors(tested.run, *inputs, similarity)
    tables = {
        name: draft.copy(tested.workspace.path(one.path), one) for name, one in found.tables.items()
    }
    return found.model_copy(update={"tables": tables})


def find_neighbors(
    run: Run, files: DatasetFiles, arrays: ArraySet, features: ArraySet, similarity: float
) -> Neighbors:
    """Search the neighbors of at least three images, which do not depend on the trained model.

    Args:
        features: Output of the stage embed.
        similarity: Least cosine similarity of near duplicates, in (0, 1].

    Raises errors as `find_or_make`.
    """
    key = FIND_NEIGHBORS.key(files, arrays, features, str(similarity))
    frozen = FrozenFeatures(run.workspace, files, arrays, features)
    return find_or_make(run, FIND_NEIGHBORS, key, lambda draft: _search(frozen, similarity, draft))


FIND_NEIGHBORS = Stage(find_neighbors, ("numpy", "scikit-learn", "scipy"))


def _search(features: FrozenFeatures, similarity: float, draft: Draft) -> Neighbors:
    from threadpoolctl import threadpool_limits

    found, classes = read(features), features.files.class_names
    with threadpool_limits(1):  # the sums do not depend on the cores
        nearest = find(found.features)
        points = project(found, _MAP_POINTS)
    pairs = near_duplicates(found, nearest, similarity)
    contradicted = contradictions(found, nearest, len(classes))
    for prefix in ("", "other_"):
        pairs = _with_sources(pairs, features, prefix)
    contradicted, points = (_with_sources(table, features) for table in (contradicted, points))
    tables = {"near_duplicates": pairs, "contradicted_labels": contradicted, "map": points}
    for name, table in tables.items():
        pq.write_table(table, draft.path(f"{name}.parquet"), write_page_checksum=True)
    return Neighbors(
        images=len(found.labels),
        similarity=similarity,
        near_duplicates=pairs.num_rows,
        leaks=sum(pairs["leak"].to_pylist()),
        contradicted_labels=contradicted.num_rows,
        nearest_classes=nearest_classes(found, nearest, classes),
        tables={name: draft.record(f"{name}.parquet") for name in tables},
        entry=draft.entry,
    )


def find(features: NDArray[np.float32], count: int = _COUNT) -> Nearest:
    """Find the nearest neighbors of each of at least two images, by cosine similarity."""
    from sklearn import config_context
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(count, len(features) - 1), metric="cosine")
    with config_context(working_memory=_MEGABYTES):
        distances, rows = search.fit(features).kneighbors()
    return Nearest(1 - distances, rows.astype(np.int64))


def near_duplicates(found: Embedded, nearest: Nearest, similarity: float) -> pa.Table:
    """List pairs of images that are at least so similar, leaks into the test split first.

    Returns columns split, index, label, other_split, other_index, other_label, similarity
    (float64) and leak (bool): one image is a test image and the other is not.
    """
    one, place = np.nonzero(nearest.similarities >= similarity)
    pairs = np.sort(np.stack([one, nearest.rows[one, place]], axis=1), axis=1)
    pairs, first = np.unique(pairs, axis=0, return_index=True)
    values = nearest.similarities[one, place][first]
    tested = found.splits[pairs] == "test"
    leaks = tested[:, 0] != tested[:, 1]
    order = np.lexsort((-values, ~leaks))
    left, right = pairs[order].T
    columns = found.columns(left) | found.columns(right, "other_")
    return pa.table({**columns, "similarity": values[order], "leak": leaks[order]})


def contradictions(found: Embedded, nearest: Nearest, num_classes: int) -> pa.Table:
    """List images of which at least 80 % of the neighbors have the same other label.

    Returns columns split, index, label, neighbor_label (int64), share and label_share (float64),
    the shares of the neighbors with these labels; the largest share first.
    """
    shares = _shares(found, nearest, num_classes)
    rows, voted = np.arange(len(shares)), shares.argmax(axis=1)
    share, own = shares.max(axis=1), shares[rows, found.labels]
    listed = np.flatnonzero((voted != found.labels) & (share >= _AGREEMENT))
    listed = listed[np.lexsort((listed, own[listed], -share[listed]))]
    more = {"neighbor_label": voted, "share": share, "label_share": own}
    columns = {name: values[listed] for name, values in more.items()}
    return pa.table({**found.columns(listed), **columns})


def nearest_classes(
    found: Embedded, nearest: Nearest, class_names: tuple[str, ...]
) -> tuple[NearestClass, ...]:
    """Find for each class the other class to which most neighbors of its images belong.

    Returns those that have such neighbors, the largest share first.
    """
    shares = _shares(found, nearest, len(class_names))
    closest = []
    for number in np.unique(found.labels).tolist():
        mean = shares[found.labels == number].mean(axis=0)
        mean[number] = -1
        other = int(mean.argmax())
        if mean[other] > 0:
            names = {"class_name": class_names[number], "other": class_names[other]}
            closest.append(NearestClass(**names, share=float(mean[other])))
    return tuple(sorted(closest, key=lambda row: -row.share))


def project(found: Embedded, limit: int) -> pa.Table:
    """Project images onto their two principal components.

    Returns columns split, index, label, x and y (float64, in [0, 1]) of at most `limit` images,
    evenly spaced class by class.
    """
    from sklearn.decomposition import PCA

    by_class, count = np.argsort(found.labels, kind="stable"), min(limit, len(found.labels))
    rows = by_class[np.arange(count) * len(by_class) // count]
    # This solver draws no random numbers.
    plane = PCA(n_components=2, svd_solver="covariance_eigh").fit(found.features)
    places = plane.transform(found.features[rows]).astype(np.float64)
    places -= places.min(axis=0)
    places /= np.maximum(places.max(axis=0), TINY)
    return pa.table({**found.columns(rows), "x": places[:, 0], "y": places[:, 1]})


def _with_sources(table: pa.Table, features: FrozenFeatures, prefix: str = "") -> pa.Table:
    """Append a column with the file of each image."""
    counts = [images.shape[0] for images in features.files.images.values()]
    starts = dict(zip(features.files.images, np.cumsum([0, *counts]).tolist(), strict=False))
    splits, indexes = (table[f"{prefix}{name}"].to_pylist() for name in ("split", "index"))
    rows = [starts[split] + index for split, index in zip(splits, indexes, strict=True)]
    label_table = features.workspace.path(features.files.labels.path)
    sources = read_sources(label_table, np.array(rows, dtype=np.int64))
    return table.append_column(f"{prefix}source", sources)


def _shares(found: Embedded, nearest: Nearest, num_classes: int) -> Floats:
    """Return the share of each image's neighbors in each class, (n, num_classes)."""
    count, neighbors = nearest.rows.shape
    cells = np.arange(count)[:, np.newaxis] * num_classes + found.labels[nearest.rows]
    votes = np.bincount(cells.ravel(), minlength=count * num_classes)
    shares: Floats = votes.reshape(count, num_classes) / neighbors
    return shares
