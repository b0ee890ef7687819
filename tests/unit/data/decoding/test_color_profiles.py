import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from color_profiles import GAMMA, encode, profile, to_srgb
from reading import read_all
from sightline.data.decoding import jpeg
from sightline.data.decoding.images import EncodedImage, decode_one, read_header
from sightline.data.readers.base import Form

ROWS, COLUMNS = np.mgrid[:24, :20]
SMOOTH = np.stack([40 + 7 * ROWS, 40 + 8 * COLUMNS, 200 - 7 * ROWS], axis=-1).astype(np.uint8)
OPTIONS = {
    "PNG": {},
    "TIFF": {},
    "WEBP": {"lossless": True},
    "JPEG": {"quality": 100, "subsampling": 0},
}
STANDARD = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **OPTIONS[kind], **options)
    return EncodedImage("x", file.getvalue())


def decoded(image, shape=(24, 20, 3)):
    return decode_one(image, Form(shape, "crop"))[1]


@pytest.mark.parametrize("kind", OPTIONS)
def test_colors_of_a_wide_gamut_become_those_of_srgb(kind):
    image = encoded(Image.fromarray(SMOOTH), kind, icc_profile=profile())
    assert not read_header(image).srgb
    found = decoded(image)
    assert np.abs(found - to_srgb(SMOOTH)).max() <= (8 if kind == "JPEG" else 2)
    assert np.abs(found.astype(int) - SMOOTH).max() > 20
    smaller = decoded(image, (12, 10, 3)).mean(axis=(0, 1))
    assert np.abs(smaller - found.mean(axis=(0, 1))).max() < 1


def test_gamma_of_a_grey_image_becomes_that_of_srgb():
    grey = SMOOTH[..., 0]
    image = encoded(Image.fromarray(grey), icc_profile=profile(None, 1.0))
    found = decoded(image, (24, 20, 1))[..., 0]
    assert np.abs(found - 255 * encode(grey / 255)).max() <= 1


def test_transparency_and_palettes_are_converted_too():
    clear = np.dstack([SMOOTH, np.full((24, 20), 255, np.uint8)])
    clear[0, :, 3] = 0
    found = decoded(encoded(Image.fromarray(clear), icc_profile=profile()))
    assert found[0].min() == 255
    assert np.abs(found[1:] - to_srgb(SMOOTH[1:])).max() <= 2
    palette = Image.fromarray(SMOOTH).quantize(16)
    found = decoded(encoded(palette, icc_profile=profile()))
    assert np.abs(found - to_srgb(np.asarray(palette.convert("RGB")))).max() <= 2


@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize(
    "found",
    [STANDARD, profile(None), b"damaged", profile()[:200]],
    ids=["sRGB", "gray", "", "cut"],
)
def test_srgb_and_unfit_profiles_change_no_bit(kind, found):
    image = Image.fromarray(SMOOTH)
    with_profile = encoded(image, kind, icc_profile=found)
    assert read_header(with_profile).srgb
    for shape in ((24, 20, 3), (12, 10, 3), (24, 20, 1)):
        np.testing.assert_array_equal(
            decoded(with_profile, shape), decoded(encoded(image, kind), shape)
        )


def test_jpeg_with_a_profile_has_the_pixels_that_pillow_decodes(monkeypatch):
    image = encoded(Image.fromarray(SMOOTH), "JPEG", icc_profile=profile(gamma=GAMMA))
    quick = [decoded(image, shape) for shape in ((24, 20, 3), (24, 20, 1))]
    monkeypatch.setattr(jpeg, "decode", lambda image, content: None)
    for found, shape in zip(quick, ((24, 20, 3), (24, 20, 1)), strict=True):
        np.testing.assert_array_equal(found, decoded(image, shape))


def test_converted_images_are_counted_in_a_note(tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for number in range(2):
            options = {"icc_profile": profile()} if (label, number) == ("a", 1) else {}
            path = tmp_path / label / f"{number}.png"
            path.write_bytes(encoded(Image.fromarray(SMOOTH), **options).data)
    assert any("1 of 4 images" in note and "sRGB" in note for note in read_all(tmp_path)[0].notes)
