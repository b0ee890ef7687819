import csv
import shutil
from pathlib import Path

import keras
import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from PIL import Image

from bounds import bounded
from hostile_models import NAMED
from run_to_predict import CLASS_NAMES, RUN_ID, dots, publish, write_pictures
from sightline.errors import ModelFileError
from sightline.models import keras_files
from sightline.pipeline.progress import Progress, listening
from sightline.prediction import inputs, keras_side
from sightline.prediction.model import find
from sightline.prediction.records import Request
from sightline.storage.workspace import Workspace


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    root = tmp_path_factory.mktemp("artifacts")
    keras.utils.set_random_seed(0)  # some random weights give every image the same probability
    publish(root)
    return find(Workspace(root), RUN_ID)


@pytest.fixture(scope="module")
def probabilities(model):
    """Predictions of the model for a thousand images, by Keras alone."""
    return np.asarray(keras_files.read_model(Path(model.path)).predict_on_batch(dots(1000)))


def predict(model, *paths, **options):
    found = tuple(inputs.describe(str(path)) for path in paths)
    request = Request.model_validate({"inputs": found, "model": model, **options})
    return keras_side.predict(request)


@pytest.fixture
def images(tmp_path):
    np.save(tmp_path / "x.npy", dots(1000))
    return tmp_path / "x.npy"


def test_tf32_is_disabled_just_while_predictions_are_computed(model, images, monkeypatch):
    """On a GPU, TF32 changed probabilities by up to 0.001."""
    enabled = tf.config.experimental.tensor_float_32_execution_enabled
    predict_on_batch, seen = keras.Model.predict_on_batch, [enabled()]

    def observe(network, images):
        seen.append(enabled())
        return predict_on_batch(network, images)

    monkeypatch.setattr(keras.Model, "predict_on_batch", observe)
    predict(model, images)
    assert [*seen, enabled()] == [True, False, False, True]


def test_table_has_a_row_for_each_image(model, probabilities, images, tmp_path):
    tables = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    events: list[Progress] = []
    with listening(events.append):
        outcome, _ = (predict(model, images, table=str(table)) for table in tables)
    last = events[-1]
    assert (last.stage, last.done, last.total, last.unit) == ("predict", 1000, 1000, "images")
    rows = pq.read_table(tables[0], page_checksum_verification=True)
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
    metadata = rows.schema.metadata
    assert metadata[b"sightline.model"].decode() == model.name
    assert metadata[b"sightline.model_sha256"].decode() == model.sha256
    assert tables[0].read_bytes() == tables[1].read_bytes()


def test_abstained_rows_keep_the_guess_and_are_not_answers(model, probabilities, images, tmp_path):
    minimum = float(np.median(probabilities.max(axis=1)))
    outcome = predict(model, images, table=f"{tmp_path}/t.parquet", abstain_below=minimum)
    rows = pq.read_table(tmp_path / "t.parquet")
    abstained = np.asarray(rows["abstained"])
    assert 400 < outcome.abstained == abstained.sum() < 600
    assert sum(outcome.classes.values()) == 1000 - outcome.abstained
    assert rows["label"].null_count == 0
    assert (np.asarray(rows["probability"])[~abstained] >= np.float32(minimum)).all()


def test_unreadable_image_affects_only_its_row(model, tmp_path):
    paths = write_pictures(tmp_path / "folder", dots(30))
    paths[7].write_bytes(b"no image")
    folder, table = tmp_path / "folder", tmp_path / "t.parquet"
    outcome = predict(model, folder, table=str(table), abstain_below=1)
    row = pq.read_table(table).to_pylist()[7]
    found = [row[column] for column in ("label", "class", "probability", "abstained")]
    assert found == [None, None, None, False]
    assert str(paths[7]) in row["error"]
    assert (outcome.images, outcome.failed, outcome.abstained) == (30, 1, 29)
    assert outcome.first_error == row["error"]
    assert outcome.predictions[7].label is None
    only = predict(model, paths[7])
    assert (only.images, only.failed, only.warnings) == (1, 1, ())


def test_unusual_images_are_reported(model, tmp_path):
    write_pictures(tmp_path / "a", dots(3))
    write_pictures(tmp_path / "b", dots(2, shape=(16, 16, 3)))
    (tmp_path / "b" / "notes.txt").touch()
    np.save(tmp_path / "x.npy", 255 - dots(40))
    assert "inverted" in predict(model, tmp_path / "x.npy").warnings[0]
    left_out, resized, converted, *_ = predict(model, tmp_path / "a", tmp_path / "b").warnings
    assert left_out.endswith("1 file(s): 1 .txt.")
    assert resized.startswith("2 of 5 images were resized to 8x8")
    assert converted.startswith("2 of 5 images were converted to grey")


def test_images_of_16_bits_have_the_scale_of_the_training_images(model, tmp_path):
    write_pictures(tmp_path / "plain", dots(9))
    write_pictures(tmp_path / "deep", dots(9).astype(np.uint16))
    plain, deep = (predict(model, tmp_path / name) for name in ("plain", "deep"))
    probabilities = [[one.probability for one in found.predictions] for found in (plain, deep)]
    assert probabilities[0] == probabilities[1]
    assert len(set(probabilities[0])) > 1


