import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import log_loss, top_k_accuracy_score

from sightline.data import split_arrays
from sightline.errors import InputError
from sightline.evaluation import predictions_table
from sightline.evaluation.calibration import apply_temperature, read_scaled
from sightline.evaluation.predictions import (
    most_confident_mistakes,
    predict_split,
    read,
    sample_correct,
)

IMAGES, CLASSES = 50, 6
LABELS = np.random.default_rng(1).integers(0, CLASSES, IMAGES).astype(np.int16)
SOURCES = [f"train/{number}.png" for number in range(IMAGES)]
PIXELS = np.random.default_rng(2).random((IMAGES, 2, 2, 1), dtype=np.float32)


def model(images):
    """Stand in for a model: the probabilities depend on the image's first pixel alone."""
    numbers = images.reshape(len(images), -1)[:, :1] * np.arange(1, CLASSES + 1)
    exponents = np.exp(3 * np.sin(37 * numbers))
    return (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "predictions.parquet"


@pytest.fixture
def predicted(path):
    return predict_split(model, PIXELS, LABELS, iter(SOURCES), CLASSES, path)


def test_predictions_agree_with_scikit_learn(predicted):
    probabilities = model(PIXELS)
    expected = log_loss(LABELS, probabilities, labels=range(CLASSES))
    assert predicted.loss == pytest.approx(expected, rel=1e-5)
    for k in (1, 2, 3, 5):
        expected = top_k_accuracy_score(LABELS, probabilities, k=k, labels=range(CLASSES))
        assert (predicted.rank < k).mean() == expected
    assert (predicted.predicted == probabilities.argmax(axis=1)).all()
    assert (predicted.confidence == probabilities.max(axis=1)).all()


def test_first_of_equal_probabilities_ranks_highest(path):
    def even(images):
        return np.full((len(images), 4), 0.25, dtype=np.float32)

    labels = np.arange(4, dtype=np.int16)
    images = np.zeros((4, 2, 2, 1), np.float32)
    found = predict_split(even, images, labels, iter("abcd"), 4, path)
    assert found.rank.tolist() == [0, 1, 2, 3]
    assert found.predicted.tolist() == [0, 0, 0, 0]


def test_table_is_read_as_it_was_written_whatever_the_block_size(path, predicted, monkeypatch):
    assert_equal(read(path, CLASSES), predicted)
    assert predicted.index.tolist() == list(range(IMAGES))
    scaled = read_scaled(path, CLASSES, 2.0)
    expected = apply_temperature(model(PIXELS), 2.0)
    assert scaled.confidence == pytest.approx(expected.max(axis=1), rel=1e-5)
    assert scaled.loss == pytest.approx(log_loss(LABELS, expected, labels=range(CLASSES)), rel=1e-5)
    assert (scaled.rank == predicted.rank).all(), "a temperature keeps the order of the classes"
    monkeypatch.setattr(split_arrays, "BLOCK_BYTES", 7 * PIXELS[0].nbytes)
    monkeypatch.setattr(predictions_table, "_BLOCK_VALUES", 7 * CLASSES)
    again = predict_split(model, PIXELS, LABELS, iter(SOURCES), CLASSES, path)
    assert_equal(again, predicted)
    assert pq.read_table(path)["source"].to_pylist() == SOURCES
    assert_equal(read_scaled(path, CLASSES, 2.0), scaled)


def test_most_confident_mistakes_come_first(path, predicted):
    names = tuple("abcdef")
    found, total = most_confident_mistakes(path, names, 3)
    wrong = np.flatnonzero(~predicted.correct)
    order = wrong[np.argsort(-predicted.confidence[wrong])]
    assert [mistake.index for mistake in found] == order[:3].tolist()
    assert total == len(wrong)
    assert [mistake.source for mistake in found] == [SOURCES[row] for row in order[:3]]
    pq.write_table(pq.read_table(path).drop_columns(["source"]), path)  # as earlier versions did
    (first, *_), _ = most_confident_mistakes(path, names, 3)
    assert (first.source, first.image) == (None, str(order[0]))
    assert found[0].label == names[LABELS[order[0]]]


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("predicted", 5, "predicted"),
        ("label", -1, "labels from 0 to 5"),
        ("label", "b", "expected int64 in the column 'label', found string"),
        ("probability_2", None, "expected float in the column 'probability_2'"),
        ("index", 0, "order"),
        ("probability_5", "missing", "'probability_5', found none"),
        ("probability_6", 0.5, "columns"),
    ],
)
def test_table_of_another_form_is_refused(path, predicted, column, value, named):
    table = pq.read_table(path)
    columns = {name: table[name] for name in table.column_names} | {column: [value] * IMAGES}
    if value == "missing":
        del columns[column]
    pq.write_table(pa.table(columns), path)
    with pytest.raises(InputError, match=rf"predictions\.parquet .*{named}.*--refresh"):
        read(path, CLASSES)


@pytest.mark.parametrize("content", [None, b"", b"PAR1 no table"])
def test_missing_or_damaged_table_is_refused(path, content):
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"predictions\.parquet"):
        read(path, CLASSES)


def test_correct_predictions_are_sampled_over_the_split_the_least_confident_first(path, predicted):
    correct = np.flatnonzero(model(PIXELS).argmax(axis=1) == LABELS)
    found = sample_correct(path, CLASSES, 4)
    assert sorted(found.index) == [correct[number * len(correct) // 4] for number in range(4)]
    assert (found.confidence == model(PIXELS)[found.index].max(axis=1)).all()
    assert (np.diff(found.confidence) >= 0).all()
    assert sorted(sample_correct(path, CLASSES, 1000).index) == correct.tolist()


def test_no_correct_prediction_is_sampled_where_there_is_none(path):
    wrong = (model(PIXELS).argmax(axis=1).astype(np.int16) + 1) % CLASSES
    predict_split(model, PIXELS, wrong, iter(SOURCES), CLASSES, path)
    assert len(sample_correct(path, CLASSES, 4).index) == 0


def assert_equal(found, expected):
    for name, values in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), values)
