"""The function in docs/shipping.md gives the pixels that training and predictions read."""

import itertools

import numpy as np
import pytest
from PIL import Image, ImageCms

import snippets
from color_profiles import profile
from sightline.data.decoding.images import EncodedImage, decode_one
from sightline.data.readers.base import Form
from sightline.records import ModelMetadata

SHAPES = [(64, 64), (48, 97), (28, 28)]
FORMS = [
    Form((*shape, channels), resize, white=4095)
    for shape, channels, resize in itertools.product(
        SHAPES, (1, 3), ("stretch", "crop", "letterbox")
    )
]


@pytest.fixture(scope="module")
def read_image():
    return snippets.shared()["read_image"]


def photo(height, width, mode="RGB"):
    """Paint waves and noise."""
    rows, columns = np.mgrid[:height, :width]
    channels = [127 + 90 * np.sin(rows / (7 + n)) * np.cos(columns / (11 - n)) for n in range(4)]
    noise = np.random.default_rng(0).normal(0, 12, (height, width, 4))
    pixels = np.clip(np.stack(channels, axis=-1) + noise, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def oriented(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return {"exif": exif}


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GRAY_LEVELS = np.arange(64 * 81, dtype=np.uint16).reshape(64, 81)
IMAGES = {
    **{f"{h}x{w}.jpg": (photo(h, w), {}) for h, w in ((479, 641), (1201, 1003), (31, 45))},
    **{f"{h}x{w}.png": (photo(h, w), {}) for h, w in ((97, 64), (64, 41), (28, 48), (48, 29))},
    **{f"exif-{n}.jpg": (photo(301, 467), oriented(n)) for n in range(1, 9)},
    "exif.webp": (photo(97, 64), oriented(6)),
    "grey.jpg": (photo(301, 467, "L"), {}),
    "progressive.jpg": (photo(801, 1021), {"progressive": True, "subsampling": 0}),
    "cmyk.jpg": (photo(301, 467, "CMYK"), {}),
    "srgb.jpg": (photo(301, 467), {"icc_profile": SRGB}),
    "adobe.jpg": (photo(301, 467), {"icc_profile": profile()}),
    "adobe.png": (photo(97, 64, "RGBA"), {"icc_profile": profile()}),
    "alpha.png": (photo(97, 64, "RGBA"), {}),
    "grey-alpha.png": (photo(97, 64, "LA"), {}),
    "palette.gif": (photo(97, 64, "P"), {}),
    "transparent-palette.png": (photo(97, 64, "P"), {"transparency": 3}),
    "black-and-white.png": (photo(97, 64, "1"), {}),
    "16-bit.png": (Image.fromarray(GRAY_LEVELS), {}),
    "16-bit.tiff": (Image.fromarray(GRAY_LEVELS), {}),
    "on-its-side.tiff": (photo(97, 64), {"tiffinfo": {0x0112: 6}}),
    "gray-on-its-side.tiff": (photo(97, 64, "L"), {"tiffinfo": {0x0112: 6}}),
    "color.ppm": (photo(97, 64), {}),
    "two-pictures.mpo": (photo(301, 467), {"save_all": True, "append_images": [photo(30, 40)]}),
    "animation.gif": (photo(97, 64), {"save_all": True, "append_images": [photo(97, 64, "L")]}),
    "photo.avif": (photo(97, 64), {}),
}


@pytest.mark.parametrize("name", IMAGES)
def test_function_of_the_documentation_reads_the_pixels_of_the_training(read_image, name, tmp_path):
    image, options = IMAGES[name]
    image.save(tmp_path / name, **options)
    for form in FORMS:
        metadata = ModelMetadata(
            class_names=("a", "b"), image_shape=form.shape, resize=form.resize, white=form.white
        )
        found = read_image(tmp_path / name, metadata.model_dump(mode="json"))
        assert (found.shape, found.dtype) == ((1, *form.shape), np.uint8)
        _, expected = decode_one(EncodedImage(name, tmp_path / name), form)
        np.testing.assert_array_equal(found[0], expected, str(form))