def test_csv_has_the_same_rows_and_quotes_names_that_are_no_formulas(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path('=a,"b"\n')
    write_pictures(folder, dots(3))
    for suffix in ("parquet", "csv"):
        predict(model, folder, table=f"{tmp_path}/t.{suffix}", format=suffix)
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expected = pq.read_table(tmp_path / "t.parquet")
    assert [row["input"] for row in rows] == [f"'{name}" for name in expected["input"].to_pylist()]
    assert [row["label"] for row in rows] == expected["label"].to_pylist()
    assert rows[0]["error"] == ""


def test_file_without_the_record_of_its_run_tells_its_class_names(model, images, tmp_path):
    copy = shutil.copy(model.path, tmp_path / "mine.keras")
    outcome = predict(find(Workspace(tmp_path), str(copy)), images)
    assert list(outcome.classes) == list(NAMED.class_names)
    assert len(outcome.warnings) == 1
    assert "not compared with the training images" in outcome.warnings[0]


def test_file_tells_how_images_are_resized_and_scaled(model, tmp_path):
    """Without the record, wide images are stretched, and 16 bits end at 65,535."""
    metadata = NAMED.model_copy(update={"resize": "crop", "white": 4095})
    path = model_file(model, tmp_path, metadata)
    wide = dots(1, shape=(8, 20, 1)).astype(np.uint16) * 16
    middle = np.rint(wide[:, :, 6:14] / 4095 * 255)
    write_pictures(tmp_path / "wide", wide)
    write_pictures(tmp_path / "middle", middle.astype(np.uint8))
    found = [
        predict(find(Workspace(tmp_path), str(path)), tmp_path / name).predictions[0].probability
        for name in ("wide", "middle")
    ]
    assert found[0] == found[1]


def test_classes_of_a_file_without_any_record_are_numbered(model, images, tmp_path):
    path = model_file(model, tmp_path, None)
    outcome = predict(find(Workspace(tmp_path), str(path)), images)
    assert list(outcome.classes) == ["class_0", "class_1"]
    assert "class_0" in outcome.warnings[0]
    assert "sightline.json" in outcome.warnings[0]


def test_file_with_another_number_of_names_is_refused(model, images, tmp_path):
    path = model_file(model, tmp_path, NAMED.model_copy(update={"class_names": tuple("abc")}))
    with pytest.raises(ModelFileError, match=r"model\.keras .* 2 classes; expected .* 3"):
        predict(find(Workspace(tmp_path), str(path)), images)


def model_file(model, folder, metadata):
    """Write the same model with other metadata."""
    network = keras_files.without_preprocessing(keras_files.read_model(Path(model.path)))
    keras_files.export(network, folder / "model.keras", metadata)
    return folder / "model.keras"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"class_names": ("a", "b", "c")}, "2 classes; expected .* 3"),
        ({"image_shape": (28, 28, 1)}, r"\(8, 8, 1\) .* expected \(28, 28, 1\)"),
    ],
)
def test_different_model_than_recorded_is_refused(model, images, changed, named):
    metadata = model.metadata.model_copy(update=changed)
    with pytest.raises(ModelFileError, match=named):
        predict(model.model_copy(update={"metadata": metadata}), images)


def test_file_of_another_digest_is_refused(model, images):
    with pytest.raises(ModelFileError, match="0000"):
        predict(model.model_copy(update={"sha256": "0" * 64}), images)


def test_weights_that_are_not_finite_are_refused(model, images, tmp_path):
    network = keras_files.without_preprocessing(keras_files.read_model(Path(model.path)))
    network.set_weights([np.full_like(weights, np.nan) for weights in network.get_weights()])
    keras_files.export(network, tmp_path / "broken.keras")
    with pytest.raises(ModelFileError, match=r"broken\.keras .*finite"):
        predict(find(Workspace(tmp_path), f"{tmp_path}/broken.keras"), images)


def test_memory_does_not_grow_with_the_number_of_images(model, images, tmp_path):
    """A GB of images in a sparse file; the bound is far below."""
    np.lib.format.open_memmap(tmp_path / "large.npy", "w+", np.uint8, (1000, 1024, 1024))
    predict(model, images)  # starts TensorFlow
    with bounded():
        assert predict(model, tmp_path / "large.npy").images == 1000


def test_conversions_of_the_pixels_are_warned_about(model, tmp_path):
    for name, level in (("dark", 1023), ("bright", 1024)):
        Image.fromarray(np.full((8, 8), level, np.uint16)).save(tmp_path / f"{name}.png")
    for white, counted in ((1023, ["1 of 2"]), (65535, [])):
        metadata = model.metadata.model_copy(update={"white": white})
        outcome = predict(model.model_copy(update={"metadata": metadata}), tmp_path)
        assert [one[:6] for one in outcome.warnings if f"({white:,})" in one] == counted
