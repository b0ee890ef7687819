from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sightline import figures
from sightline.records import Layer, Mistake

HOSTILE = "<b>$x^2$</b> a name that goes on and on"
GREY = np.arange(6 * 12 * 12, dtype=np.uint8).reshape(6, 12, 12, 1)
COLOUR = np.repeat(GREY, 3, axis=-1)
HISTORY = pd.DataFrame({"epoch": [1, 2], "accuracy": [0.5, 0.9], "loss": [1.0, 0.2]})
MISTAKES = [
    Mistake(index=number, label=HOSTILE, predicted="b", probability=0.9, label_probability=0.1)
    for number in range(6)
]
LAYERS = [
    Layer(name=f"layer_{number}", kind="Conv2D", output_shape=(8, 8, 4), parameters=40)
    for number in range(13)
]


def draw_all(folder: Path) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{number}.png" for number in range(10)]
    figures.draw_layers(paths[0], LAYERS, (12, 12, 1), 4)
    figures.draw_samples(paths[1], GREY, [HOSTILE] * 6, HOSTILE)
    figures.draw_samples(paths[2], COLOUR[:1], ["one"], "A single image")
    figures.draw_curves(paths[3], HISTORY)
    figures.draw_curves(paths[4], HISTORY.assign(val_accuracy=[0.4, 0.8], val_loss=[1.1, 0.3])[:1])
    figures.draw_confusion_matrix(paths[5], [[5, 0], [1, 0]], [HOSTILE, "b"])
    figures.draw_confusion_matrix(paths[6], np.eye(80, dtype=int).tolist(), ["c"] * 80)
    figures.draw_mistakes(paths[7], COLOUR, MISTAKES)
    figures.draw_mistakes(paths[8], GREY[:0], [])
    figures.write_thumbnail(paths[9], GREY[0])
    return paths


def test_pictures_are_drawn_and_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    first, second = draw_all(tmp_path / "first"), draw_all(tmp_path / "second")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
        with Image.open(one) as picture:
            picture.verify()


def test_other_content_gives_other_pictures(tmp_path: Path) -> None:
    one, other = tmp_path / "one.png", tmp_path / "other.png"
    figures.draw_confusion_matrix(one, [[5, 0], [1, 4]], ["a", "b"])
    figures.draw_confusion_matrix(other, [[5, 0], [2, 3]], ["a", "b"])
    assert one.read_bytes() != other.read_bytes()


def test_layers_beyond_ten_go_on_in_the_next_column(tmp_path: Path) -> None:
    widths = []
    for count in (10, 13):
        figures.draw_layers(tmp_path / "layers.png", LAYERS[:count], (12, 12, 1), 4)
        with Image.open(tmp_path / "layers.png") as picture:
            widths.append(picture.width)
    assert widths[1] > 1.5 * widths[0]


@pytest.mark.parametrize(("side", "expected"), [(12, 96), (28, 84), (500, 96)])
def test_thumbnails_have_a_size_to_look_at(tmp_path: Path, side: int, expected: int) -> None:
    image = np.zeros((side, side, 3), dtype=np.uint8)
    figures.write_thumbnail(tmp_path / "t.png", image)
    with Image.open(tmp_path / "t.png") as picture:
        assert picture.size == (expected, expected)


def test_small_thumbnails_keep_their_pixels(tmp_path: Path) -> None:
    figures.write_thumbnail(tmp_path / "t.png", GREY[1])
    with Image.open(tmp_path / "t.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture)[::8, ::8], GREY[1, :, :, 0])
