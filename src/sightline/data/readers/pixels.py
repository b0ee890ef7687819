"""One shape for all images of a data set: size and channels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.config import DataConfig
from sightline.data.readers.base import Blocks
from sightline.errors import DataError

MIN_SIDE, MAX_SIDE = 8, 4096
WHITE = (255, 255, 255, 255)


def target_shape(found: tuple[int, int, int], settings: DataConfig) -> tuple[int, int, int]:
    """Return the shape that the images are brought to.

    Args:
        found: Height, width and channels of the source.
        settings: May ask for another size or number of channels.

    Raises:
        DataError: A side is shorter than 8 or longer than 4,096 pixels.
    """
    height, width = settings.image_size or found[:2]
    if min(height, width) < MIN_SIDE or max(height, width) > MAX_SIDE:
        raise DataError(
            f"The images are {height}x{width} pixels; expected sides of {MIN_SIDE} to "
            f"{MAX_SIDE:,}, set data.image_size to have them resized."
        )
    return height, width, settings.channels or found[2]


def conform(blocks: Blocks, shape: tuple[int, int, int]) -> Blocks:
    """Resize images and convert their channels where they differ from `shape`.

    Args:
        blocks: uint8 arrays of shape (m, height, width, channels).
        shape: Height, width and channels to reach.

    Yields:
        uint8 arrays of shape (m, *shape).
    """
    for block in blocks:
        if block.shape[1:] == shape:
            yield block
            continue
        out = np.empty((len(block), *shape), dtype=np.uint8)
        for index, image in enumerate(block):
            grey = image.shape[-1] == 1
            out[index] = conformed(Image.fromarray(image[..., 0] if grey else image), shape)
        yield out


def conformed(image: Image.Image, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Bring one image to a shape.

    Args:
        image: Mode L or RGB.
        shape: Height, width and channels; grey is luma by ITU-R 601, RGB from grey repeats it.

    Returns:
        uint8 array of `shape`; resized with an antialiasing filter, without keeping the ratio
        of the sides.
    """
    height, width, channels = shape
    wanted = image.convert("L" if channels == 1 else "RGB")
    if wanted.size != (width, height):
        wanted = wanted.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(wanted, dtype=np.uint8).reshape(shape)


def flattened(image: Image.Image) -> Image.Image:
    """Return an image of any mode as L or RGB.

    16-bit grey is scaled to 8 bits, transparency is laid on white, palettes are resolved.
    """
    if image.mode.startswith("I"):
        wide: NDArray[Any] = np.asarray(image).astype(np.float64)
        return Image.fromarray(np.rint(np.clip(wide, 0, 65535) / 257).astype(np.uint8))
    grey = is_grey(image)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, WHITE), layer)
    return image.convert("L" if grey else "RGB")


def is_grey(image: Image.Image) -> bool:
    """Tell from mode and palette, without decoding, whether an image has no colour."""
    if image.mode in {"P", "PA"} and image.palette is not None:
        colours = np.frombuffer(bytes(image.getpalette("RGB") or ()), np.uint8).reshape(-1, 3)
        return bool((colours == colours[:, :1]).all())
    return image.mode in {"1", "L", "LA", "La", "F"} or image.mode.startswith("I")
