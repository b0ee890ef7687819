"""The layers of the model as a chain of boxes."""

import math
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from sightline.records import Layer, ModelBlueprint
from sightline.reporting.figures import lettering
from sightline.reporting.figures.canvas import GREY, INK, LITERAL, blank, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROWS = 30  # Layers per column; longer models continue in the next column
_PITCH, _BOX = 0.36, 0.27
_TOP, _WIDTH, _MARGIN, _GUTTER = 0.4, 6.6, 0.15, 1.15
"""Inches: height of a row, of a box, of the headings; width of a column, its margin, and the
space for the resolution."""

_NAME = 2.0  # Inches from the left of a box to the name
_COLOURS = {"Conv": "#CFE3F3", "Dense": "#FBE3D3", "Pooling": "#DDEEDD", "Input": "#ECECEC"}
_OTHER = "#F7F7F7"
_SPATIAL = 3  # Dimensions of an output that is an image: height, width, channels


def draw_layers(path: Path, blueprint: ModelBlueprint) -> None:
    """Draw the layers from top to bottom with the resolution of their outputs on the left."""
    layers, image_shape = blueprint.layers, blueprint.image_shape
    columns = math.ceil(len(layers) / _ROWS)
    # Columns of nearly equal length look better than a full and a short one.
    rows = math.ceil(len(layers) / columns)
    width, height = columns * _WIDTH, _TOP + rows * _PITCH + _MARGIN
    figure = blank(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    for column in range(columns):
        shown = layers[column * rows : (column + 1) * rows]
        _draw_column(axes, shown, column * _WIDTH, image_shape)
    save(figure, path)


def _draw_column(
    axes: "Axes", layers: Sequence[Layer], left: float, image_shape: tuple[int, int, int]
) -> None:
    box = left + _MARGIN + _GUTTER
    right = left + _WIDTH - _MARGIN
    heads = (
        (left + _MARGIN + _GUTTER / 2 - 0.1, "resolution", "center"),
        (box + 0.1, "layer", "left"),
        (right - 1.0, "output", "right"),
        (right - 0.1, "parameters", "right"),
    )
    for place, text, align in heads:
        axes.text(place, _TOP - 0.14, text, fontsize=8, color=GREY, ha=align, va="center")
    for row, layer in enumerate(layers):
        _draw_layer(axes, layer, box, right, _TOP + row * _PITCH, is_first=row == 0)
    row = 0
    for shape, group in groupby(layers, key=_resolution):
        count = len(list(group))
        if shape:
            share = math.sqrt(math.prod(shape) / math.prod(image_shape[:2]))
            _draw_resolution(axes, shape, share, left + _MARGIN, row, count)
        row += count


def _draw_layer(
    axes: "Axes", layer: Layer, left: float, right: float, top: float, *, is_first: bool
) -> None:
    from matplotlib.patches import FancyBboxPatch

    colour = next((colour for kind, colour in _COLOURS.items() if kind in layer.kind), _OTHER)
    shape = "round,pad=0,rounding_size=0.05"
    box = FancyBboxPatch((left, top), right - left, _BOX, boxstyle=shape, linewidth=0.7)
    box.set(facecolor=colour, edgecolor=GREY)
    axes.add_patch(box)
    if not is_first:
        stem = (left + 0.35, left + 0.35)
        axes.plot(stem, (top - _PITCH + _BOX, top), color=GREY, linewidth=1)
    middle = top + _BOX / 2
    style = {"va": "center", "color": INK, **LITERAL}
    kind = lettering.fitted(layer.kind, _NAME - 0.2, 9, "bold")
    axes.text(left + 0.1, middle, kind, fontsize=9, fontweight="bold", **style)
    output = _times(layer.output_shape)
    room = right - 1.0 - lettering.width(output, 9) - (left + _NAME) - 0.1
    name = lettering.fitted(layer.name, room, 8)
    axes.text(left + _NAME, middle, name, fontsize=8, **style | {"color": GREY})
    axes.text(right - 1.0, middle, output, fontsize=9, ha="right", **style)
    if layer.parameters:
        axes.text(right - 0.1, middle, f"{layer.parameters:,}", fontsize=9, ha="right", **style)


def _draw_resolution(
    axes: "Axes", shape: tuple[int, ...], share: float, left: float, row: int, count: int
) -> None:
    """Draw a block whose width shows the resolution."""
    from matplotlib.patches import Rectangle

    room = _GUTTER - 0.2
    width = max(share, 0.08) * room
    top, height = _TOP + row * _PITCH, count * _PITCH - (_PITCH - _BOX)
    corner = (left + (room - width) / 2, top)
    axes.add_patch(Rectangle(corner, width, height, facecolor="#CFE3F3", linewidth=0))
    middle = (left + room / 2, top + height / 2)
    axes.text(*middle, _times(shape), fontsize=8, ha="center", va="center", color=INK)


def _resolution(layer: Layer) -> tuple[int, ...]:
    """Return height and width of a layer's output; nothing if it is not an image."""
    return layer.output_shape[:2] if len(layer.output_shape) == _SPATIAL else ()


def _times(shape: Sequence[int]) -> str:
    return " × ".join(str(side) for side in shape)  # noqa: RUF001 - the sign is meant
