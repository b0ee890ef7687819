"""Encoded images in folders, damaged or with invalid chunks."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bad_files import images, png_chunk
from color_profiles import profile
from damaging import EXTREMES, damaged, maybe
from fuzzing import fuzz, read_or_refuse
from heic_files import ADOBE_HEIC, GREY_HEIC, TURNED_HEIC

pytestmark = pytest.mark.filterwarnings("ignore")  # users do not turn warnings into errors

MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "BMP": ("1", "P", "RGB"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "CMYK", "I;16"),
    "GIF": ("1", "L", "P"),
    "AVIF": ("RGB",),
}


def encoded(kind, mode):
    noise = np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype=np.uint8)
    if mode == "I;16":
        image = Image.fromarray(noise[..., 0].astype(np.uint16) * 257)
    else:
        image = Image.fromarray(noise).convert(mode)
    file = io.BytesIO()
    image.save(file, kind, icc_profile=profile() if mode in {"RGB", "RGBA"} else None)
    return file.getvalue()


FILES = [encoded(kind, mode) for kind, modes in MODES.items() for mode in modes]
FILES += [TURNED_HEIC, GREY_HEIC, ADOBE_HEIC]
DEPTHS = ([1, 2, 4, 8, 16, 3], [0, 2, 3, 4, 6, 5], [0, 0, 1, 2])
CHUNKS = [b"PLTE", b"tRNS", b"eXIf", b"iCCP", b"zTXt", b"iTXt", b"acTL", b"fcTL", b"gAMA", b"xxxx"]
EXIF = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"


def packed(content):
    return b"icc\0\0" + zlib.compress(content)


@st.composite
def png_of_invalid_chunks(draw):
    """Draw a PNG with valid checksums but invalid header and chunks."""
    size = st.one_of(st.integers(0, 20), st.sampled_from(EXTREMES))
    sides = [draw(maybe(12, size)) % 2**32 for _ in range(2)]
    depth, colour, interlaced = (draw(st.sampled_from(kinds)) for kinds in DEPTHS)
    pixels = zlib.compress(bytes(draw(st.sampled_from([0, 100, 156, 5000]))))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", *sides, depth, colour, 0, 0, interlaced))]
    for name in draw(st.lists(st.sampled_from(CHUNKS), max_size=3)):
        data = st.one_of(st.binary(max_size=40), st.just(EXIF), damaged(profile()).map(packed))
        chunks.append((name, draw(data)))
    chunks += [(b"IDAT", draw(maybe(pixels, damaged(pixels)))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, data) for name, data in chunks)


@fuzz
@given(content=st.one_of(st.sampled_from(FILES).flatmap(damaged), png_of_invalid_chunks()))
def test_image_is_refused_or_consistent(folder, content):
    path = images("a", "b", files={"b/0.png": content})(folder)
    read_or_refuse(path)
    assert read_or_refuse(path, unreadable="skip", image_size=(8, 8), white=65535)
