"""Find how the pixels in arrays and tables are scaled, and bring them to 0 to 255."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.data.readers.base import WHITES

_DARK = -0.5  # images from -1 to 1 have a value below; images from -0.5 to 0.5 have not
_DEEP = 0.01  # share of pixels above 255 that are no mistakes in images of 8 bits
_DIM = 16  # White in images of 4 bits, such as the digits of scikit-learn
_TOLERANCE = 1e-3  # of a gray level, for errors of rounding in float32

Values = Callable[[], Iterator[NDArray[Any]]]
"""Starts a stream of the pixels of a split, in blocks of numbers or truth values."""


class Scale(NamedTuple):
    """The scale of pixels that are not from 0 to 255."""

    black: int  # 0 or -1
    white: int  # 1, or the value that is white in 10, 12 or 16 bits
    note: str  # A sentence that states the scale

    def levels(self, arrays: Iterator[NDArray[Any]]) -> Iterator[NDArray[np.float64]]:
        """Yield float64 arrays of the same shapes: integers, 0 for black and 255 for white."""
        return (np.rint(_unrounded(values, self.black, self.white)) for values in arrays)


def deep_white(scale: Scale | None) -> int:
    """Return the value that is white in images of 16 bits, for predictions."""
    return scale.white if scale and scale.white > 1 else WHITES[-1]


def describe_dark(splits: Sequence[Values]) -> tuple[str, ...]:
    """Return a note if no pixel exceeds 16 of 255, or if one split alone has only 0 and 1.

    Reads each split up to the first brighter pixel.
    """
    brightest = list(map(_brightest, splits))
    white = max(brightest)
    if 0 < min(brightest) <= 1 < white:
        return (
            "All pixels of one split are 0 or 1, but not those of another; give the images of all "
            "splits one scale.",
        )
    if not 0 < white <= _DIM:
        return ()
    return (
        f"The brightest pixel of all images is {white:g} of 255, so that they are nearly black; if "
        f"{white:g} is white, multiply them by {255 / white:g} and round.",
    )


def _brightest(split: Values) -> float:
    highest = 0.0
    for values in split():
        highest = max(highest, float(values.max()))
        if not highest <= _DIM:
            break
    return highest


def find_scale(splits: Sequence[Values], white: Literal["auto"] | int) -> Scale | None:
    """Return the scale of the images of all splits; None unless it is plain, or 0 to 255.

    Plain are: 0 and 1 alone, not all of them 0; floating-point values from 0 to 1; the same from -1
    to 1, in every split one below -0.5; and integers, if at least 1 % of the first block of a split
    are above 255, whose white is the smallest of 1,023, 4,095 and 65,535 that no value exceeds, or
    the given `white`.
    """
    return _find_unit(splits) or _find_deep(splits, white)


def _find_unit(splits: Sequence[Values]) -> Scale | None:
    """Read all values once, in blocks, up to the first one outside -1 to 1."""
    lowest, highest, is_float, is_between = [], -1.0, True, False
    is_rounded = {0: False, -1: False}
    for split in splits:
        low = 1.0
        for block in split():
            is_float &= block.dtype.kind == "f"
            values = block.astype(np.float64)
            if not (np.abs(values) <= 1).all():  # NaN, too
                return None
            low, highest = min(low, float(values.min())), max(highest, float(values.max()))
            is_between |= bool(((values > 0) & (values < 1)).any())
            for black in is_rounded:
                is_rounded[black] |= _is_rounded(values, block.dtype, black)
        lowest.append(low)
    if highest <= 0 or (not is_float and (is_between or min(lowest) < 0)):
        return None
    if min(lowest) >= 0:
        return Scale(0, 1, _unit_note(0, is_rounded[0]) if is_between else _BINARY)
    return Scale(-1, 1, _unit_note(-1, is_rounded[-1])) if max(lowest) < _DARK else None


def _find_deep(splits: Sequence[Values], white: Literal["auto"] | int) -> Scale | None:
    starts = (next(split()) for split in splits)
    if white == "auto" and not any((start > WHITES[0]).mean() >= _DEEP for start in starts):
        return None
    highest = 0.0
    for split in splits:
        for values in split():
            if not ((values >= 0) & (values <= WHITES[-1]) & (values == np.floor(values))).all():
                return None
            highest = max(highest, float(values.max()))
    fitting: int = next(one for one in WHITES if one >= highest) if white == "auto" else white
    return Scale(
        0,
        fitting,
        f"The largest pixel is {highest:,.0f}; values from 0 to {fitting:,} became 0 to 255 "
        "(data.white).",
    )


_BINARY = "All pixels are 0 or 1; they were read as black (0) and white (255)."


def _unit_note(black: int, is_rounded: bool) -> str:
    rounded = " and rounded, as not all of them are whole gray levels" if is_rounded else ""
    return (
        f"The pixels are floating-point numbers from {black} to 1; they were brought to 0 to 255"
        f"{rounded}."
    )


def _is_rounded(values: NDArray[np.float64], dtype: np.dtype[Any], black: int) -> bool:
    """Return whether values from `black` to 1 are between gray levels, by more than their dtype."""
    precision = float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0
    levels = _unrounded(values, black, 1)
    return bool((np.abs(levels - np.rint(levels)) > max(_TOLERANCE, 255 * precision)).any())


def _unrounded(values: NDArray[Any], black: int, white: int) -> NDArray[np.float64]:
    bounded = np.minimum(values.astype(np.float64), white)
    return (bounded - black) * (255 / (white - black))
