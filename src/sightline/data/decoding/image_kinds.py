"""Which files are images, by their ending or their first bytes, and which others there are."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path, PurePath

from PIL import features

from sightline.data.remote.remote_path import RemotePath
from sightline.storage.text import quoted

IMAGES = "PNG, JPEG, WebP, TIFF, GIF, AVIF, BMP or PPM images"
HEIC_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
HAS_HEIF = find_spec("pi_heif") is not None  # The extra `heif`, which decodes HEIC
_AVIF = frozenset({".avif"}) if features.check("avif") else frozenset()
SUFFIXES = (
    (HEIC_SUFFIXES if HAS_HEIF else frozenset())
    | _AVIF
    | {
        *(
            ".png",
            ".jpg",
            ".jpeg",
            ".jpe",
            ".jfif",
            ".mpo",
            ".bmp",
            ".webp",
            ".tif",
            ".tiff",
            ".gif",
        ),
        *(".ppm", ".pgm", ".pbm", ".pnm"),
    }
)
"""Endings of files that are taken as images, and refused if they cannot be read as one."""

HEAD_BYTES = 32
_MARKS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
_TIFF_MARKS = (b"II*\0", b"MM\0*")
_AVIF_MARKS = (b"ftypavif", b"ftypavis")
_HEIC_MARKS = tuple(
    b"ftyp" + brand
    for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1")
)
REMEDY = 'pip install "sightline[heif]"'
_BMP_HEADERS = tuple(bytes([size, 0, 0, 0]) for size in (12, 40, 52, 56, 64, 108, 124))
_MAX_KINDS, _MAX_ENDING = 5, 12


def is_image(path: Path) -> bool:
    """Return whether a file is an image by its ending or, failing that, by its first bytes."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    return is_image_head(head, suffix)


def is_image_head(head: bytes, suffix: str) -> bool:
    """Return whether the first `HEAD_BYTES` bytes of a file are those of an image.

    Bytes of TIFF count only in a file without an ending: raw photographs (`.nef`, `.dng`) start
    with them, but their first page is a thumbnail.
    """
    return (
        head.startswith(_MARKS)
        or (head.startswith(b"BM") and head[14:18] in _BMP_HEADERS)
        or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")
        or (bool(_AVIF) and head[4:12] in _AVIF_MARKS)
        or (HAS_HEIF and is_heic_head(head))
        or (not suffix and head.startswith(_TIFF_MARKS))
    )


def is_heic_head(head: bytes) -> bool:
    """Return whether the first `HEAD_BYTES` bytes of a file are those of HEIC."""
    return head[4:12] in _HEIC_MARKS


def heic_remedy(suffix: str) -> str:
    """Return what makes files of this ending readable, as a sentence; "" if nothing does."""
    is_missing = suffix.lower() in HEIC_SUFFIXES and not HAS_HEIF
    return f" {REMEDY} reads HEIC." if is_missing else ""


def is_image_entry(entry: os.DirEntry[str] | RemotePath) -> bool:
    """Return whether an entry of a folder is an image; a dangling link is an unreadable one."""
    if isinstance(entry, RemotePath):
        return entry.is_file() and is_image(entry)
    exists = entry.is_file() or not os.path.exists(entry.path)
    is_named = os.path.splitext(entry.name)[1].lower() in SUFFIXES  # without a Path for each file
    return exists and (is_named or is_image(Path(entry.path)))


def count_kinds(names: Iterable[str | Path]) -> dict[str, int]:
    """Count files by their ending in lower case, "" without one; the most frequent first."""
    return dict(Counter(PurePath(name).suffix.lower() for name in names).most_common())


def add_kinds(*counts: Mapping[str, int]) -> dict[str, int]:
    """Add up results of `count_kinds`."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total.most_common())


def describe_left_out(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Return a sentence on files that are no images, counted by `count_kinds`, if there are any."""
    total = sum(counts.values())
    kinds = describe_kinds(counts)
    return (f"Left out, as no {IMAGES}: {total:,} file(s): {kinds}.",) if total else ()


def describe_kinds(counts: Mapping[str, int]) -> str:
    """Describe a result of `count_kinds`, as in "16 .heic and 2 without an ending"."""
    endings = list(counts)[:_MAX_KINDS]
    parts = [f"{counts[ending]:,} {_describe_ending(ending)}" for ending in endings]
    if others := sum(counts.values()) - sum(counts[ending] for ending in endings):
        parts.append(f"{others:,} others")
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _describe_ending(ending: str) -> str:
    if not ending:
        return "without an ending"
    is_missing = ending in HEIC_SUFFIXES and not HAS_HEIF
    return f"{quoted(ending, _MAX_ENDING)}{f' ({REMEDY} reads them)' if is_missing else ''}"
