"""Text in figures neither overlaps nor leaves the canvas, whatever the classes are called."""

from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from drawn_records import areas, mistakes, network, robustness
from excerpts import CONFIG, excerpt, with_recipe
from sightline.data.validation.findings import Finding, Place
from sightline.experiments.history import Entry
from sightline.records import (
    Calibration,
    CoveragePoint,
    ReliabilityBin,
)
from sightline.reporting.figures import canvas
from sightline.reporting.figures.accuracy_history import draw_accuracy_history
from sightline.reporting.figures.calibration import draw_calibration
from sightline.reporting.figures.confusion import draw_confusion_matrix
from sightline.reporting.figures.curves import draw_both_curves, draw_curves
from sightline.reporting.figures.grid import (
    draw_findings,
    draw_label_errors,
    draw_samples,
    draw_titled_samples,
)
from sightline.reporting.figures.layers import draw_layers
from sightline.reporting.figures.robustness import draw_robustness
from sightline.reporting.figures.saliency import draw_saliency
from sightline.reporting.figures.threshold_curves import draw_threshold_curves

TOUCHING = 0.5  # Pixels by which boxes of text may overlap


def names(classes, kind):
    """Make as many names, of 1 to 40 characters."""
    dog = "golden retriever go"
    made = {
        "short": lambda n: chr(0x3B1 + n),
        "ordinary": lambda n: f"African elephant (female, {n})",
        "underscores": lambda n: f"black_and_white_colobus_monkey_{n}",
        "wide": lambda n: f"{'W' * 37}{n:03}",
        "same ends": lambda n: f"{dog}{n:02}puppy in the garden",
    }
    return [made[kind](number) for number in range(classes)]


KINDS = ["short", "ordinary", "underscores", "wide", "same ends"]


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """Draw a figure and return its texts with their boxes, in pixels."""
    drawn = []

    def savefig(figure, *args, **kwargs):
        figure.set_dpi(192)  # other tests draw coarsely, which rounds the letters up
        figure.draw_without_rendering()
        drawn.append(figure)

    def pixels(figure):
        savefig(figure)
        return Image.new("RGB", (8, 8))

    monkeypatch.setattr(Figure, "savefig", savefig)
    monkeypatch.setattr(canvas, "_pixels", pixels)

    def measure(draw):
        drawn.clear()
        draw(tmp_path / "figure.png")
        figure = drawn[0]
        hidden = {*hidden_ticks(figure)}
        texts = [one for one in figure.findobj(Text) if one.get_visible() and one not in hidden]
        boxes = [
            (one.get_text(), one.get_window_extent()) for one in texts if one.get_text().strip()
        ]
        check(figure, boxes)
        return [text for text, _ in boxes]

    return measure


def hidden_ticks(figure):
    """List the labels of ticks beyond the limits, which are kept but not drawn."""
    for axes in figure.findobj(Axes):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if not low <= tick.get_loc() <= high:
                    yield from (tick.label1, tick.label2)


def check(figure, boxes):
    for (text, box), (other, second) in combinations(boxes, 2):
        overlap = min(box.x1, second.x1) - max(box.x0, second.x0)
        height = min(box.y1, second.y1) - max(box.y0, second.y0)
        assert min(overlap, height) <= TOUCHING, f"{text!r} overlaps {other!r}"
    for axes in figure.axes:
        if legend := axes.get_legend():
            assert not legend.get_window_extent().overlaps(axes.bbox), "a legend hides a diagram"
    if figure.get_layout_engine() is None:  # else the file is cropped to the content
        for text, box in boxes:
            assert box.x0 >= 0, text
            assert box.y0 >= 0, text
            assert box.x1 <= figure.bbox.x1, text
            assert box.y1 <= figure.bbox.y1, text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [2, 3, 10, 30, 60])
def test_confusion_matrix_has_distinct_names_and_its_numbers(measured, classes, kind):
    counts = 8 * np.eye(classes, dtype=int)
    counts[0, -1] = 3
    texts = measured(
        partial(draw_confusion_matrix, confusion=counts.tolist(), class_names=names(classes, kind))
    )
    assert texts.count("8") == classes
    assert "3" in texts
    labels = [one for one in texts if one not in {"8", "3"}]
    # Each name stands on both axes.
    assert sum(labels.count(one) == 2 for one in set(labels)) == classes


def test_confusion_matrix_of_many_classes_has_numbers_on_its_axes(measured):
    counts = 8 * np.eye(100, dtype=int)
    draw = partial(draw_confusion_matrix, confusion=counts.tolist(), class_names=names(100, "wide"))
    texts = measured(draw)
    assert "predicted class (number)" in texts
    assert texts.count("20") == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(12, 12, 1), (10, 40, 3)])
