import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from bounds import bounded
from run_to_predict import CLASS_NAMES, dots, publish, write_pictures
from sightline.errors import DataError, ModelFileError
from sightline.models import keras_files
from sightline.pipeline.progress import Progress, listening
from sightline.prediction import inputs, keras_side
from sightline.prediction.predict import find
from sightline.prediction.records import Outcome, Request, Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    root = tmp_path_factory.mktemp("artifacts")
    return find(root, publish(root).name)


@pytest.fixture(scope="module")
def probabilities(served: Served) -> NDArray[np.float32]:
    """What the model says of a thousand images, without any of our own way to it."""
    model = keras_files.read_model(Path(served.path))
    return np.asarray(model.predict_on_batch(dots(1000)))


def ask(served: Served, *paths: Path, **more: object) -> Outcome:
    found = tuple(inputs.recognise(str(path)) for path in paths)
    return keras_side.predict(Request.model_validate({"inputs": found, "served": served, **more}))


def save(path: Path, images: NDArray[np.uint8]) -> Path:
    np.save(path, images)
    return path


def test_every_image_has_a_row_with_what_the_model_says(
    served: Served, probabilities: NDArray[np.float32], tmp_path: Path
) -> None:
    table = tmp_path / "t.parquet"
    outcome = ask(served, save(tmp_path / "x.npy", dots(1000)), table=str(table))
    rows = pq.read_table(table, page_checksum_verification=True)
    assert rows["index"].to_pylist() == list(range(1000))
    assert rows["input"][999].as_py() == f"{tmp_path}/x.npy#999"
    classes = probabilities.argmax(axis=1)
    assert rows["class"].to_pylist() == classes.tolist()
    assert rows["label"].to_pylist() == [CLASS_NAMES[one] for one in classes]
    assert np.allclose(rows["probability"], probabilities.max(axis=1), atol=1e-6)
    assert rows["error"].null_count == 1000
    counts = np.bincount(classes, minlength=2).tolist()
    assert outcome.classes == dict(zip(CLASS_NAMES, counts, strict=True))
    assert outcome.warnings == ()
    assert len(outcome.predictions) == 20
    told = rows.schema.metadata
    assert told[b"sightline.model"].decode() == served.name
    assert told[b"sightline.model_sha256"].decode() == served.sha256


def test_abstained_rows_keep_the_guess_and_are_counted_by_themselves(
    served: Served, probabilities: NDArray[np.float32], tmp_path: Path
) -> None:
    limit = float(np.median(probabilities.max(axis=1)))
    table = tmp_path / "t.parquet"
    path = save(tmp_path / "x.npy", dots(1000))
    outcome = ask(served, path, table=str(table), abstain_below=limit)
    rows = pq.read_table(table)
    abstained = np.asarray(rows["abstained"])
    assert 400 < outcome.abstained < 600
    assert outcome.abstained == abstained.sum()
    assert sum(outcome.classes.values()) == 1000 - outcome.abstained
    assert rows["label"].null_count == 0
    assert (np.asarray(rows["probability"])[~abstained] >= np.float32(limit)).all()


def test_broken_image_costs_its_row_alone(served: Served, tmp_path: Path) -> None:
    paths = write_pictures(tmp_path / "folder", dots(30))
    paths[7].write_bytes(b"no image")
    table = tmp_path / "t.parquet"
    outcome = ask(served, tmp_path / "folder", table=str(table), abstain_below=1)
    row = pq.read_table(table).slice(7, 1).to_pylist()[0]
    assert (row["label"], row["class"], row["probability"]) == (None, None, None)
    assert row["abstained"] is False
    assert f"{paths[7]} cannot be read" in row["error"]
    assert (outcome.images, outcome.failed, outcome.abstained) == (30, 1, 29)
    assert outcome.first_error == row["error"]
    assert outcome.predictions[7].label is None


def test_images_that_all_cannot_be_read_leave_nothing_to_compare(
    served: Served, tmp_path: Path
) -> None:
    (tmp_path / "x.png").write_bytes(b"no image")
    outcome = ask(served, tmp_path / "x.png")
    assert (outcome.images, outcome.failed, outcome.warnings) == (1, 1, ())


