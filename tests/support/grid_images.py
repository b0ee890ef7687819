"""Situations of images: rows of the grid."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from color_profiles import ADOBE_RGB, profile
from grid_formats import Example, encoded
from grid_situation import READ, SIDE, Situation, flat, noted, refused, shown, tinted
from heic_files import COLOR, TURNED_HEIC


def _with_large_value(number: int) -> NDArray[np.int64]:
    image = flat(number).astype(np.int64)
    image[0, 0] = 300
    return image


def _turned(number: int) -> NDArray[np.uint8]:
    image = tinted(number)
    image[: SIDE // 2] = 0
    return image


def _with_orientation(number: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    return encoded(np.ascontiguousarray(np.rot90(_turned(number))), exif=exif.tobytes())


def _cmyk(number: int) -> bytes:
    buffer = io.BytesIO()
    inks = (255 - tinted(number)[0, 0]).tolist()
    Image.new("CMYK", (SIDE, SIDE), (*inks, 0)).save(buffer, "JPEG", quality=100)
    return buffer.getvalue()


def _palette(number: int) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(tinted(number)).convert("P", palette=Image.Palette.ADAPTIVE)
    (image if number else Image.new("1", (SIDE, SIDE), 1)).save(buffer, "PNG")
    return buffer.getvalue()


def _pages(number: int) -> bytes:
    kind = ("GIF", "TIFF", "WEBP")[number % 3]
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    other = Image.fromarray(255 - tinted(number))
    return encoded(tinted(number), kind, save_all=True, append_images=[other], **options)


def _bomb() -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n\0\0\0\r"
        + header
        + struct.pack(">I", zlib.crc32(header))
        + b"\0\0\0\x10IDAT"
    )


def _from_linear(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Encode linear intensities as sRGB (IEC 61966-2-1)."""
    linear = pixels / 255
    encoded_values = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return np.uint8(np.rint(encoded_values * 255))


def _but_one(content: bytes) -> tuple[Example, ...]:
    """Return images of which one has this content instead."""
    examples = [*shown(flat)]
    examples[2] = Example("train", 0, content)
    return tuple(examples)


def _add_others(path: Path) -> None:
    for place in {file.parent for file in path.rglob("*.png")}:
        (place / "notes.txt").write_text("cats\n")
        (place / "raw.nef").write_bytes(b"MM\0*" + bytes(60))


_KINDS = ("JPEG", "WEBP", "TIFF", "GIF", "BMP", "PNG")
_CUT = encoded(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 1), np.uint8))[:150]

IMAGES = (
    Situation("color", shown(tinted), needs="color"),
    Situation(
        "gray in `train`, color in `test`",
        shown(
            lambda number: flat(number) if number < 4 else tinted(number),
            lambda number: flat(number, 3) if number < 4 else tinted(number),
        ),
        noted("RGB"),
        {"NPZ": refused("x_test (12, 12, 3)", "convert"), "CSV": refused("pixel columns")},
        needs="color",
    ),
    Situation(
        "another size in `test`",
        shown(
            lambda number: flat(number, side=SIDE if number < 4 else 16),
            lambda number: flat(number, side=64),
        ),
        noted("64x64"),
        {
            "NPZ": refused("x_test (16, 16, 1)", "resize"),
            "CSV": refused("pixel columns"),
            "IDX": refused("12x12", "16x16"),
        },
    ),
    Situation(
        "10 bits in integers of 16",
        shown(lambda number: flat(number).astype(np.uint16) * 4, flat),
        noted("1,023", "data.white"),
        needs="deep",
    ),
    Situation(
        "8 bits in integers of 16",
        shown(lambda number: flat(number).astype(np.uint16), flat),
        noted("255", "data.white"),
        dict.fromkeys(("NPZ", "CSV"), READ),
        needs="deep",
    ),
    Situation(
        "floating-point pixels from 0 to 1",
        shown(lambda number: np.float32(flat(number) / 255), flat, ".tif"),
        refused("floating-point"),
        {name: noted("from 0 to 1") for name in ("NPZ", "CSV")},
        needs="floats",
    ),
    Situation(
        "arrays of 0 and 1",
        shown(
            lambda number: (np.arange(SIDE * SIDE).reshape(SIDE, SIDE, 1) % (number + 2) == 0) * 1,
            lambda number: np.uint8(
                (np.arange(SIDE * SIDE).reshape(SIDE, SIDE, 1) % (number + 2) == 0) * 255
            ),
        ),
        noted("black"),
        needs="numbers",
    ),
    Situation(
        "a pixel of 300",
        shown(_with_large_value),
        refused("row 0", "data.white"),
        needs="numbers",
    ),
    Situation(
        "a pixel that is not a number",
        shown(lambda number: flat(number) * np.where(number == 1, np.nan, 1.0)),
        refused("row 1", "nan"),
        needs="numbers",
    ),
    Situation(
        "PNG, JPEG, WebP, TIFF, GIF, BMP",
        shown(
            lambda number: encoded(tinted(number), _KINDS[number % 6], quality=100),
            tinted,
            ".tif",
        ),
        needs="files",
    ),
    Situation(
        "HEIC, with the extra `heif`",
        shown(lambda number: TURNED_HEIC, lambda number: COLOR, ".heic"),
        needs="files",
    ),
    Situation(
        "another ending than the content's",
        shown(lambda number: encoded(flat(number), "PNG"), flat, ".jpg"),
        needs="files",
    ),
    Situation(
        "palettes and 1 bit",
        shown(_palette, lambda number: tinted(number) if number else np.full_like(tinted(0), 255)),
        noted("RGB"),
        needs="files",
    ),
    Situation(
        "several pages or frames: the first",
        shown(_pages, tinted, ".tif"),
        needs="files",
    ),
    Situation(
        "transparency: over white",
        shown(
            lambda number: encoded(np.dstack([tinted(number), flat(0) * 0 + 128])),
            lambda number: np.uint8(np.rint((tinted(number) * 128.0 + 255 * 127) / 255)),
        ),
        needs="files",
    ),
    Situation("EXIF orientation", shown(_with_orientation, _turned), needs="files"),
    Situation("CMYK", shown(_cmyk, tinted, ".jpg"), needs="files"),
    Situation(
        "an ICC profile of gamma 1: to sRGB",
        shown(
            lambda number: encoded(flat(number, 3), icc_profile=profile(ADOBE_RGB, 1.0)),
            lambda number: _from_linear(flat(number, 3)),
        ),
        noted("sRGB"),
        needs="files",
    ),
    Situation("a truncated image", _but_one(_CUT), refused("cannot be read"), needs="files"),
    Situation(
        'the same, with `data.unreadable = "skip"`: left out',
        _but_one(_CUT),
        noted("1 image"),
        settings={"unreadable": "skip"},
        needs="files",
    ),
    Situation("an image of no bytes", _but_one(b""), refused("train"), needs="files"),
    Situation(
        "a text file called `.png`", _but_one(b"no image\n"), refused("replace"), needs="files"
    ),
    Situation(
        "a PNG of more than 89 megapixels",
        _but_one(_bomb()),
        refused("89,478,485 pixels", "shrink"),
        needs="files",
    ),
    Situation(
        "other files among the images: left out",
        shown(flat),
        noted(".txt", ".nef"),
        change=_add_others,
        needs="loose",
    ),
)
