import io

import numpy as np
import pytest
from PIL import Image

from sightline.data.readers import images
from sightline.data.readers.base import Form
from sightline.data.readers.images import EncodedImage, decode_one


def jpeg(mode: str, size: tuple[int, int], **options: object) -> bytes:
    """Encode waves of every color channel."""
    rows, columns = np.mgrid[: size[1], : size[0]]
    channels = [127 + 60 * (np.sin(rows / (7 + n)) + np.cos(columns / 11)) for n in range(3)]
    file = io.BytesIO()
    image = Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8)).convert(mode)
    image.save(file, "JPEG", **options)
    return file.getvalue()


def rotated() -> dict[str, object]:
    exif = Image.Exif()
    exif[0x0112] = 6
    return {"exif": exif}


@pytest.mark.parametrize("resize", ["crop", "stretch", "letterbox"])
@pytest.mark.parametrize(
    ("mode", "options", "quick"),
    [
        ("RGB", {}, True),
        ("RGB", {"subsampling": 0, "progressive": True}, True),
        ("RGB", {"keep_rgb": True}, True),
        ("RGB", rotated(), True),
        ("L", {}, True),
        ("CMYK", {}, False),
    ],
)
def test_jpeg_has_the_pixels_that_pillow_decodes(resize, mode, options, quick, monkeypatch):
    contents = [jpeg(mode, size, **options) for size in ((67, 41), (40, 53), (40, 40), (517, 403))]

    def decoded() -> list[np.ndarray]:
        return [decode_one(EncodedImage("", one), Form((40, 40, 3), resize))[1] for one in contents]

    calls = []
    fast = images.decode_jpeg
    monkeypatch.setattr(
        images, "decode_jpeg", lambda *given, **named: calls.append(given) or fast(*given, **named)
    )
    found = decoded()
    monkeypatch.setattr(images, "_decode_jpeg", lambda image, content: None)
    np.testing.assert_array_equal(found, decoded())
    assert bool(calls) == quick


def test_jpeg_with_bytes_that_only_pillow_accepts_is_read():
    content = jpeg("RGB", (60, 60))
    start = content.index(b"\xff\xdb")
    damaged = content[:start] + b"\x00\x00" + content[start:]
    with pytest.raises(ValueError, match="extraneous"):
        images.decode_jpeg(damaged, "RGB")
    expected = decode_one(EncodedImage("", content), Form((60, 60, 3), "crop"))[1]
    found = decode_one(EncodedImage("", damaged), Form((60, 60, 3), "crop"))[1]
    np.testing.assert_array_equal(found, expected)
