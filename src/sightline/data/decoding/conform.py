"""Bring decoded images to one form: channels, size and eight bits."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sightline.config import Resize
from sightline.data.readers.base import WHITES, Shape

_PHOTOMETRIC = 262  # The TIFF tag that says which value is white
_WHITE = (255, 255, 255, 255)


_RESIZE: dict[Resize, Callable[..., Image.Image]] = {
    "stretch": Image.Image.resize,
    "crop": ImageOps.fit,
    "letterbox": ImageOps.pad,
}


def conform(images: NDArray[np.uint8], shape: Shape, resize: Resize) -> NDArray[np.uint8]:
    """Bring uint8 images of shape (m, height, width, channels) to (m, *shape), if necessary."""
    if images.shape[1:] == shape:
        return images
    conformed = np.empty((len(images), *shape), dtype=np.uint8)
    for row, image in enumerate(images[..., 0] if images.shape[-1] == 1 else images):
        conformed[row] = conform_image(Image.fromarray(image), shape, resize)
    return conformed


def conform_image(image: Image.Image, shape: Shape, resize: Resize) -> NDArray[np.uint8]:
    """Bring an L or RGB image to a shape; grey is luma by ITU-R 601, resizing antialiases."""
    height, width, channels = shape
    wanted = _in_mode(image, "L" if channels == 1 else "RGB")
    window = window_of((wanted.height, wanted.width, channels), shape, resize)
    if window is not None:
        found = np.asarray(wanted, dtype=np.uint8)
        return found.reshape(*found.shape[:2], channels)[window]
    resized = _RESIZE[resize](wanted, (width, height), Image.Resampling.LANCZOS)
    return np.asarray(resized, dtype=np.uint8).reshape(shape)


def window_of(found: Shape, shape: Shape, resize: Resize) -> tuple[slice, slice] | None:
    """Return the rows and columns of an image that are the whole result, if nothing is scaled."""
    (height, width, channels), (rows, columns, wanted) = found, shape
    same = (height == rows, width == columns)
    if channels != wanted or not (any(same) if resize == "crop" else all(same)):
        return None
    top, left = (height - rows) // 2, (width - columns) // 2
    if top < 0 or left < 0:
        return None
    return slice(top, top + rows), slice(left, left + columns)


def flatten(image: Image.Image, white: int) -> Image.Image:
    """Convert any mode to L or RGB: 16 bits to 8, transparency over white, palettes resolved.

    `white` is the value that is white in 16 bits; larger values are white, too. Raises ValueError
    for numbers of more bits, floating-point numbers and TIFF files in which 0 is white.
    """
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers; convert them to 8 or 16 bits")
    if image.mode.startswith("I"):
        wide: NDArray[Any] = np.asarray(image)
        if wide.min() < 0 or wide.max() > WHITES[-1]:
            raise ValueError("its pixels exceed 0 to 65,535; convert them to 8 or 16 bits")
        if getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0:
            raise ValueError("0 is white in it; invert it")
        # Rounds exactly: white is odd, so that no value lies in the middle
        scaled = (np.minimum(wide, white).astype(np.uint32) * 255 + white // 2) // white
        return Image.fromarray(scaled.astype(np.uint8))
    grey = is_grey(image)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        if getattr(image, "format", "") == "BMP" and not layer.getchannel("A").getbbox():
            layer.putalpha(255)  # Windows leaves the alpha of opaque bitmaps at 0
        image = Image.alpha_composite(Image.new("RGBA", layer.size, _WHITE), layer)
    return _in_mode(image, "L" if grey else "RGB")


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Convert an image, unless it has the mode: Pillow would copy it."""
    return image if image.mode == mode else image.convert(mode)


def is_grey(image: Image.Image) -> bool:
    """Return whether an image has no colour, from its mode and palette alone."""
    if image.mode in {"P", "PA"} and image.palette is not None:
        colours = np.frombuffer(bytes(image.getpalette("RGB") or ()), np.uint8).reshape(-1, 3)
        return bool((colours == colours[:, :1]).all())
    return image.mode in {"1", "L", "LA", "La", "F"} or image.mode.startswith("I")
