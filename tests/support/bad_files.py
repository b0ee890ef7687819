"""Small data sets of every format, valid or with one fault, each a function of a folder.

By default eight 8x8 images of four classes, two images per class.
"""

import gzip
import io
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

Write = Callable[[Path], Path]  # Writes into an empty folder and returns the path for `--dataset`

COUNT = 8
X = np.random.default_rng(0).integers(0, 256, (COUNT, 8, 8), dtype=np.uint8)
Y = np.arange(COUNT, dtype=np.uint8) % 4
HTML = b"<!DOCTYPE html><html><body>Please sign in</body></html>"
IDX_IMAGES, IDX_LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


def idx_bytes(values: NDArray[np.uint8], kind: int = 8) -> bytes:
    """Return an IDX file; `kind` 8 is unsigned bytes, 13 is floats."""
    header = struct.pack(f">4B{values.ndim}I", 0, 0, kind, values.ndim, *values.shape)
    return header + values.tobytes()


def idx(
    files: Mapping[str, bytes] | None = None,
    images: NDArray[np.uint8] = X,
    labels: NDArray[np.uint8] = Y,
) -> Write:
    """Write four compressed IDX files; `files` replaces the content of some."""
    arrays = {"images-idx3-ubyte.gz": images, "labels-idx1-ubyte.gz": labels}
    content = {
        f"{split}-{name}": gzip.compress(idx_bytes(values), mtime=0)
        for split in ("train", "t10k")
        for name, values in arrays.items()
    }

    def write(folder: Path) -> Path:
        for name, data in (content | dict(files or {})).items():
            (folder / name).write_bytes(data)
        return folder

    return write


def npz(**changes: object) -> Write:
    """Write an archive of four arrays; a change of None removes one."""
    found: dict[str, Any] = {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y} | changes
    arrays = {name: array for name, array in found.items() if array is not None}

    def write(folder: Path) -> Path:
        np.savez(folder / "data.npz", **arrays)
        return folder / "data.npz"

    return write


def png(image: NDArray[np.uint8]) -> bytes:
    """Return a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def parquet(names: list[str] | None = None, **columns: object) -> Write:
    """Write a table with the columns image and label; `names` are Hugging Face class names."""
    found: dict[str, Any] = {"image": [png(image) for image in X], "label": Y.tolist()} | columns
    features = {"label": {"names": names or [], "_type": "ClassLabel"}}
    schema = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}

    def write(folder: Path) -> Path:
        table = pa.table(found).replace_schema_metadata(schema)
        pq.write_table(table, folder / "data.parquet", write_page_checksum=True)
        return folder / "data.parquet"

    return write


def csv(rows: Mapping[tuple[int, int], object] | None = None, test: object = None) -> Write:
    """Write a header and a row per image; `rows` replaces cells, `test` labels a second file."""
    table: NDArray[Any] = np.column_stack([Y, X.reshape(COUNT, -1)]).astype(object)
    for cell, value in (rows or {}).items():
        table[cell] = value

    def write_rows(path: Path) -> Path:
        header = ["label", *(f"pixel{number}" for number in range(64))]
        path.write_text("\n".join(",".join(map(str, row)) for row in [header, *table]))
        return path

    def write(folder: Path) -> Path:
        path = write_rows(folder / "train.csv")
        if test is None:
            return path
        table[:, 0] = test
        write_rows(folder / "test.csv")
        return folder

    return write


def images(*folders: str, files: Mapping[str, bytes] | None = None) -> Write:
    """Write two PNG images to each folder, such as "train/cat"; `files` are added or replaced."""
    content = {f"{name}/{n}.png": png(X[n]) for name in folders or ("cat", "dog") for n in (0, 1)}

    def write(folder: Path) -> Path:
        for name, data in (content | dict(files or {})).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return folder

    return write


def file(name: str, content: bytes) -> Write:
    """Write a single file."""

    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def damaged(write: Write, change: Callable[[bytes], bytes], name: str = "") -> Write:
    """Write, then change the bytes of the only file or of the file `name`."""

    def write_damaged(folder: Path) -> Path:
        found = write(folder)
        path = folder / name if name else found
        path.write_bytes(change(path.read_bytes()))
        return found

    return write_damaged


def cut(keep: float) -> Callable[[bytes], bytes]:
    """Keep this share of the bytes."""
    return lambda content: content[: int(keep * len(content))]


def flipped(share: float) -> Callable[[bytes], bytes]:
    """Flip one bit at this share of the length."""

    def flip(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[int(share * len(content))] ^= 4
        return bytes(changed)

    return flip
