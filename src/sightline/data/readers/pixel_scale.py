"""Find how floating-point images are scaled, and bring them to 0 to 255."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.data.readers.npz_archive import Array, blocks

_DARK = -0.5  # images from -1 to 1 have a value below; images from -0.5 to 0.5 have not
_TOLERANCE = 1e-3  # of a gray level, for errors of rounding in float32


class Scale(NamedTuple):
    """The scale of floating-point pixels whose white is 1."""

    black: float  # 0 or -1
    note: str  # A sentence that states the scale

    def levels(self, arrays: Iterator[NDArray[Any]]) -> Iterator[NDArray[np.float64]]:
        """Yield float64 arrays of the same shapes: integers, 0 for black and 255 for white."""
        return (np.rint(_unrounded(values, self.black)) for values in arrays)


def find_scale(arrays: Sequence[Array]) -> Scale | None:
    """Return the scale of the images of all splits; None unless it is plain.

    All splits must have a floating-point dtype and values from 0 to 1, not all of them 0; or
    values from -1 to 1, in every split one below -0.5. Reads all values once, in blocks, up to the
    first one outside.
    """
    if any(array.dtype.kind != "f" for array in arrays):
        return None
    lowest, highest, is_between = [], -1.0, False
    is_rounded = {0.0: False, -1.0: False}
    for array in arrays:
        tolerance = max(_TOLERANCE, 255 * float(np.finfo(array.dtype).eps))
        low = 1.0
        for values in blocks(array):
            if not (np.abs(values) <= 1).all():  # NaN, too
                return None
            low, highest = min(low, float(values.min())), max(highest, float(values.max()))
            is_between |= bool(((values > 0) & (values < 1)).any())
            for black in is_rounded:
                levels = _unrounded(values, black)
                is_rounded[black] |= bool((np.abs(levels - np.rint(levels)) > tolerance).any())
        lowest.append(low)
    if highest <= 0:
        return None
    if min(lowest) >= 0:
        return Scale(0.0, _note(0, is_rounded[0.0]) if is_between else _BINARY)
    return Scale(-1.0, _note(-1, is_rounded[-1.0])) if max(lowest) < _DARK else None


_BINARY = "All pixels are 0.0 or 1.0; they were read as black (0) and white (255)."


def _note(black: int, is_rounded: bool) -> str:
    rounded = " and rounded, as not all of them are whole gray levels" if is_rounded else ""
    return (
        f"The pixels are floating-point numbers from {black} to 1; they were brought to 0 to 255"
        f"{rounded}."
    )


def _unrounded(values: NDArray[Any], black: float) -> NDArray[np.float64]:
    return (values.astype(np.float64) - black) * (255 / (1 - black))
