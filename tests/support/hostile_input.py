"""Files that try to create a folder `canary`, to write outside, or to exhaust the memory."""

import io
import json
import os
import pickle
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

import bad_files as bad
from bad_files import IDX_IMAGES, Write, X, Y
from bad_input import Case
from heic_files import FLAT_HEIC

_BLOCK = 16 << 20
BOMB_BYTES = 3 << 30
_LONG_HEADER = b"\x93NUMPY\2\0" + struct.pack("<I", BOMB_BYTES)
_LINE_BYTES = 768 << 20  # Python takes three times as much to read a line


class Canary:
    """Creates a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def pickled_member(folder: Path) -> Path:
    """An archive with a pickled array."""
    canary = np.asarray([Canary(folder / "canary")] * len(X), dtype=object)
    return bad.npz(x_train=canary)(folder)


def pickled_npz(folder: Path) -> Path:
    """A pickle named like an archive, which `allow_pickle=True` would load."""
    return bad.file("data.npz", pickle.dumps(Canary(folder / "canary")))(folder)


def pickled_npy(folder: Path) -> Path:
    return bad.file("data.npy", pickle.dumps(Canary(folder / "canary")))(folder)


def pickled_column_type(folder: Path) -> Path:
    """A table with a Python extension type, which PyArrow used to unpickle."""
    kind = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(Canary(folder / "canary")),
    }
    label = pa.field("label", pa.string(), metadata=kind)
    schema = pa.schema([pa.field("image", pa.binary()), label])
    table = pa.table({"image": [bad.png(x) for x in X], "label": ["a"] * len(X)}, schema=schema)
    pq.write_table(table, folder / "data.parquet")
    return folder / "data.parquet"


def slipping_archive(folder: Path) -> Path:
    """An archive with member names that lead out of its folder, and a link."""
    with zipfile.ZipFile(folder / "data.npz", "w") as archive:
        for name, values in (("../../x_train", X), (f"{folder}/y_train", Y), ("y_train", Y)):
            content = io.BytesIO()
            np.save(content, values)
            archive.writestr(f"{name}.npy", content.getvalue())
        link = zipfile.ZipInfo("x_train.npy")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    return folder / "data.npz"


def slipping_tar(folder: Path) -> Path:
    """A tar file with a member above its folder, one with an absolute name, and a link."""
    with tarfile.open(bad.idx()(folder) / IDX_IMAGES, "w:gz") as archive:
        for escape in ("../escaped", str(folder / "escaped")):
            archive.addfile(tarfile.TarInfo(escape), io.BytesIO())
        link = tarfile.TarInfo("train")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
    return folder


def link_out(link: str, target: str) -> Write:
    """A folder of images in which one image or split is a link to the outside."""

    def write(folder: Path) -> Path:
        bad.images("elsewhere/cat", "given/train/cat", "given/train/dog", "given/test/cat")(folder)
        place = folder / "given" / link
        place.rename(folder / "replaced")
        place.symlink_to(folder / "elsewhere" / target)
        return folder / "given"

    return write


def zeros(packer: "zlib._Compress", start: bytes = b"") -> bytes:
    """Compress some bytes and then 3 GiB of zeros, by repeating one compressed block."""
    head = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(_BLOCK)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * (BOMB_BYTES // _BLOCK)


def gzip_bomb(folder: Path) -> Path:
    """Images followed by 3 GiB of zeros."""
    packed = zeros(zlib.compressobj(9, zlib.DEFLATED, 31), bad.idx_bytes(X))
    return bad.idx({IDX_IMAGES: packed})(folder)


def zip_bomb(header: bytes) -> Write:
    """An archive whose x_train starts with `header` and continues for 3 GiB."""

    def write(folder: Path) -> Path:
        packed = zeros(zlib.compressobj(9, zlib.DEFLATED, -15), header)
        name, size = b"x_train.npy", len(header) + BOMB_BYTES
        about = struct.pack("<5H3L2H", 20, 0, 8, 0, 33, 0, len(packed), size, len(name), 0)
        member = b"PK\3\4" + about + name + packed
        entry = b"PK\1\2" + struct.pack("<H", 20) + about + bytes(14) + name
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry), len(member), 0)
        return bad.file("data.npz", member + entry + end)(folder)

    return write


def npy_header(*shape: int) -> bytes:
    """The header of an NPY file of bytes."""
    file = io.BytesIO()
    fields = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, fields)
    return file.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A small PNG that states any size."""
    chunks = [
        (b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(1000))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(bad.png_chunk(*chunk) for chunk in chunks)


def patched(kind: str, mark: bytes, sides: bytes) -> bytes:
    """A small image of a format whose bytes after a mark are replaced by other sides."""
    file = io.BytesIO()
    options = {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(np.dstack([X[0]] * 3)).save(file, kind, **options)
    return patched_bytes(file.getvalue(), mark, sides)


def patched_bytes(content: bytes, mark: bytes, sides: bytes) -> bytes:
    start = content.index(mark) + len(mark)
    return content[:start] + sides + content[start + len(sides) :]


def bombs_of_pixels() -> Iterator[Case]:
    """Small images of every format that state more pixels than are read."""
    webp = ((1 << 14) - 1) * (1 + (1 << 14))  # both sides less one, in 14 bits each
    tag = struct.pack("<HHII", 257, 4, 1, 20_000)  # the height, after the width
    images = {
        "png": png_of(60_000, 60_000),
        "webp": patched("WEBP", b"\0\0\0\x2f", struct.pack("<I", webp)),
        "tiff": patched("TIFF", struct.pack("<HHI", 256, 4, 1), struct.pack("<I", 20_000) + tag),
        "gif": patched("GIF", b"GIF87a", struct.pack("<HH", 60_000, 60_000)),
        "heic": patched_bytes(FLAT_HEIC, b"ispe\0\0\0\0", struct.pack(">II", 16_000, 16_000)),
        "avif": patched("AVIF", b"ispe\0\0\0\0", struct.pack(">II", 16_000, 16_000)),
    }
    for kind, content in images.items():
        facts = ("dog/1.png", "89,478,485 pixels")
        yield Case(f"bomb-of-pixels-{kind}", facts, bad.images(files={"dog/1.png": content}))


def parquet_bomb(folder: Path) -> Path:
    """A table of 1 MB whose images decompress to a page of 260 MiB."""
    table = pa.table({"image": [bytes(260 << 20), b""], "label": ["a", "b"]})
    pq.write_table(table, folder / "data.parquet", compression="zstd", use_dictionary=False)
    return folder / "data.parquet"


def parquet_header_bomb(folder: Path) -> Path:
    """A table whose page of distinct labels states 2**31 - 1 of them."""
    path = bad.parquet(label=["a", "b"] * 4)(folder)
    two, most = b"\x3c\x15\x04\x15", b"\x3c\x15\xfe\xff\xff\xff\x0f\x15"  # values of a dictionary
    path.write_bytes(path.read_bytes().replace(two, most, 1))
    return path


def endless_line(folder: Path) -> Path:
    """A sparse CSV file of zeros without a line end."""
    with (folder / "data.csv").open("wb") as file:
        file.truncate(_LINE_BYTES)
    return folder / "data.csv"


def yaml(folder: Path) -> Path:
    """A YAML file with a tag that calls a function if it is loaded unsafely."""
    canary = json.dumps(str(folder / "canary"))
    text = f"training:\n  epochs: !!python/object/apply:os.mkdir [{canary}]\n"
    return bad.file("mine.yaml", text.encode())(folder)


PICKLES = (
    Case("pickled-images-npz", ("data.npz, x_train", "pickled"), pickled_member),
    Case("pickle-as-npz", ("data.npz", ".npz archive"), pickled_npz),
    Case("pickle-as-npy", ("data.npy", "np.savez"), pickled_npy),
    Case("pickled-type-parquet", ("one class ('a')",), pickled_column_type),
)

ESCAPES = (
    Case("slip-and-link-npz", ("x_train", "NPY"), slipping_archive),
    Case("slip-tar-as-idx", ("IDX file of images",), slipping_tar),
    Case("link-to-an-image", ("0.png", "link"), link_out("train/dog/0.png", "cat/0.png")),
    Case("link-to-a-split", ("train", "link"), link_out("train", "")),
)

BOMBS = (
    Case("bomb-idx", (IDX_IMAGES, "states 8 x 8 x 8 bytes", "more"), gzip_bomb),
    Case("bomb-in-the-header-npz", ("x_train", "3,221,225,472 bytes"), zip_bomb(_LONG_HEADER)),
    Case("bomb-of-one-image-npz", ("67,108,864 bytes",), zip_bomb(npy_header(2, 1 << 15, 3 << 14))),
    *bombs_of_pixels(),
    Case(
        "bomb-of-pixels-parquet",
        ("data.parquet, row 3", "89,478,485 pixels"),
        bad.parquet(image=[bad.png(x) for x in X[:3]] + [png_of(60_000, 60_000)] * 5),
    ),
    Case("bomb-page-parquet", ("row group 0", "272,6"), parquet_bomb),
    Case("bomb-in-the-header-parquet", ("data.parquet", "memory"), parquet_header_bomb),
    Case("endless-line-csv", ("data.csv", "CSV"), endless_line),
)

TAGS = (
    Case("tag-in-a-yaml-file", ("mine.yaml", "TOML"), yaml, ("--config={folder}/mine.yaml",)),
    Case(
        "tag-in-a-setting",
        ("'training.epochs' does not accept '!!python",),
        options=('--set=training.epochs=!!python/object/apply:os.mkdir ["{folder}/canary"]',),
    ),
)

HOSTILE = PICKLES + ESCAPES + BOMBS + TAGS
