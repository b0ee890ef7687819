import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from drawn_records import areas, coverage, mistakes, network, robustness
from sightline.data.validation.findings import Finding, Place
from sightline.records import (
    Calibration,
    ReliabilityBin,
)
from sightline.reporting.figures.augmentation import draw_augmentation
from sightline.reporting.figures.calibration import draw_calibration
from sightline.reporting.figures.confusion import draw_confusion_matrix
from sightline.reporting.figures.correct import draw_correct
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
from sightline.reporting.figures.threshold_curves import draw_threshold_curves
from sightline.reporting.figures.thumbnail import SMALL, write_thumbnail

HOSTILE = "<b>$x^2$</b> a name that goes on and on"
GREY = np.arange(6 * 12 * 12, dtype=np.uint8).reshape(6, 12, 12, 1)
COLOUR = np.repeat(GREY, 3, axis=-1)
HISTORY = pd.DataFrame({"epoch": [1, 2], "accuracy": [0.5, 0.9], "loss": [1.0, 0.2]})
VALIDATED = HISTORY.assign(val_accuracy=[0.4, 0.8], val_loss=[1.1, 0.3])
MAPS = np.random.default_rng(0).normal(scale=0.01, size=(6, 12, 12)).astype(np.float32)
FOUND = [
    Finding("leak", Place("test", 3, 0, "3.png"), Place("train", 5, 1, "5.png"), 0),
    Finding("blank", Place("train", 7, 1, HOSTILE), None, None),
]
CALIBRATION = Calibration(
    bins=(ReliabilityBin(low=0.5, high=1, images=40, confidence=0.9, accuracy=0.8),), error=0.1
)

AREAS = areas((0.9, None, 0.7), (0.0, None, 1.0))
MISTAKES = mistakes([HOSTILE] * 6)


