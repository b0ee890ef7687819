"""What all figures share: the canvas, the colours, axes and cells, and how names are written."""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.reporting.figures import webp

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

BLUE, ORANGE, INK, GREY, LINE = "#0072B2", "#C14E00", "#1C2024", "#5F6368", "#D9DDE2"
"""Blue and orange are close to those of the Okabe-Ito palette, which colour-blind readers can
distinguish; the orange is darker, so that it is legible as text on white."""

_DARK, _DARK_PAPER = {INK: "#E7E9EC", GREY: "#A5ADB6", ORANGE: "#FFAE70"}, "#14171A"

DOTS_PER_INCH = 192
"""Twice that of a standard screen: crisp on dense screens, shown at half the size on the page."""

_COMPRESSION = 3
"""For figures with photographs, zlib takes 2.5 times as long at its default of 6, to save 5 %."""

LEGEND = 9  # Points of the font of a legend

LITERAL: dict[str, Any] = {"parse_math": False}  # Keeps `$` in a name from starting a formula


def blank(width: float, height: float, layout: Literal["constrained"] | None = None) -> "Figure":
    """Create an empty figure.

    Args:
        width: Inches.
        height: Inches.
    """
    from matplotlib.figure import Figure  # without pyplot, which has global state

    return Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout=layout, facecolor="white")


def save(figure: "Figure", target: Path | io.BytesIO) -> None:
    """Write a figure as PNG, without the version of the library, which would change the bytes.

    A figure with a layout engine is cropped to its content with a border.
    """
    cropped = figure.get_layout_engine() is not None
    crop: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": 0.15} if cropped else {}
    with _missing_glyphs():
        figure.savefig(
            target,
            format="png",
            metadata={"Software": None},
            pil_kwargs={"compress_level": _COMPRESSION},
            **crop,
        )


def save_both(figure: "Figure", path: Path) -> None:
    """Write a figure with photographs, and beside it, as WebP, those for light and dark pages.

    The page inverts other figures itself. The colours are those of its style sheet.
    """
    from matplotlib.text import Text

    drawn = _pixels(figure)
    drawn.save(path, "PNG", compress_level=_COMPRESSION, dpi=(figure.dpi, figure.dpi))
    size = path.stat().st_size
    path.with_suffix(".webp").write_bytes(webp.encode(drawn, size))
    figure.set_facecolor(_DARK_PAPER)
    for text in figure.findobj(Text):
        text.set_color(_DARK.get(str(text.get_color()), _DARK[INK]))
    dark(path).write_bytes(webp.encode(_pixels(figure), size))


def _pixels(figure: "Figure") -> Image.Image:
    """Draw a figure without a layout engine."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    with _missing_glyphs():
        canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


@contextmanager
def _missing_glyphs() -> Iterator[None]:
    """Draw a name in a script that the font lacks as boxes; the page shows it correctly."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+")
        yield


def dark(path: Path) -> Path:
    """Return the path of a figure for dark pages."""
    return path.with_name(f"{path.stem}_dark.webp")


def plain(axes: "Axes") -> None:
    """Give a diagram faint grid lines and no box."""
    axes.grid(color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(color=GREY, labelsize=9)


def percentages(*axes: "Axis") -> None:
    """Write the ticks of axes as percentages, few enough to stay apart."""
    from matplotlib.axis import XAxis
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    for axis in axes:
        # Labels beside each other need more room than those above each other.
        axis.set_major_locator(
            MaxNLocator(4 if isinstance(axis, XAxis) else 6, steps=[1, 2, 2.5, 5, 10])
        )
        axis.set_major_formatter(PercentFormatter(1.0))


def show_legend(axes: "Axes") -> None:
    """Show the legend above a diagram, where it hides nothing."""
    legend = axes.legend(
        fontsize=LEGEND, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.3
    )
    for text in legend.get_texts():
        text.set(**LITERAL)


def write_cells(
    axes: "Axes", values: NDArray[Any], form: str, colour: Callable[[int, int], str], size: float
) -> None:
    """Write each value that is not 0 into its cell and separate the cells with white lines."""
    rows, columns = values.shape
    axes.hlines(np.arange(rows - 1) + 0.5, -0.5, columns - 0.5, color="white", linewidth=1)
    axes.vlines(np.arange(columns - 1) + 0.5, -0.5, rows - 0.5, color="white", linewidth=1)
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": size}
    for (row, column), value in np.ndenumerate(values):
        if value:
            axes.text(column, row, form.format(value), color=colour(row, column), **style)


def add_scale(axes: "Axes", cells: "AxesImage", label: str, **settings: Any) -> None:
    """Add a colour bar beside a matrix of cells."""
    bar = axes.figure.colorbar(cells, ax=axes, pad=0.02, **settings)
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=8)
    bar.set_label(label, fontsize=9)
    bar.outline.set_visible(False)
    axes.spines[:].set_color(GREY)
