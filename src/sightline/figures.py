"""The pictures of a report: one function each, equal input gives equal bytes.

Figures are made without pyplot, so that drawing has no global state and needs no screen.
Colours are from the Okabe-Ito palette and "Blues", which colour-blind readers can tell apart.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.records import Layer, Mistake

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Images = NDArray[np.uint8]

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#5F6368"
_COLOURS = {
    "Conv2D": "#CFE3F3",
    "Dense": "#FBE3D3",
    "InputLayer": "#ECECEC",
    "ReLU": "#F7F7F7",
}
_DOTS_PER_INCH = 110
_NUMBERED_CLASSES = 20
_NAMED_CLASSES = 60
_LONGEST_NAME = 18
_LAYERS_A_COLUMN = 10
_THUMBNAIL_PIXELS = 96


def draw_layers(
    path: Path, layers: Sequence[Layer], image_shape: tuple[int, int, int], num_classes: int
) -> None:
    """Draw the model as a chain of boxes, top to bottom, then the next column.

    Args:
        path: PNG to write.
        layers: The layers in order.
        image_shape: Height, width, channels of the input.
        num_classes: Number of outputs.
    """
    columns = math.ceil(len(layers) / _LAYERS_A_COLUMN)
    rows = min(len(layers), _LAYERS_A_COLUMN)
    figure = _figure(4.0 * columns, 0.62 * rows + 0.7)
    axes = figure.subplots()
    axes.set(xlim=(0, columns), ylim=(rows + 0.3, -0.85))
    axes.axis("off")
    height, width, channels = image_shape
    total = sum(layer.parameters for layer in layers)
    title = f"{height}x{width}x{channels} pixels to {num_classes} classes, {total:,} parameters"
    axes.text(0.05, -0.45, title, fontsize=11, fontweight="bold", va="center")
    for number, layer in enumerate(layers):
        column, row = divmod(number, _LAYERS_A_COLUMN)
        _draw_layer(axes, layer, column, row, is_last=number == len(layers) - 1)
    _save(figure, path)


def _draw_layer(axes: "Axes", layer: Layer, column: int, row: int, *, is_last: bool) -> None:
    from matplotlib.patches import FancyBboxPatch

    left, width = column + 0.05, 0.88
    box = FancyBboxPatch(
        (left, row),
        width,
        0.66,
        boxstyle="round,pad=0,rounding_size=0.03",
        mutation_aspect=4.0,
        facecolor=_COLOURS.get(layer.kind, "#E6F2E6"),
        edgecolor=GREY,
        linewidth=0.8,
    )
    axes.add_patch(box)
    shape = " x ".join(str(side) for side in layer.output_shape)
    axes.text(left + 0.03, row + 0.33, layer.kind, fontsize=9.5, va="center", fontweight="bold")
    axes.text(left + 0.6, row + 0.33, shape, fontsize=9, va="center", ha="center")
    if layer.parameters:
        numbers = f"{layer.parameters:,}"
        axes.text(left + width - 0.03, row + 0.33, numbers, fontsize=9, va="center", ha="right")
    if not is_last and row < _LAYERS_A_COLUMN - 1:
        middle = left + width / 2
        axes.plot([middle, middle], [row + 0.66, row + 1], color=GREY, linewidth=1)


def draw_samples(path: Path, images: Images, labels: Sequence[str], title: str) -> None:
    """Draw a grid of images with their class names.

    Args:
        path: PNG to write.
        images: uint8 array of shape (m, height, width, channels), m at least 1.
        labels: Class name of each image.
        title: Heading of the picture.
    """
    _draw_grid(path, images, [_short(label) for label in labels], title, columns=8)


def draw_mistakes(path: Path, images: Images, mistakes: Sequence[Mistake]) -> None:
    """Draw wrong predictions with label, prediction and probability.

    Args:
        path: PNG to write.
        images: uint8 array of shape (m, height, width, channels).
        mistakes: One for each image; without any, the picture says so.
    """
    if not mistakes:
        figure = _figure(6, 1.5)
        figure.text(0.5, 0.5, "No test image was misclassified.", ha="center", va="center")
        _save(figure, path)
        return
    captions = [
        f"{_short(mistake.label)}\ntaken for {_short(mistake.predicted)}\n{mistake.probability:.1%}"
        for mistake in mistakes
    ]
    _draw_grid(path, images, captions, "The most confident mistakes", columns=6)


def _draw_grid(
    path: Path, images: Images, captions: Sequence[str], title: str, columns: int
) -> None:
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    lines = 1 + max(caption.count("\n") for caption in captions)
    figure = _figure(1.25 * max(columns, 4), rows * (1.05 + 0.19 * lines) + 0.45)
    figure.suptitle(_literal(title), fontsize=11, fontweight="bold")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, image, caption in zip(grid.flat, images, captions, strict=False):
        axes.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)
        axes.set_title(_literal(caption), fontsize=8.5, y=-0.06, va="top")
    _save(figure, path)


def draw_curves(path: Path, history: "pd.DataFrame") -> None:
    """Draw accuracy and loss over the epochs, for training and, where watched, validation.

    Args:
        path: PNG to write.
        history: One row an epoch: epoch, accuracy, loss, maybe val_accuracy and val_loss.
    """
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure = _figure(9, 3.4)
    panels = figure.subplots(1, 2)
    for axes, metric, label in zip(
        panels, ("accuracy", "loss"), ("accuracy", "loss (cross-entropy, nats)"), strict=True
    ):
        axes.plot(history["epoch"], history[metric], "o-", color=BLUE, label="training")
        if f"val_{metric}" in history:
            axes.plot(
                history["epoch"], history[f"val_{metric}"], "s--", color=ORANGE, label="validation"
            )
        axes.legend(frameon=False)
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].yaxis.set_major_formatter(PercentFormatter(1.0))
    _save(figure, path)


def draw_confusion_matrix(
    path: Path, confusion: Sequence[Sequence[int]], class_names: Sequence[str]
) -> None:
    """Draw which class was taken for which; the colour is the share of the row.

    Args:
        path: PNG to write.
        confusion: Counts; row: label, column: prediction.
        class_names: Names in label order; left out beyond 60 classes, numbers beyond 20.
    """
    from matplotlib.colors import PowerNorm

    counts = np.asarray(confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    classes = len(class_names)
    side = min(3.0 + 0.42 * classes, 10.0)
    figure = _figure(side + 1.2, side)
    axes = figure.subplots()
    # The square root lets a few mistakes show beside a strong diagonal.
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
    bar = figure.colorbar(image, ax=axes, shrink=0.8, format=lambda share, _: f"{share:.0%}")
    bar.set_label("share of the examples of the label")
    axes.set(xlabel="predicted class", ylabel="label")
    axes.set_xticks([])
    axes.set_yticks([])
    if classes <= _NAMED_CLASSES:
        names = [_literal(_short(name)) for name in class_names]
        size = 9 if classes <= _NUMBERED_CLASSES else 6
        turned = 90 if max(len(name) for name in names) > 2 else 0  # noqa: PLR2004 - digits fit
        axes.set_xticks(range(classes), names, rotation=turned, fontsize=size)
        axes.set_yticks(range(classes), names, fontsize=size)
    if classes <= _NUMBERED_CLASSES:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                colour = "white" if shares[row, column] > 0.4 else "black"  # noqa: PLR2004 - contrast
                axes.text(
                    column, row, f"{count:,}", ha="center", va="center", fontsize=8, color=colour
                )
    _save(figure, path)


def write_thumbnail(path: Path, image: Images) -> None:
    """Write one image, small ones enlarged by whole pixels and large ones reduced.

    Args:
        path: PNG to write.
        image: uint8 array of shape (height, width, channels).
    """
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    longest = max(picture.size)
    if longest > _THUMBNAIL_PIXELS:
        picture.thumbnail((_THUMBNAIL_PIXELS, _THUMBNAIL_PIXELS))
    else:
        factor = _THUMBNAIL_PIXELS // longest
        size = (picture.width * factor, picture.height * factor)
        picture = picture.resize(size, Image.Resampling.NEAREST)
    picture.save(path, optimize=True)


def _figure(width: float, height: float) -> "Figure":
    """Make an empty figure; sizes in inches."""
    from matplotlib.figure import Figure

    return Figure(
        figsize=(width, height), dpi=_DOTS_PER_INCH, layout="constrained", facecolor="white"
    )


def _save(figure: "Figure", path: Path) -> None:
    metadata: dict[str, Any] = {"Software": None}  # the library's version would change the bytes
    figure.savefig(path, metadata=metadata, bbox_inches="tight", pad_inches=0.12)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _literal(text: str) -> str:
    """Keep matplotlib from reading `$` as the start of a formula."""
    return text.replace("$", r"\$")
