"""What all pictures share: the canvas, the colours, and how names are cut and written."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, INK, GREY, LINE = "#0072B2", "#C14E00", "#1C2024", "#5F6368", "#D9DDE2"
"""Blue and orange are near those of the Okabe-Ito palette, which colour-blind readers can tell
apart; the orange is darker, so that it is legible as text on white."""

DOTS_PER_INCH = 192
"""Twice that of a plain screen: crisp on dense screens, shown at half the size in the page."""

LITERAL: dict[str, Any] = {"parse_math": False}
"""Keeps `$` in a name from starting a formula."""


def blank(width: float, height: float, layout: Literal["constrained"] | None = None) -> "Figure":
    """Make an empty figure.

    Args:
        width: Inches.
        height: Inches.
        layout: matplotlib's layout engine; None where everything is placed by hand.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout=layout, facecolor="white")


def save(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG, without the library's version, which would change the bytes.

    What a layout engine places is cut out with a border; it may leave the canvas otherwise.
    """
    placed = figure.get_layout_engine() is not None
    cut: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": 0.15} if placed else {}
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; the page shows it right.
        warnings.filterwarnings("ignore", message=r"Glyph \d+")
        figure.savefig(path, format="png", metadata={"Software": None}, **cut)


def plain(axes: "Axes", title: str) -> None:
    """Give a diagram its title, faint lines behind what is drawn, and no box around it."""
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    axes.grid(color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(color=GREY, labelsize=9)


def shorten(name: str, most: int) -> str:
    """Cut a name to `most` characters, on one line; an ellipsis shows the cut."""
    name = " ".join(name.split())
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"
