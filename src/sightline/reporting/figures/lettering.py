"""Text that fits: names are cut or wrapped to a width."""

import functools
import re
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence

_SLACK = 1.03  # Hinting makes letters up to 3 % wider
_LONGEST = 200  # Characters of which the width is computed


@functools.lru_cache(maxsize=4096)
def width(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of a line in inches; `size` is in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight=weight)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+")
        points, *_ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(_SLACK * points / 72)


def fitted(text: str, most: float, size: float, weight: str = "normal") -> str:
    """Cut the middle out of text that is wider than `most` inches, since names often end alike.

    An ellipsis shows the cut.
    """
    text = " ".join(text.split())
    if len(text) <= _LONGEST and width(text, size, weight) <= most:
        return text

    def measured(kept: int) -> float:
        return width(_ends(text, kept), size, weight)

    longest = range(1, min(len(text), _LONGEST))
    return _ends(text, bisect_right(longest, most, key=measured))


def _ends(text: str, kept: int) -> str:
    tail = kept // 2
    return f"{text[: kept - tail].rstrip()}…{text[len(text) - tail :].lstrip()}"


def distinct(names: Sequence[str], most: float, size: float) -> list[str]:
    """Fit names to a width; those that look alike then are numbered in their order, from 0."""
    shown = [fitted(name, most, size) for name in names]
    counts = Counter(shown)
    return [
        one if counts[one] == 1 else fitted(f"{number}: {names[number]}", most, size)
        for number, one in enumerate(shown)
    ]


def wrapped(
    text: str, most: float, size: float, weight: str = "normal", lines: int = 4
) -> list[str]:
    """Break text into lines of at most `most` inches; the last one is cut if it must be.

    Lines end after spaces, underscores, hyphens and slashes, or where nothing else fits.
    """
    parts = re.split(r"(?<=[ _/-])", " ".join(text.split())[:_LONGEST])
    pieces = [piece for part in parts for piece in _pieces(part, most, size, weight)]
    rows = [""]
    for piece in pieces:
        if width((rows[-1] + piece).rstrip(), size, weight) <= most:
            rows[-1] += piece
        else:
            rows.append(piece)
    if rows[lines:]:
        rows[lines - 1 :] = [fitted("".join(rows[lines - 1 :]), most, size, weight)]
    return [row.rstrip() for row in rows]


def _pieces(part: str, most: float, size: float, weight: str) -> Iterator[str]:
    """Break a word that is wider than a line."""
    while width(part.rstrip(), size, weight) > most and part[1:]:
        lengths = range(1, len(part))
        end = bisect_right(lengths, most, key=lambda end: width(part[:end], size, weight))
        yield part[: max(1, end)]
        part = part[max(1, end) :]
    yield part
