"""Open and decode JPEG faster than Pillow."""

from contextlib import suppress
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile, _Tile
from PIL.JpegImagePlugin import JpegImageFile, jpeg_factory
from simplejpeg import decode_jpeg

_END = b"\xff\xd9"
_MARK, _SCAN, _JFIF = 0xFF, 0xDA, 0xE0
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # Baseline, extended and progressive, Huffman-coded
_TABLES = frozenset({0xC4, 0xDB, 0xDD, 0xFE})  # And comments
_HEADER_BYTES = 4096
_MODES = {b"\x01": "L", b"\x03": "RGB"}


class _PlainJpeg(JpegImageFile):
    """A JPEG without EXIF, color profile and other metadata: only its size and mode are read.

    Pillow would read all segments of the header, in many small pieces. `_open` raises SyntaxError
    for any other JPEG.
    """

    def _open(self) -> None:
        assert self.fp is not None  # noqa: S101 - it was given
        head, at = self.fp.read(_HEADER_BYTES), 2
        while head[at] == _MARK and (marker := head[at + 1]) != _SCAN:
            segment = head[at + 4 : at + 2 + int.from_bytes(head[at + 2 : at + 4])]
            if marker in _FRAMES and segment[0] == 8 and not self._mode:  # noqa: PLR2004 - bits
                self._size = int.from_bytes(segment[3:5]), int.from_bytes(segment[1:3])
                self._mode = _MODES[segment[5:6]]
            elif marker not in _TABLES and not (marker == _JFIF and segment[:5] == b"JFIF\0"):
                raise SyntaxError("It has metadata.")
            at += 4 + len(segment)
        if head[at] != _MARK or len(head) < at + 2 + int.from_bytes(head[at + 2 : at + 4]):
            raise SyntaxError("Its header is damaged, or has other bytes between the segments.")
        self.tile = [_Tile("jpeg", (0, 0, *self.size), 0, (self.mode, ""))]  # as Pillow does


def open_jpeg(file: IO[bytes]) -> ImageFile:
    """Open a file that starts like a JPEG. Raises errors as Pillow."""
    try:
        return _PlainJpeg(file)
    except SyntaxError:
        file.seek(0)
        return jpeg_factory(file)


def decode(image: ImageFile, content: bytes) -> NDArray[np.uint8] | None:
    """Decode a JPEG in half the time that Pillow takes, to the same pixels.

    Returns uint8 of shape (height, width, channels) as stored; None if the image has another
    format or is unusual.
    """
    colors = {"L": "GRAY", "RGB": "RGB"}.get(image.mode)
    if image.format != "JPEG" or colors is None:
        return None
    width, height = image.size
    # A file that lacks just its end mark is complete; within its pixels, the mark is an error.
    for data in (content, content + _END):
        with suppress(ValueError):  # Pillow reads more, or says what is wrong
            pixels: NDArray[np.uint8] = decode_jpeg(
                data, colors, min_height=height, min_width=width
            )
            return pixels if pixels.shape[:2] == (height, width) else None
    return None
