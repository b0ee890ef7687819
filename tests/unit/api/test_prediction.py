import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import run_to_predict
import sightline
from run_to_predict import CLASS_NAMES, SHAPE, dots
from sightline.errors import DataError

pytestmark = pytest.mark.usefixtures("keras")


@pytest.fixture(scope="module")
def run(published):
    return sightline.load(artifacts=published)


@pytest.fixture(scope="module")
def expected(run):
    """Probabilities of twelve images by Keras alone."""
    return np.asarray(run.model.predict_on_batch(dots(12)))


def test_array_of_images_gives_a_row_an_image_in_order(run, expected):
    found = run.predict(dots(12))
    assert list(found) == ["input", "label", "class", "probability", "probabilities", "error"]
    np.testing.assert_allclose(np.stack(found["probabilities"]), expected, atol=1e-6)
    assert list(found["class"]) == list(expected.argmax(axis=1))
    assert list(found["label"]) == [CLASS_NAMES[number] for number in found["class"]]
    np.testing.assert_allclose(found["probability"], expected.max(axis=1), atol=1e-6)
    assert found["input"][11] == "images#11"


def test_arrays_pictures_and_paths_of_equal_images_give_equal_rows(run, expected, tmp_path):
    image = dots(12)[3]
    path = tmp_path / "picture.png"
    picture = Image.fromarray(image[..., 0])
    picture.save(path)
    ways = [image, image[..., 0], image.astype(np.int64), picture, picture.convert("P"), path]
    found = run.predict([*ways, str(path)])
    for probabilities in found["probabilities"]:
        np.testing.assert_allclose(probabilities, expected[3], atol=1e-6)
    assert list(found["input"][3:6]) == ["images[3]", "images[4]", str(path)]
    for way in ways:
        assert len(run.predict(way)) == 1


def test_picture_keeps_its_orientation(run, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    picture = Image.fromarray(dots(1)[0, ..., 0])
    picture.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as opened:
        turned, upright = run.predict([opened, dots(1)[0, ::-1, ::-1]])["probability"]
    assert turned == pytest.approx(upright)


def test_color_and_other_sizes_are_brought_to_the_model_with_a_warning(run):
    found = run.predict(np.zeros((2, *(2 * side for side in SHAPE[:2]), 3), np.uint8))
    assert len(found) == 2
    assert any("resized" in sentence for sentence in found.attrs["warnings"])


def test_unreadable_file_is_a_row_with_the_reason(run, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    found = run.predict([tmp_path / "broken.png", dots(1)[0]])
    assert "broken.png" in found["error"][0]
    assert found["label"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.ones((2, 8, 8), np.float32), "float32"),
        (np.full((2, 8, 8), 300), "found 300 to 300"),
        (np.zeros(8, np.uint8), r"shape \(8,\)"),
        (np.zeros((2, 8, 8, 5), np.uint8), "images"),
        ([], "no images"),
        (Path("gone.png"), "gone.png does not exist"),
    ],
)
def test_what_is_no_image_is_refused_with_what_was_found(run, images, words):
    with pytest.raises(DataError, match=words) as refusal:
        run.predict(images)
    assert tempfile.gettempdir() not in str(refusal.value)


def test_model_is_checked_against_the_digest_of_its_run(tmp_path):
    folder = run_to_predict.publish(tmp_path)
    run = sightline.load(artifacts=tmp_path)
    (folder / "model.keras").write_bytes(b"something else")
    with pytest.raises(sightline.errors.ModelFileError):
        run.model  # noqa: B018 - the access is what is tested