def test_other_sizes_and_channels_are_told(served: Served, tmp_path: Path) -> None:
    write_pictures(tmp_path / "a", dots(3))
    write_pictures(tmp_path / "b", dots(2, shape=(16, 16, 3)))
    (tmp_path / "b" / "notes.txt").touch()
    assert ask(served, tmp_path / "a", tmp_path / "b").warnings[:3] == (
        "Files that are no PNG, JPEG or BMP images were left out: 1.",
        "2 of 5 images were resized to 8x8 pixels, without keeping the ratio of their sides.",
        "2 of 5 images were converted to grey.",
    )


def test_inverted_images_are_told_and_predicted_all_the_same(
    served: Served, tmp_path: Path
) -> None:
    outcome = ask(served, save(tmp_path / "x.npy", 255 - dots(40)))
    assert "look inverted" in outcome.warnings[0]
    assert sum(outcome.classes.values()) == 40


def test_equal_images_give_equal_bytes(served: Served, tmp_path: Path) -> None:
    path = save(tmp_path / "x.npy", dots(700))
    tables = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    for table in tables:
        ask(served, path, table=str(table))
    assert tables[0].read_bytes() == tables[1].read_bytes()


def test_csv_holds_the_same_and_quotes_names(served: Served, tmp_path: Path) -> None:
    folder = tmp_path / 'a,"b"\n'
    write_pictures(folder, dots(3))
    tables = [tmp_path / "t.parquet", tmp_path / "t.csv"]
    ask(served, folder, table=str(tables[0]))
    ask(served, folder, table=str(tables[1]), form="csv")
    with tables[1].open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expected = pq.read_table(tables[0])
    for column in ("input", "label"):
        assert [row[column] for row in rows] == expected[column].to_pylist()
    assert rows[0]["error"] == ""


def test_classes_of_a_file_by_itself_are_numbered(served: Served, tmp_path: Path) -> None:
    nameless = served.model_copy(
        update={"class_names": None, "image_shape": None, "profile": None, "notes": ("So.",)}
    )
    outcome = ask(nameless, save(tmp_path / "x.npy", dots(3)))
    assert list(outcome.classes) == ["class_0", "class_1"]
    assert outcome.warnings == ("So.",)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sha256": "0" * 64}, "has the SHA-256 .* expected 0000"),
        ({"class_names": ("a", "b", "c")}, "knows 2 classes; expected .* 3"),
        ({"image_shape": (28, 28, 1)}, r"images of \(8, 8, 1\) .* expected \(28, 28, 1\)"),
    ],
)
def test_model_that_is_not_the_one_meant_is_refused(
    served: Served, tmp_path: Path, changed: dict[str, object], message: str
) -> None:
    path = save(tmp_path / "x.npy", dots(3))
    with pytest.raises(ModelFileError, match=message):
        ask(served.model_copy(update=changed), path)


def test_model_without_finite_answers_is_refused(served: Served, tmp_path: Path) -> None:
    model = keras_files.read_model(Path(served.path))
    network = keras_files.without_preprocessing(model)
    network.set_weights([np.full_like(weights, np.nan) for weights in network.get_weights()])
    broken = tmp_path / "broken.keras"
    keras_files.export(network, broken)
    with pytest.raises(ModelFileError, match="probabilities that are not finite"):
        ask(find(tmp_path, str(broken)), save(tmp_path / "x.npy", dots(3)))


def test_damaged_file_of_many_images_ends_the_stream(served: Served, tmp_path: Path) -> None:
    path = save(tmp_path / "x.npy", dots(2000))
    found = inputs.recognise(str(path))
    save(path, dots(2000).astype(np.int8))
    with pytest.raises(DataError, match="found int8"):
        keras_side.predict(Request(inputs=(found,), served=served))


def test_progress_is_told_to_the_end(served: Served, tmp_path: Path) -> None:
    path = save(tmp_path / "x.npy", dots(1200))
    heard: list[Progress] = []
    with listening(heard.append):
        ask(served, path)
    assert (heard[-1].stage, heard[-1].done, heard[-1].total) == ("predict", 1200, 1200)
    assert heard[-1].unit == "images"


def test_memory_does_not_grow_with_the_images(served: Served, tmp_path: Path) -> None:
    """A GB of images, in a file with a hole; the bound is far below."""
    path = tmp_path / "x.npy"
    np.lib.format.open_memmap(path, "w+", np.uint8, (1000, 1024, 1024))
    small = save(tmp_path / "small.npy", dots(3))
    ask(served, small)  # TensorFlow's threads and graphs are not what is bounded
    with bounded():
        outcome = ask(served, path)
    assert outcome.images == 1000
