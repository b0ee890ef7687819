import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sightline.data.validation.findings import Finding, Place
from sightline.records import (
    CorruptionMetrics,
    FileRecord,
    Layer,
    Mistake,
    ModelBlueprint,
    Robustness,
)
from sightline.reporting.figures.confusion import draw_confusion_matrix
from sightline.reporting.figures.curves import draw_both_curves, draw_curves
from sightline.reporting.figures.grid import (
    draw_findings,
    draw_label_errors,
    draw_mistakes,
    draw_samples,
)
from sightline.reporting.figures.layers import draw_layers
from sightline.reporting.figures.robustness import draw_robustness
from sightline.reporting.figures.saliency import draw_saliency
from sightline.reporting.figures.thumbnail import write_thumbnail

HOSTILE = "<b>$x^2$</b> a name that goes on and on"
GREY = np.arange(6 * 12 * 12, dtype=np.uint8).reshape(6, 12, 12, 1)
COLOUR = np.repeat(GREY, 3, axis=-1)
HISTORY = pd.DataFrame({"epoch": [1, 2], "accuracy": [0.5, 0.9], "loss": [1.0, 0.2]})
MISTAKES = [
    Mistake(index=number, label=HOSTILE, predicted="b", probability=0.9, label_probability=0.1)
    for number in range(6)
]
FOUND = [
    Finding("leak", Place("test", 3, 0), Place("train", 5, 1), 0),
    Finding("blank", Place("train", 7, 1), None, None),
]
LAYERS = [
    Layer(name=f"layer_{number}", kind="Conv2D", output_shape=(8, 8, 4), parameters=40)
    for number in range(13)
]
ROBUSTNESS = Robustness(
    images=1000,
    accuracy=0.98,
    corruptions=tuple(
        CorruptionMetrics(corruption=name, accuracies=(0.97, 0.9, 0.6, 0.3, number / 20))
        for number, name in enumerate(("shift", HOSTILE, "blur"))
    ),
)
MAPS = np.random.default_rng(0).normal(scale=0.01, size=(6, 12, 12)).astype(np.float32)


def network(layers: list[Layer]) -> ModelBlueprint:
    file = FileRecord(path="a", sha256="a" * 64, bytes=1)
    return ModelBlueprint(
        architecture=file,
        summary=file,
        layers=tuple(layers),
        parameters=40,
        image_shape=(12, 12, 1),
        num_classes=4,
    )


def draw_all(folder: Path) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{number}.png" for number in range(18)]
    draw_layers(paths[0], network(LAYERS))
    draw_samples(paths[1], GREY, [HOSTILE] * 6, HOSTILE)
    draw_samples(paths[2], COLOUR[:1], ["one"], "A single image")
    draw_curves(paths[3], HISTORY)
    draw_curves(paths[4], HISTORY.assign(val_accuracy=[0.4, 0.8], val_loss=[1.1, 0.3])[:1])
    draw_both_curves(paths[17], HISTORY, HISTORY.assign(val_accuracy=0.5, val_loss=1.0)[:1])
    draw_confusion_matrix(paths[5], [[5, 0], [1, 0]], [HOSTILE, "b"])
    draw_confusion_matrix(paths[6], np.eye(80, dtype=int).tolist(), ["c"] * 80)
    draw_mistakes(paths[7], COLOUR, MISTAKES)
    draw_mistakes(paths[8], GREY[:0], [])
    write_thumbnail(paths[9], GREY[0])
    draw_label_errors(paths[10], GREY, MISTAKES)
    draw_label_errors(paths[11], GREY[:0], [])
    draw_robustness(paths[12], ROBUSTNESS)
    draw_saliency(paths[13], COLOUR, MAPS, MISTAKES)
    draw_saliency(paths[14], GREY[:1], 0 * MAPS[:1], MISTAKES[:1])
    draw_findings(paths[15], FOUND, [GREY[:2], GREY[:1]], [HOSTILE, "b"])
    draw_findings(paths[16], FOUND[:1], [COLOUR[:2]], [HOSTILE, "b"])
    return paths


def test_pictures_are_drawn_and_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    first, second = draw_all(tmp_path / "first"), draw_all(tmp_path / "second")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
        with Image.open(one) as picture:
            picture.verify()


def test_drawing_libraries_are_imported_only_to_draw() -> None:
    code = (
        "import sys, sightline.reporting.figures, sightline.reporting.page; "
        "assert not {'matplotlib', 'pandas', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", [r"$\badcommand{$", "猫 $", "two\nlines", "", "🙂" * 30])
def test_names_are_drawn_literally_whatever_they_are(tmp_path: Path, name: str) -> None:
    path = tmp_path / "picture.png"
    layer = Layer(name=name, kind=name, output_shape=(4,), parameters=1)
    mistake = MISTAKES[0].model_copy(update={"label": name, "predicted": name})
    draw_layers(path, network([layer]))
    draw_samples(path, GREY[:1], [name], name)
    draw_mistakes(path, GREY[:1], [mistake])
    draw_findings(path, FOUND, [GREY[:2], GREY[:1]], [name, name])
    draw_confusion_matrix(path, [[5, 0], [1, 4]], [name, "b"])
    draw_label_errors(path, GREY[:1], [mistake])
    draw_saliency(path, GREY[:1], MAPS[:1], [mistake])


