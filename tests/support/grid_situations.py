"""Situations in which data sets lie: the rows of the grid, and what is right in each."""

import io
import struct
import unicodedata
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from color_profiles import ADOBE_RGB, profile
from grid_formats import Example, encoded
from heic_files import COLOR, TURNED_HEIC

SIDE = 12


@dataclass(frozen=True)
class Outcome:
    """What should happen, with facts that the notes or the error must state."""

    word: str  # A cell of the table: read, noted or refused
    facts: tuple[str, ...] = ()


READ = Outcome("read")


def noted(*facts: str) -> Outcome:
    """Return: read, with notes that state these facts."""
    return Outcome("noted", facts)


def refused(*facts: str) -> Outcome:
    """Return: refused with a sentence that states these facts."""
    return Outcome("refused", facts)


@dataclass(frozen=True)
class Situation:
    """A row of the grid."""

    name: str
    examples: tuple[Example, ...]
    outcome: Outcome = READ
    others: Mapping[str, Outcome] = field(default_factory=dict)  # By format
    needs: str = ""  # What formats must hold, separated by commas; others cannot have it
    classes: tuple[str, ...] | None = None  # Names in label order; unset: the labels as they occur
    # Names of splits to those of the ingested data; "" if a test split is set aside, None if the
    # split is left out
    roles: Mapping[str, str | None] = field(
        default_factory=lambda: {"": "", "train": "train", "val": "validation", "test": "test"}
    )
    settings: Mapping[str, Any] = field(default_factory=dict)
    change: Callable[[Path], None] | None = None  # Changes the written data set


def flat(number: int, channels: int = 1, side: int = SIDE) -> NDArray[np.uint8]:
    """Return an image of one level, different for each number."""
    return np.full((side, side, channels), 20 + 9 * number, np.uint8)


def tinted(number: int) -> NDArray[np.uint8]:
    """Return an image of one color, different for each number."""
    return flat(number, 3) + np.array([0, 4, 8], np.uint8)


def labelled(**splits: list[Any]) -> tuple[Example, ...]:
    """Return flat gray images with these labels."""
    pairs = [(split, label) for split, labels in splits.items() for label in labels]
    return tuple(Example(*pair, flat(number)) for number, pair in enumerate(pairs))


def _unsplit(*labels: Any) -> tuple[Example, ...]:
    return labelled(**{"": [*labels]})


def shown(
    image: Callable[[int], NDArray[Any] | bytes],
    seen: Callable[[int], NDArray[np.uint8]] | None = None,
    suffix: str = ".png",
) -> tuple[Example, ...]:
    """Return eight images of two classes, as written and as they should be read."""
    return tuple(
        Example(split, number % 2, image(number), seen(number) if seen else None, suffix)
        for number, split in enumerate(["train"] * 4 + ["test"] * 4)
    )


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


def _surround(path: Path) -> None:
    inner = path.rename(path.with_name("inner"))
    path.mkdir()
    inner.rename(path / "archive")


def _truncate(path: Path) -> None:
    file = max((file for file in path.rglob("*") if file.is_file()), key=lambda file: file.name)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2 - 1])  # within a record


def _clear(path: Path) -> None:
    for file in path.iterdir():
        file.unlink()


def _add_others(path: Path) -> None:
    for place in {file.parent for file in path.rglob("*.png")}:
        (place / "notes.txt").write_text("cats\n")
        (place / "raw.nef").write_bytes(b"MM\0*" + bytes(60))


_KINDS = ("JPEG", "WEBP", "TIFF", "GIF", "BMP", "PNG")
_PAIR = ("a", "b")
_CUT = encoded(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 1), np.uint8))[:150]

SPLITS = (
    Situation("no split", _unsplit(0, 1, 0, 1), noted("set aside")),
    Situation("`train`, `test`", labelled(train=[0, 1], test=[1, 0])),
    Situation(
        "`train`, `val`, `test`", labelled(train=[0, 1], val=[0, 1], test=[1, 0]), needs="splits"
    ),
    Situation(
        "`train`, `val`: the test split",
        labelled(train=[0, 1], val=[1, 0]),
        noted("is the test split"),
        roles={"train": "train", "val": "test"},
        needs="splits",
    ),
    Situation(
        "`Training`, `Dev`, `TESTING`",
        labelled(Training=[0, 1], Dev=[0, 1], TESTING=[1, 0]),
        roles={"Training": "train", "Dev": "validation", "TESTING": "test"},
        needs="splits",
    ),
    Situation(
        "`test` without labels: left out",
        labelled(train=[0, 1, 0, 1], test=[None, None, None]),
        noted("3 image(s) of the test split", "set aside"),
        roles={"train": "", "test": None},
    ),
    Situation(
        "`test` with the label -1 throughout: left out",
        labelled(train=[0, 1, 0, 1], test=[-1, -1, -1]),
        noted("3 image(s) of the test split", "set aside"),
        roles={"train": "", "test": None},
        needs="text",
    ),
    Situation(
        "`train` beside `training`",
        labelled(train=[0, 1], training=[0, 1]),
        refused("'train'", "'training'"),
        needs="splits",
    ),
    Situation("`test` alone", labelled(test=[0, 1, 0, 1]), refused("train")),
    Situation(
        "one folder around everything",
        labelled(train=[0, 1], test=[1, 0]),
        noted("archive"),
        others=dict.fromkeys(
            ("Parquet", "TFRecord", "WebDataset"), READ
        ),  # as on the Hugging Face Hub
        change=_surround,
    ),
)

