"""Open encoded images of untrusted content, and say what is wrong with those that fail."""

import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

from PIL import Image, PngImagePlugin, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import jpeg_factory

from sightline.data.decoding.image_kinds import (
    HAS_HEIF,
    HEAD_BYTES,
    IMAGES,
    REMEDY,
    is_heic_head,
)
from sightline.data.readers import content
from sightline.errors import ChangedDataError, DataError, StorageError
from sightline.storage.text import quoted

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF", "AVIF", "PPM")
_JPEG = b"\xff\xd8\xff"  # start of a file
# Phones make photographs of 200 megapixels; decoding skips the detail that resizing would drop
_MOST_JPEG_PIXELS = 1 << 28
R = TypeVar("R")


def with_image(
    name: str, data: Path | bytes, use: Callable[[ImageFile], R], most_pixels: int | None = None
) -> R:
    """Open an image and pass it to a function; report any error as a `DataError`."""
    try:
        with _open(data, most_pixels) as image:
            return use(image)
    except Image.DecompressionBombError as error:
        raise DataError(f"{name} {error}; shrink or remove it.") from None
    except MemoryError:
        raise DataError(f"{name} needs more memory than available; shrink or remove it.") from None
    except (ChangedDataError, StorageError):
        raise  # of a remote file, which may be sound
    except Exception as error:  # Pillow's decoders raise anything on damaged files
        if isinstance(data, Path):
            content.check_head(data)
        elif content.is_html(data):
            raise DataError(f"{name}: the image is an HTML page; replace or remove it.") from None
        reason = quoted(error)
        if isinstance(error, UnidentifiedImageError):
            reason = "unknown format"
            if not HAS_HEIF and is_heic_head(_read_head(data)):
                reason = f"HEIC, which {REMEDY} reads"
        raise DataError(
            f"{name} cannot be read ({reason}); expected {IMAGES}: replace or remove it."
        ) from None


@cache
def _formats() -> tuple[str, ...]:
    """Return the formats that Pillow tries; HEIC only with the extra `heif`."""
    if not HAS_HEIF:
        return FORMATS
    from pi_heif import register_heif_opener

    register_heif_opener()
    return (*FORMATS, "HEIF")


@contextmanager
def _open(data: Path | bytes, limit: int | None) -> Iterator[ImageFile]:
    """Open an image; raise DecompressionBombError if it has too many pixels."""
    # An ICC profile or a text may be larger than 1 MiB; all texts together are still bounded
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
    # Given a path, Pillow maps an uncompressed TIFF to memory, wrongly if it lies on its side
    with data.open("rb") if isinstance(data, Path) else io.BytesIO(data) as file:
        start = file.read(len(_JPEG))
        file.seek(0)
        most: float = _MOST_JPEG_PIXELS if start == _JPEG else Image.MAX_IMAGE_PIXELS or math.inf
        most = most if limit is None else min(most, limit)
        opened: ImageFile
        try:
            is_jpeg = start == _JPEG  # opened by its own function, without Pillow's limit
            opened = jpeg_factory(file) if is_jpeg else Image.open(file, formats=_formats())
        except Image.DecompressionBombError:  # Pillow only warns up to twice its limit
            raise Image.DecompressionBombError(f"has more than {most:,} pixels") from None
        with opened as image:
            if image.width * image.height > most:
                raise Image.DecompressionBombError(f"has more than {most:,} pixels")
            yield image


def _read_head(data: Path | bytes) -> bytes:
    if isinstance(data, bytes):
        return data[:HEAD_BYTES]
    with data.open("rb") as file:
        return file.read(HEAD_BYTES)
