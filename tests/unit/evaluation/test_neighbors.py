import numpy as np
import pytest

from sightline.evaluation import neighbors
from sightline.evaluation.embedded import Embedded, standardized

RNG = np.random.default_rng(0)
CENTRES = np.eye(4, 16) * 12
TRUE_LABELS = np.arange(120) % 4
FEATURES = (CENTRES[TRUE_LABELS] + RNG.normal(size=(120, 16))).astype(np.float32)
SPLITS = np.repeat(["train", "validation", "test"], 40)
INDEXES = np.tile(np.arange(40), 3)
FLIPPED = [5, 50, 90]
LABELS = TRUE_LABELS.copy()
LABELS[FLIPPED] = (LABELS[FLIPPED] + 1) % 4
COPIES = {0: 100, 45: 101, 1: 13}
"""A test image that is a training image, one that is a validation image, and two alike."""
FEATURES[list(COPIES.values())] = FEATURES[list(COPIES)] + 0.01
LABELS[[100, 101, 13]] = LABELS[[0, 45, 1]]


def embedded(labels=LABELS):
    return Embedded(SPLITS, INDEXES, labels, standardized(FEATURES))


@pytest.fixture(scope="module")
def nearest():
    return neighbors.find(embedded().features)


def test_nearest_neighbors_are_those_of_a_comparison_of_all_pairs(nearest):
    unit = embedded().features / np.linalg.norm(embedded().features, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    expected = -np.sort(-cosines, axis=1)[:, :10]
    np.testing.assert_allclose(nearest.similarities, expected, atol=1e-6)
    found = np.take_along_axis(cosines, nearest.rows, axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_copies_are_found_those_of_test_images_first(nearest):
    found = neighbors.near_duplicates(embedded(), nearest, 0.999).to_pylist()
    places = [
        ((row["split"], row["index"]), (row["other_split"], row["other_index"])) for row in found
    ]
    leaks = {(("train", 0), ("test", 20)), (("validation", 5), ("test", 21))}
    assert set(places[:2]) == leaks
    assert places[2:] == [(("train", 1), ("train", 13))]
    assert [row["leak"] for row in found] == [True, True, False]
    assert all(row["label"] == row["other_label"] and row["similarity"] > 0.999 for row in found)
    assert neighbors.near_duplicates(embedded(), nearest, 1).num_rows == 0


def test_flipped_labels_are_contradicted_by_their_neighbors(nearest):
    found = neighbors.contradictions(embedded(), nearest, 4).to_pylist()
    places = {(row["split"], row["index"]) for row in found}
    assert places == {(SPLITS[row], INDEXES[row]) for row in FLIPPED}
    for row in found:
        assert row["neighbor_label"] == (row["label"] - 1) % 4
        assert row["share"] >= 0.8 > row["label_share"]
    assert [row["share"] for row in found] == sorted((r["share"] for r in found), reverse=True)


def test_the_nearest_class_is_the_one_that_is_mixed_with_it():
    mixed = TRUE_LABELS.copy()
    mixed[np.flatnonzero(TRUE_LABELS == 2)[::3]] = 3  # a third of class 2 is called 3
    found = neighbors.nearest_classes(embedded(mixed), neighbors.find(FEATURES), tuple("abcd"))
    closest = {row.class_name: row.other for row in found}
    assert (closest["c"], closest["d"]) == ("d", "c")
    shares = [row.share for row in found]
    assert shares == sorted(shares, reverse=True)
    assert {row.class_name for row in found[:2]} == {"c", "d"}


def test_the_map_shows_some_images_of_each_class_apart_from_the_others():
    found = neighbors.project(embedded(TRUE_LABELS), 40).to_pandas()
    assert found["label"].value_counts().tolist() == [10] * 4
    assert found[["x", "y"]].min().tolist() == [0, 0]
    assert found[["x", "y"]].max().tolist() == [1, 1]
    means = found.groupby("label")[["x", "y"]].mean().to_numpy()
    spread = found.groupby("label")[["x", "y"]].std().to_numpy().mean()
    distances = np.linalg.norm(means[:, np.newaxis] - means, axis=2)[np.triu_indices(4, 1)]
    assert np.sort(distances)[1:].min() > 2 * spread  # one pair may lie behind each other
