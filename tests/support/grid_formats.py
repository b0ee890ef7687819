"""Write the same examples in every format that Sightline reads: the columns of the grid."""

import io
import json
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from tfrecord_files import Values, write_tfrecord


@dataclass(frozen=True)
class Example:
    """One image as its format should hold it."""

    split: str  # Name of its folder, file or array; "" if the data set has no splits
    label: Any  # A string, number, truth value or list; None if it has none
    image: NDArray[Any] | bytes  # Pixels of shape (h, w, channels), or an encoded image
    seen: NDArray[Any] | None = None  # uint8 of shape (h, w, channels) as it should be read
    suffix: str = ".png"


@dataclass(frozen=True)
class Format:
    """A format, and what it can hold."""

    write: Callable[[Path, Sequence[Example]], Mapping[str, Any]]  # Returns the settings to read it
    holds: frozenset[str]


def encoded(pixels: NDArray[Any], kind: str = "", **options: Any) -> bytes:
    """Encode pixels of shape (h, w, channels) as an image file."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    if kind == "GIF":
        image = image.convert("P", palette=Image.Palette.ADAPTIVE)
    buffer = io.BytesIO()
    image.save(buffer, kind or ("TIFF" if pixels.dtype.kind == "f" else "PNG"), **options)
    return buffer.getvalue()


def _content(example: Example) -> bytes:
    return example.image if isinstance(example.image, bytes) else encoded(example.image)


def _splits(examples: Iterable[Example]) -> dict[str, list[Example]]:
    return {name: list(group) for name, group in groupby(examples, lambda one: one.split)}


def _has_labels(examples: Sequence[Example]) -> bool:
    return any(one.label is not None for one in examples)


def _save(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_folders(path: Path, examples: Sequence[Example]) -> dict[str, Any]:
    for number, one in enumerate(examples):
        folder = path / one.split / ("" if one.label is None else str(one.label))
        _save(folder / f"{number}{one.suffix}", _content(one))
    return {}


def _write_table(path: Path, examples: Sequence[Example]) -> dict[str, Any]:
    for split, own in _splits(examples).items():
        rows = []
        for number, one in enumerate(own):
            _save(path / split / f"{number}{one.suffix}", _content(one))
            if one.label is not None:
                rows.append({"file_name": f"{number}{one.suffix}", "label": one.label})
        if rows:
            text = "".join(f"{json.dumps(row)}\n" for row in rows)
            (path / split / "metadata.jsonl").write_text(text, encoding="utf-8")
    return {}


def _write_named(path: Path, examples: Sequence[Example]) -> dict[str, Any]:
    for number, one in enumerate(examples):
        name = f"{number}" if one.label is None else f"{one.label}.{number}"
        _save(path / one.split / f"{name}{one.suffix}", _content(one))
    return {"label_pattern": r"^(.+)\.\d+(?:\.\w+)?$"}


def _write_parquet(path: Path, examples: Sequence[Example]) -> dict[str, Any]:
    path.mkdir(parents=True, exist_ok=True)
    for split, own in _splits(examples).items():
        columns: dict[str, Any] = {"image": [{"bytes": _content(one), "path": ""} for one in own]}
        if _has_labels(own):
            columns["label"] = [one.label for one in own]
        pq.write_table(pa.table(columns), path / f"{split or 'images'}.parquet")
    return {}


def _write_webdataset(path: Path, examples: Sequence[Example]) -> dict[str, Any]:
    path.mkdir(parents=True, exist_ok=True)
    for split, own in _splits(examples).items():
        with tarfile.open(path / f"{split or 'images'}-000000.tar", "w") as archive:
            for number, one in enumerate(own):
                members = {one.suffix or ".img": _content(one)}
                if one.label is not None:
                    members[".json"] = json.dumps({"label": one.label}).encode()
                for suffix, content in members.items():
                    member = tarfile.TarInfo(f"{number:06}{suffix}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    return {}


def _write_tfrecord(path: Path, examples: Sequence[Example]) -> dict[str, Any]:
    for split, own in _splits(examples).items():
        rows = []
        for one in own:
            row: dict[str, Values] = {"image/encoded": _content(one)}
            if isinstance(one.label, list | str | float):
                row["label"] = one.label
            elif one.label is not None:
                row["label"] = int(one.label)
            rows.append(row)
        write_tfrecord(path / f"images-{split or 'all'}.tfrecord-00000-of-00001", rows)
    return {}


def _write_npz(path: Path, examples: Sequence[Example]) -> dict[str, Any]:
    arrays = {}
    for split, own in _splits(examples).items():
        arrays[f"x_{split or 'train'}"] = np.stack([np.asarray(one.image) for one in own])
        if _has_labels(own):
            arrays[f"y_{split or 'train'}"] = np.array([one.label for one in own])
    path.mkdir(parents=True, exist_ok=True)
    np.savez(path / "images.npz", **arrays)
    return {}


def _write_csv(path: Path, examples: Sequence[Example]) -> dict[str, Any]:
    path.mkdir(parents=True, exist_ok=True)
    for split, own in _splits(examples).items():
        header = [f"pixel{number}" for number in range(np.asarray(own[0].image).size)]
        rows = [[*map(str, np.asarray(one.image).reshape(-1).tolist())] for one in own]
        if _has_labels(own):
            header.insert(0, "label")
            for one, row in zip(own, rows, strict=True):
                row.insert(0, "" if one.label is None else f'"{one.label}"')
        text = "".join(f"{','.join(row)}\n" for row in (header, *rows))
        (path / f"{split or 'images'}.csv").write_text(text, encoding="utf-8")
    return {}


def _write_idx(path: Path, examples: Sequence[Example]) -> dict[str, Any]:
    names = {"": "train", "train": "train", "test": "t10k"}
    for split, own in _splits(examples).items():
        images = np.stack([np.asarray(one.image)[..., 0] for one in own])
        _save(path / f"{names[split]}-images-idx3-ubyte", _idx(images))
        if _has_labels(own):
            labels = np.array([one.label for one in own], np.uint8)
            _save(path / f"{names[split]}-labels-idx1-ubyte", _idx(labels))
    return {}


def _idx(array: NDArray[np.uint8]) -> bytes:
    header = np.array([0x800 + array.ndim, *array.shape], ">i4")
    return header.tobytes() + array.tobytes()


_FILES = frozenset({"files", "color", "deep", "floats", "splits", "text", "skips"})
_TYPED = frozenset({"typed", "booleans"})
_NUMBERS = _TYPED | {"numbers", "color", "deep", "floats", "splits", "text", "one file"}
FORMATS = {
    "class folders": Format(_write_folders, _FILES | {"loose"}),
    "label table": Format(_write_table, _FILES | _TYPED | {"loose", "lists"}),
    "file names": Format(_write_named, _FILES | {"loose"}),
    "Parquet": Format(_write_parquet, _FILES | _TYPED | {"lists", "one file"}),
    "TFRecord": Format(_write_tfrecord, _FILES | {"typed", "lists", "one file"}),
    "WebDataset": Format(_write_webdataset, _FILES | _TYPED | {"lists", "one file"}),
    "NPZ": Format(_write_npz, _NUMBERS | {"lists"}),
    "CSV": Format(_write_csv, _NUMBERS),
    "IDX": Format(_write_idx, frozenset({"bytes", "one file"})),
}