def test_single_epoch_shows_as_markers(tmp_path: Path) -> None:
    path = tmp_path / "curves.png"
    one = pd.DataFrame({"epoch": [1], "accuracy": [0.5], "loss": [1.0]})
    draw_curves(path, one.assign(val_accuracy=[0.4], val_loss=[1.1]))
    with Image.open(path) as picture:
        counted = picture.convert("RGB").getcolors(1 << 20) or []
    colours = {colour: count for count, colour in counted}
    assert min(colours[0x00, 0x72, 0xB2], colours[0xC1, 0x4E, 0x00]) > 200


def test_few_mistakes_show_beside_a_strong_diagonal(tmp_path: Path) -> None:
    pictures = []
    for mistakes in (0, 10):
        counts = 1000 * np.eye(61, dtype=int)
        counts[0, 60] = mistakes
        draw_confusion_matrix(tmp_path / "m.png", counts.tolist(), ["c"] * 61)
        with Image.open(tmp_path / "m.png") as picture:
            pictures.append(np.asarray(picture.convert("L")).astype(int))
    assert np.count_nonzero(pictures[0] - pictures[1] > 10) > 100


def test_pixels_for_the_class_are_orange_and_those_against_it_blue(tmp_path: Path) -> None:
    path = tmp_path / "saliency.png"
    maps = np.zeros((1, 12, 12), np.float32)
    maps[0, :4], maps[0, 4:8] = 0.02, -0.02
    draw_saliency(path, GREY[:1], maps, MISTAKES[:1])
    with Image.open(path) as picture:
        counted = picture.convert("RGB").getcolors(1 << 20) or []
    colours = {colour: count for count, colour in counted}
    orange, blue = colours[0xC1, 0x4E, 0x00], colours[0x00, 0x72, 0xB2]
    assert min(orange, blue) > 10_000
    assert orange == pytest.approx(blue, rel=0.05)


def test_each_accuracy_is_a_colour_of_its_own(tmp_path: Path) -> None:
    pictures = []
    for accuracy in (0.97, 0.2):
        row = CorruptionMetrics(corruption="blur", accuracies=(accuracy,) * 5)
        draw_robustness(tmp_path / "r.png", ROBUSTNESS.model_copy(update={"corruptions": (row,)}))
        with Image.open(tmp_path / "r.png") as picture:
            pictures.append(picture.convert("L").resize((1, 1)).getpixel((0, 0)))
    assert pictures[0] > pictures[1] + 20


def test_a_thousand_classes_fit_into_a_picture_of_sensible_size(tmp_path: Path) -> None:
    path = tmp_path / "matrix.png"
    counts = np.eye(1000, dtype=int).tolist()
    draw_confusion_matrix(path, counts, [f"class {number}" for number in range(1000)])
    with Image.open(path) as picture:
        assert 1000 < picture.width < 2200
        assert 1000 < picture.height < 2200


def test_flat_images_get_flat_tiles(tmp_path: Path) -> None:
    sizes = []
    for shape in ((8, 16, 16, 1), (8, 16, 64, 1)):
        draw_samples(tmp_path / "s.png", np.zeros(shape, np.uint8), ["a"] * 8, "t")
        with Image.open(tmp_path / "s.png") as picture:
            sizes.append(picture.size)
    assert sizes[0][0] == sizes[1][0]
    assert sizes[0][1] > sizes[1][1]


def test_other_content_gives_other_pictures(tmp_path: Path) -> None:
    one, other = tmp_path / "one.png", tmp_path / "other.png"
    draw_confusion_matrix(one, [[5, 0], [1, 4]], ["a", "b"])
    draw_confusion_matrix(other, [[5, 0], [2, 3]], ["a", "b"])
    assert one.read_bytes() != other.read_bytes()


def test_layers_beyond_thirty_go_on_in_the_next_column(tmp_path: Path) -> None:
    widths = []
    for count in (30, 31):
        draw_layers(tmp_path / "layers.png", network((3 * LAYERS)[:count]))
        with Image.open(tmp_path / "layers.png") as picture:
            widths.append(picture.width)
    assert widths[1] > 1.5 * widths[0]


@pytest.mark.parametrize(
    ("side", "expected"), [(8, 96), (28, 112), (64, 128), (96, 96), (500, 190)]
)
def test_thumbnails_have_a_size_to_look_at(tmp_path: Path, side: int, expected: int) -> None:
    image = np.zeros((side, side, 3), dtype=np.uint8)
    write_thumbnail(tmp_path / "t.png", image)
    with Image.open(tmp_path / "t.png") as picture:
        assert picture.size == (expected, expected)


def test_long_thumbnails_keep_their_proportions(tmp_path: Path) -> None:
    write_thumbnail(tmp_path / "t.png", np.zeros((8, 32, 1), dtype=np.uint8))
    with Image.open(tmp_path / "t.png") as picture:
        assert picture.size == (96, 24)


def test_small_thumbnails_keep_their_pixels(tmp_path: Path) -> None:
    write_thumbnail(tmp_path / "t.png", GREY[1])
    with Image.open(tmp_path / "t.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture)[::8, ::8], GREY[1, :, :, 0])


def test_black_and_white_findings_are_seen_beside_their_ground(tmp_path: Path) -> None:
    path = tmp_path / "findings.png"
    blank = [Finding("blank", Place("train", number, 0), None, None) for number in (0, 1)]
    images = [[np.full((12, 12, 1), value, dtype=np.uint8)] for value in (0, 255)]
    draw_findings(path, blank, images, ["a", "b"])
    with Image.open(path) as picture:
        row = np.asarray(picture.convert("L"))[170]
    borders = np.flatnonzero(np.diff(row.astype(int)))
    shades = [int(row[0]), *(int(row[border + 1]) for border in borders)]
    assert shades == [255, 221, 0, 221, 255, 221, 255, 221, 255]