def test_captions_of_photographs_stay_apart(measured, kind, shape):
    images = np.zeros((8, *shape), np.uint8)
    texts = measured(partial(draw_samples, images=images, labels=names(8, kind)))
    assert "".join(names(8, kind)[7].split())[-1] in "".join(texts)
    measured(partial(draw_label_errors, images=images, errors=mistakes(names(8, kind))))
    found = [
        Finding("near_leak", Place("validation", 9, n, name), Place("train", 1, n + 1, name), 0)
        for n, name in enumerate(names(5, kind))
    ]
    pairs = [images[:2]] * 5
    measured(partial(draw_findings, found=found, images=pairs, class_names=names(8, kind)))
    maps = np.full((8, *shape[:2]), 0.01, np.float32)
    measured(partial(draw_saliency, images=images, maps=maps, mistakes=mistakes(names(8, kind))))
    title = f"Samples of {'w' * 40} (20 of 1,000 classes)"
    texts = measured(
        partial(draw_titled_samples, images=images[:2], labels=["a", "b"], title=title, columns=9)
    )
    assert texts[0].startswith("Samples of")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("area", [0.5, 0.99995])
def test_threshold_curves_have_room_for_the_name_of_the_weakest_class(measured, kind, area):
    found = areas([area] * 2, [area] * 2).model_copy(
        update={"roc_auc": area, "average_precision": area}
    )
    curves = np.full((2, 3, 201), area, np.float32)
    draw = partial(draw_threshold_curves, found=found, curves=curves, class_names=names(2, kind))
    assert sum("weakest" in text for text in measured(draw)) == 2


@pytest.mark.parametrize("least", [0.0, 0.5, 0.9, 0.995, 0.99991])
def test_calibration_has_readable_ticks_in_every_range(measured, least):
    bins = (ReliabilityBin(low=0.9, high=1, images=40, confidence=0.99, accuracy=0.98),)
    coverage = [
        CoveragePoint(threshold=threshold, coverage=share, accuracy=1 - (1 - least) / 7 * share)
        for threshold, share in zip(
            (0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999),
            np.linspace(1, least, 10),
            strict=True,
        )
    ]
    calibration = Calibration(bins=bins, error=0.1)
    measured(partial(draw_calibration, calibration=calibration, coverage=coverage))
    alone = [CoveragePoint(threshold=0, coverage=1, accuracy=least)]
    measured(partial(draw_calibration, calibration=calibration, coverage=alone))


@pytest.mark.parametrize("rows", [1, 2, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_robustness_has_readable_ticks_and_numbers(measured, rows, kind):
    made = robustness(names(rows, kind), 1.0, 0.9, 0.8, 0.7, 0.6)
    assert measured(partial(draw_robustness, robustness=made)).count("100.0%") == rows


@pytest.mark.parametrize("least", [0.0, 0.99, 0.9999])
@pytest.mark.parametrize("epochs", [1, 2, 200])
def test_learning_curves_have_readable_ticks_and_legends_beside_the_lines(measured, least, epochs):
    accuracy = np.linspace(least, 1, epochs)
    columns = {"accuracy": accuracy, "loss": 1 - accuracy}
    history = pd.DataFrame({"epoch": np.arange(1, epochs + 1), **columns, "learning_rate": 0.003})
    history = history.assign(val_accuracy=accuracy, val_loss=1 - accuracy)
    measured(partial(draw_curves, history=history, steps=history))
    measured(partial(draw_both_curves, before=history, now=history))


@pytest.mark.parametrize("kind", KINDS)
def test_layers_have_room_for_their_names_and_sizes(measured, kind):
    blueprint = network(names(31, kind), (224, 224, 2048), 99_999_999)
    assert measured(partial(draw_layers, blueprint=blueprint)).count("99,999,999") == 31


@pytest.mark.parametrize("kind", KINDS)
def test_accuracy_history_has_room_for_its_names(measured, monkeypatch, kind):
    monkeypatch.setattr("PIL.Image.open", lambda _: Image.new("RGB", (1, 1)))
    runs = [
        Entry(
            excerpt(accuracy=0.99, config=with_recipe(CONFIG, recipe)),
            band=None,
            change=None,
            is_noise=None,
        )
        for recipe in names(7, kind)
    ]
    panels = {f"{'w' * 38}{number}": runs for number in range(2)}
    measured(lambda path: draw_accuracy_history(path, panels))