FIGURES: dict[str, Callable[[Path], None]] = {
    "layers": partial(draw_layers, blueprint=network(["Conv2D", HOSTILE], (8, 8, 4), 40)),
    "samples": partial(draw_samples, images=GREY, labels=[HOSTILE] * 6),
    "augmentation": partial(draw_augmentation, views=COLOUR.reshape(3, 2, 12, 12, 3)),
    "correct": partial(
        draw_correct, images=COLOUR, labels=[HOSTILE] * 6, confidence=np.linspace(0.5, 1, 6)
    ),
    "curves": partial(draw_curves, history=VALIDATED),
    "curves with steps": partial(
        draw_curves, history=HISTORY[:1], steps=VALIDATED.assign(learning_rate=[0.1, 0.0])
    ),
    "both curves": partial(draw_both_curves, before=HISTORY, now=VALIDATED[:1]),
    "confusion": partial(
        draw_confusion_matrix, confusion=[[5, 0], [1, 0]], class_names=[HOSTILE, "b"]
    ),
    "mistakes": partial(draw_mistakes, images=COLOUR, mistakes=MISTAKES),
    "no mistakes": partial(draw_mistakes, images=GREY[:0], mistakes=[]),
    "thumbnail": partial(write_thumbnail, image=GREY[0]),
    "label errors": partial(draw_label_errors, images=GREY, errors=MISTAKES),
    "robustness": partial(draw_robustness, robustness=robustness(["blur", HOSTILE], 0.9, 0.3)),
    "saliency": partial(draw_saliency, images=COLOUR, maps=MAPS, mistakes=MISTAKES),
    "no saliency": partial(
        draw_saliency, images=GREY[:1], maps=0 * MAPS[:1], mistakes=MISTAKES[:1]
    ),
    "class activation": partial(
        draw_saliency, images=COLOUR, maps=MAPS[:, :3, :2], mistakes=MISTAKES
    ),
    "findings": partial(
        draw_findings, found=FOUND, images=[GREY[:2], GREY[:1]], class_names=[HOSTILE, "b"]
    ),
    "threshold curves": partial(
        draw_threshold_curves,
        found=AREAS,
        curves=np.linspace(0, 1, 2 * 3 * 201).reshape(2, 3, 201),
        class_names=[HOSTILE, "untested", "c"],
    ),
    "threshold curves of many classes": partial(
        draw_threshold_curves, found=AREAS, curves=np.ones((2, 1, 201)), class_names=["c"] * 3
    ),
    "calibration": partial(
        draw_calibration, calibration=CALIBRATION, coverage=coverage([1, 0.8, 0.5])
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_equal_input_gives_equal_bytes(tmp_path, name):
    for path in (tmp_path / "one.png", tmp_path / "other.png"):
        FIGURES[name](path)
        with Image.open(path) as image:
            image.verify()
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()


def test_drawing_libraries_are_imported_only_to_draw():
    code = (
        "import sys, sightline.reporting.report, sightline.reporting.page; "
        "assert not {'matplotlib', 'pandas', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", [r"$\badcommand{$", "猫 $", "two\nlines", "", "🙂" * 30])
def test_names_are_drawn_literally(tmp_path, name):
    path = tmp_path / "figure.png"
    draw_layers(path, network([name], (8, 8, 4), 40))
    draw_findings(path, FOUND, [GREY[:2], GREY[:1]], [name, name])
    draw_confusion_matrix(path, [[5, 0], [1, 4]], [name, "b"])
    draw_label_errors(path, GREY[:1], mistakes([name]))
    draw_robustness(path, robustness([name], 0.9, 0.3))


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def count(path, colour):
    return int((pixels(path) == colour).all(axis=-1).sum())


BLUE, ORANGE = (0x00, 0x72, 0xB2), (0xC1, 0x4E, 0x00)


def test_single_epoch_shows_as_markers(tmp_path):
    draw_curves(tmp_path / "curves.png", VALIDATED[:1])
    assert min(count(tmp_path / "curves.png", colour) for colour in (BLUE, ORANGE)) > 10


def test_single_epoch_with_steps_shows_as_a_curve_above_the_learning_rate(tmp_path):
    steps = pd.DataFrame({"epoch": np.arange(1, 51) / 50, "learning_rate": 0.001})
    steps = steps.assign(accuracy=steps["epoch"], loss=1 - steps["epoch"])
    draw_curves(tmp_path / "without.png", HISTORY[:1])
    draw_curves(tmp_path / "with.png", HISTORY[:1], steps)
    without, curve = (pixels(tmp_path / f"{name}.png") for name in ("without", "with"))
    assert len(curve) > 1.3 * len(without)  # another diagram below

    def bluish(shown):
        return np.count_nonzero(shown[..., 2] - shown[..., 0] > 40)

    assert bluish(curve) > bluish(without) + 200


def test_few_mistakes_show_beside_a_strong_diagonal(tmp_path):
    drawn = []
    for wrong in (0, 10):
        counts = 1000 * np.eye(61, dtype=int)
        counts[0, 60] = wrong
        draw_confusion_matrix(tmp_path / "m.png", counts.tolist(), ["c"] * 61)
        drawn.append(pixels(tmp_path / "m.png"))
    assert np.count_nonzero(drawn[0] - drawn[1] > 10) > 10


def test_accuracy_decides_the_colour_of_a_cell(tmp_path):
    means = []
    for accuracy in (0.97, 0.2):
        draw_robustness(tmp_path / "r.png", robustness(["blur"], 0.9, accuracy))
        means.append(pixels(tmp_path / "r.png").mean())
    assert means[0] > means[1] + 20


def test_figures_grow_with_their_content_up_to_a_sensible_size(tmp_path):
    path = tmp_path / "figure.png"

    def size(draw):
        draw(path)
        with Image.open(path) as image:
            return image.size

    def matrix(classes):
        counts = np.eye(classes, dtype=int).tolist()
        return size(partial(draw_confusion_matrix, confusion=counts, class_names=["c"] * classes))

    assert matrix(10) < matrix(1000)
    assert max(matrix(1000)) < 11 * 48  # 11 inches
    one, two = (
        size(partial(draw_layers, blueprint=network("a" * n, (8, 8, 4), 40))) for n in (30, 31)
    )
    assert two[0] > 1.5 * one[0]  # a second column
    square, flat = (
        size(partial(draw_samples, images=np.zeros(shape, np.uint8), labels=["a"] * 8))
        for shape in ((8, 16, 16, 1), (8, 16, 64, 1))
    )
    assert square[0] == flat[0]
    assert square[1] > flat[1]


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((8, 8, 3), (96, 96)),
        ((28, 28, 3), (112, 112)),
        ((64, 64, 3), (128, 128)),
        ((96, 96, 3), (96, 96)),
        ((500, 500, 3), (190, 190)),
        ((8, 32, 1), (96, 24)),
    ],
)
def test_thumbnails_have_a_visible_size_and_keep_their_proportions(tmp_path, shape, size):
    write_thumbnail(tmp_path / "t.png", np.zeros(shape, dtype=np.uint8))
    with Image.open(tmp_path / "t.png") as image:
        assert image.size == size


def test_small_photographs_stay_recognizable(tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8)
    photo[:, :60] //= 4
    write_thumbnail(tmp_path / "t.png", photo, SMALL)
    with Image.open(tmp_path / "t.png") as image:
        assert image.size == (72, 54)
        left, right = (
            np.asarray(image.convert("L"))[:, half] for half in (slice(30), slice(42, 72))
        )
    assert left.mean() == pytest.approx(32, abs=5)
    assert right.mean() == pytest.approx(127, abs=8)


def test_small_thumbnails_keep_their_pixels(tmp_path):
    write_thumbnail(tmp_path / "t.png", GREY[1])
    with Image.open(tmp_path / "t.png") as image:
        np.testing.assert_array_equal(np.asarray(image)[::8, ::8, 0], GREY[1, :, :, 0])


def test_black_and_white_findings_stand_out_from_their_ground(tmp_path):
    blank = [
        Finding("blank", Place("train", number, 0, f"{number}.png"), None, None)
        for number in (0, 1)
    ]
    images = [[np.full((12, 12, 1), value, dtype=np.uint8)] for value in (0, 255)]
    draw_findings(tmp_path / "f.png", blank, images, ["a", "b"])
    row = pixels(tmp_path / "f.png")[42, :, 0]
    borders = np.flatnonzero(np.diff(row))
    shades = [int(row[0]), *(int(row[border + 1]) for border in borders)]
    assert shades == [255, 221, 0, 221, 255, 221, 255, 221, 255]