LABELS = (
    Situation(
        "integers from 0 to 11",
        labelled(train=[*range(11, -1, -1)], test=[10, 2]),
        classes=tuple(map(str, range(12))),
    ),
    Situation(
        "integers with gaps", labelled(train=[7, 1, 3], test=[3, 7]), classes=("1", "3", "7")
    ),
    Situation("text", labelled(train=["cat", "dog"], test=["dog", "cat"]), needs="text"),
    Situation(
        "text with leading zeros",
        labelled(train=["001", "002", "010"], test=["010"]),
        needs="text",
    ),
    Situation(
        "`01` beside `1`",
        labelled(train=["01", "1", "2"], test=["1"]),
        classes=("01", "1", "2"),
        needs="text",
    ),
    Situation(
        "markup, commas, other scripts",
        labelled(train=["<b>x", "a, b", "\u732b"], test=["a, b", "\u732b"]),
        needs="text",
    ),
    Situation(
        "floating-point numbers 0.0 and 1.0",
        labelled(train=[0.0, 1.0], test=[1.0]),
        classes=("0", "1"),
        needs="typed",
    ),
    Situation(
        "fractions",
        labelled(train=[0.5, 1.5], test=[1.5]),
        others={name: refused("0.5", "0 (counted") for name in ("Parquet", "TFRecord", "NPZ")},
        needs="typed",
    ),
    Situation("truth values", labelled(train=[False, True], test=[True]), needs="booleans"),
    Situation(
        "numbers in `train`, the same as text in `test`",
        labelled(train=[0, 1], test=["1", "0"]),
        needs="text",
    ),
    Situation(
        "decomposed Unicode beside composed",
        labelled(train=["b", unicodedata.normalize("NFD", "\xe9")], test=["\xe9"]),
        classes=("b", "\xe9"),
        outcome=noted("NFC"),
        needs="text",
    ),
    Situation(
        "blanks around",
        labelled(train=[" a", "b "], test=["a", "b"]),
        noted("blanks"),
        dict.fromkeys(("label table", "WebDataset", "CSV"), READ),  # blanks around cells are none
        classes=_PAIR,
        needs="text",
    ),
    Situation(
        "`Cat` beside `cat`",
        labelled(train=["Cat", "cat"]),
        refused("'Cat'", "'cat'"),
        needs="text",
    ),
    Situation(
        "`Cat` in `train`, `cat` in `test`",
        labelled(train=["Cat", "b"], test=["cat", "b"]),
        refused("'Cat'", "'cat'", "one spelling"),
        needs="text",
    ),
    Situation(
        "a class that only `test` has",
        labelled(train=[0, 1], test=[0, 2]),
        refused("2", "training split", "add"),
    ),
    Situation("a class that only `train` has", labelled(train=[0, 1, 2], test=[0, 1])),
    Situation("one class", labelled(train=[0, 0], test=[0]), refused("one class", "2")),
    Situation(
        "a missing label",
        (*labelled(train=["a", "b"]), Example("train", None, flat(9)), *labelled(test=["a", "b"])),
        refused("label", "add it"),
        {
            "class folders": noted("beside the class folders: 1"),
            "NPZ": refused("y_train", "pickled"),
            "WebDataset": refused("label", ".json"),
        },
        needs="text",
    ),
    Situation(
        "one-hot rows",
        labelled(train=[[1, 0], [0, 1]], test=[[0, 1]]),
        refused("label"),
        {"NPZ": READ},
        classes=("0", "1"),
        needs="lists",
    ),
    Situation(
        "several labels of an image",
        labelled(train=[[1, 0], [1, 1]], test=[[0, 1]]),
        refused("label"),
        needs="lists",
    ),
)

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

FILES = (
    Situation(
        "a truncated file",
        labelled(train=[0, 1, 0, 1], test=[0, 1]),
        refused("/data"),
        change=_truncate,
        needs="one file",
    ),
    Situation(
        "an empty folder",
        labelled(train=[0, 1], test=[0, 1]),
        refused("/data", "empty"),
        change=_clear,
        needs="one file",
    ),
)


GRID = {"Splits": SPLITS, "Labels": LABELS, "Images": IMAGES, "Files": FILES}
