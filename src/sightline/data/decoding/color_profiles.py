"""Convert images with an embedded ICC profile to sRGB."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

_CHANNELS = {
    **dict.fromkeys(("L", "LA"), "L"),
    **dict.fromkeys(("RGB", "RGBA", "RGBX", "P", "PA"), "RGB"),
    "CMYK": "CMYK",
}
"""Mode of an image to the one in which its colors are converted; all others have no profile."""

_EQUAL = 3  # Largest difference of a value, out of 255, by which a profile still counts as sRGB
_PROBES = 4096


def is_srgb(image: Image.Image) -> bool:
    """Return whether an image has no profile, one of sRGB, or one that does not fit it."""
    return _find_transform(image) is None


def to_srgb(image: Image.Image) -> Image.Image:
    """Return an image in sRGB: L, LA, RGB or RGBA if it is converted, itself if it `is_srgb`."""
    transform = _find_transform(image)
    if transform is None:
        return image
    mode = _CHANNELS[image.mode]
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    colors = image if image.mode == mode else image.convert(mode)
    converted = transform.apply(colors)
    if mode == "L":
        converted = converted.convert("L")
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _find_transform(image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    profile, mode = image.info.get("icc_profile"), _CHANNELS.get(image.mode)
    return _make_transform(profile, mode) if profile and mode else None


@lru_cache(maxsize=64)
def _make_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the conversion of a profile to sRGB, None if it changes nothing or cannot be read."""
    try:
        source = ImageCms.getOpenProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError):
        return None
    if mode == "CMYK":
        return transform
    values = np.random.default_rng(0).integers(0, 256, (1, _PROBES, 3), dtype=np.uint8)
    probe = Image.fromarray(values[..., 0] if mode == "L" else values)
    change = np.asarray(transform.apply(probe), int) - np.asarray(probe.convert("RGB"), int)
    return transform if np.abs(change).max() > _EQUAL else None
