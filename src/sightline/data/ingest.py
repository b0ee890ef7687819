"""The stage ingest: any verified source to one canonical form."""

import hashlib
import math
from collections.abc import Iterator, Sized
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data import splits
from sightline.data.layout import UNSPLIT
from sightline.data.readers import dispatch
from sightline.data.readers import images as raw_images
from sightline.data.readers.base import RawDataset, RawSplit
from sightline.data.validation import inspect
from sightline.errors import ConfigError, DataError
from sightline.pipeline import cache
from sightline.pipeline.cache import Draft
from sightline.pipeline.counting import Counter
from sightline.pipeline.stages import Stage
from sightline.records import ArrayFile, DatasetFiles, Run, Source
from sightline.storage import npy

_LABELS_FILE = "labels.parquet"
_ROW_GROUP = 16_384
_KEPT_BYTES = 16
_SCHEMA = pa.schema(
    [
        ("index", pa.int64()),
        ("split", pa.string()),
        ("label", pa.int64()),
        ("class_name", pa.string()),
        ("source", pa.string()),
        ("pixels_sha256", pa.string()),
    ]
)

Part = TypeVar("Part", bound=Sized)


@dataclass(frozen=True)
class _Member:
    """The rows of some examples that make one split: bool array of shape (n,)."""

    split: str
    examples: RawSplit
    chosen: NDArray[np.bool_]

    @property
    def file(self) -> str:
        return f"images_{self.split}.npy"

    @property
    def count(self) -> int:
        return int(self.chosen.sum())

    @property
    def rows(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.chosen)

    @property
    def labels(self) -> NDArray[np.int16]:
        return self.examples.labels[self.chosen].astype(np.int16)

    @property
    def labels_sha256(self) -> str:
        return hashlib.sha256(self.labels.astype("<i2").tobytes()).hexdigest()


def ingest(run: Run, source: Source, settings: DataConfig) -> DatasetFiles:
    """Bring a source to uint8 images and a label table, or find that done.

    Peak memory does not grow with the number of images: only labels are held whole.

    Args:
        run: Gives the artifacts root, the data folder and the mirror.
        source: What `datasets.locate` found.
        settings: How to read it.

    Returns:
        The files of the cache entry.

    Raises:
        ConfigError: A metadata column has a name that the label table needs itself.
        DataError: The source is damaged or malformed.
        DownloadError: No mirror delivered a named data set.
        StorageError: The disk has too little room for the images.
    """
    key = INGEST.key(source, settings)
    return cache.find_or_make(run, INGEST, key, lambda draft: _make(run, source, settings, draft))


INGEST = Stage(ingest, ("numpy", "pillow", "pyarrow"))


def _make(run: Run, source: Source, settings: DataConfig, draft: Draft) -> DatasetFiles:
    schema = _schema(settings)
    reading, origin = dispatch.open_source(run, source, settings)
    shape = raw_images.target_shape(reading.image_shape, settings)
    members = [
        member
        for examples in reading.splits
        for member in _divide(examples, reading.class_names, settings)
    ]
    needed = sum(member.count for member in members) * math.prod(shape)
    run.workspace.check_room(needed, "The images")
    images = _write_images(draft, reading, members, shape)
    digests = _write_labels(draft, reading, members, schema)
    labels = np.concatenate([member.labels for member in members])
    paths = {member.split: draft.path(member.file) for member in members}
    counts = {member.split: _counts(member, reading) for member in members}
    return DatasetFiles(
        dataset=source.dataset,
        source=origin,
        class_names=reading.class_names,
        image_shape=shape,
        images=images,
        labels=draft.record(_LABELS_FILE),
        label_digests={member.split: member.labels_sha256 for member in members},
        counts=counts,
        notes=(*reading.notes, *_notes(reading, members, shape)),
        inspection=inspect.inspect(draft, paths, labels, digests, counts, draft.path(_LABELS_FILE)),
    )


def _schema(settings: DataConfig) -> Any:
    """Add the metadata columns to those of every label table."""
    names = settings.metadata_columns
    for name in names:
        if name in _SCHEMA.names:
            raise ConfigError(
                f"data.metadata_columns names {name!r}, a column that every label table has; "
                "rename it in the data."
            )
        if names.count(name) > 1:
            raise ConfigError(f"data.metadata_columns names {name!r} twice; name it once.")
    return pa.schema([*_SCHEMA, *(pa.field(name, pa.string()) for name in names)])


def _divide(
    examples: RawSplit, class_names: tuple[str, ...], settings: DataConfig
) -> list[_Member]:
    if examples.name != UNSPLIT:
        return [_Member(examples.name, examples, np.ones(len(examples.labels), np.bool_))]
    test = splits.choose_share(
        examples.labels, class_names, settings.test_fraction, settings.seed, "test"
    )
    return [_Member("train", examples, ~test), _Member("test", examples, test)]


def _write_images(
    draft: Draft, reading: RawDataset, members: list[_Member], shape: tuple[int, int, int]
) -> dict[str, ArrayFile]:
    """Read every example once and append it to the file of its split; return their records."""
    counter = Counter("images", sum(len(part.labels) for part in reading.splits))
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                npy.ArrayWriter(draft.path(member.file), (member.count, *shape), "uint8")
            )
            for member in members
        ]
        for examples in reading.splits:
            start = 0
            for block in _counted(raw_images.conform(examples.images(), shape), examples, "images"):
                for member, writer in zip(members, writers, strict=True):
                    if member.examples is examples:
                        chosen = member.chosen[start : start + len(block)]
                        writer.append(block if chosen.all() else block[chosen])
                start += len(block)
                counter.advance(len(block))
    return {
        member.split: draft.array_record(writer)
        for member, writer in zip(members, writers, strict=True)
    }


def _counted(parts: Iterator[Part], examples: RawSplit, what: str) -> Iterator[Part]:
    """Make sure that there are as many images, or rows, as labels, which were read before."""
    left = len(examples.labels)
    for part in parts:
        left -= len(part)
        if left < 0:
            break
        yield part
    if left:
        raise DataError(
            f"The source changed while it was read: it had {len(examples.labels):,} labels "
            f"({examples.name}), then {'more' if left < 0 else 'fewer'} {what}; run again."
        )


def _write_labels(
    draft: Draft, reading: RawDataset, members: list[_Member], schema: Any
) -> NDArray[np.bytes_]:
    """Write the label table; return the first half of each image's SHA-256, 16 bytes."""
    kept: list[NDArray[np.bytes_]] = []
    with pq.ParquetWriter(
        draft.path(_LABELS_FILE),
        schema,
        use_dictionary=["split", "class_name", *schema.names[len(_SCHEMA) :]],
        write_page_checksum=True,
    ) as writer:
        for member in members:
            digests, metadata = _digests(draft, member), _metadata(member)
            rows = member.rows
            for start in range(0, len(rows), _ROW_GROUP):
                chosen = rows[start : start + _ROW_GROUP]
                columns = _columns(member, reading, chosen, start)
                columns.append(pa.array(list(islice(digests, len(chosen))), pa.string()))
                kept.append(_first_halves(columns[-1]))
                columns += next(metadata)
                writer.write_table(pa.table(columns, schema=schema))
    return np.concatenate(kept)


def _first_halves(digests: pa.Array) -> NDArray[np.bytes_]:
    """Return what tells images apart as well as the whole digest does, in a quarter of the room."""
    text = "".join(digest[: 2 * _KEPT_BYTES] for digest in digests.to_pylist())
    return np.frombuffer(bytes.fromhex(text), dtype=f"S{_KEPT_BYTES}")


def _columns(
    member: _Member, reading: RawDataset, rows: NDArray[np.int64], start: int
) -> list[Any]:
    numbers = member.examples.labels[rows]
    return [
        pa.array(np.arange(start, start + len(rows))),
        pa.array([member.split] * len(rows), pa.string()),
        pa.array(numbers),
        pa.array([reading.class_names[number] for number in numbers], pa.string()),
        pa.array([_printable(member.examples.source(int(row))) for row in rows], pa.string()),
    ]


def _metadata(member: _Member) -> Iterator[list[Any]]:
    """Yield the metadata columns of the member's rows, a row group at a time."""
    if member.examples.metadata is None:
        yield from repeat([])
        return
    start, held = 0, None
    for batch in _counted(member.examples.metadata(), member.examples, "rows of metadata"):
        chosen = pa.table(batch.filter(pa.array(member.chosen[start : start + len(batch)])))
        start += len(batch)
        held = chosen if held is None else pa.concat_tables([held, chosen])
        while len(held) >= _ROW_GROUP:
            yield held.slice(0, _ROW_GROUP).columns
            held = held.slice(_ROW_GROUP)
    if held:
        yield held.columns


def _printable(text: str) -> str:
    """Escape the bytes of a file name that are no UTF-8."""
    return text.encode(errors="backslashreplace").decode()


def _digests(draft: Draft, member: _Member) -> Iterator[str]:
    """Yield the SHA-256 of each image's pixels, read back from the file just written."""
    for block in npy.read_blocks(draft.path(member.file)):
        for image in block.reshape(len(block), -1):
            yield hashlib.sha256(image.data).hexdigest()


def _counts(member: _Member, reading: RawDataset) -> tuple[int, ...]:
    chosen = member.examples.labels[member.chosen]
    counts = np.bincount(chosen, minlength=len(reading.class_names))
    return tuple(int(count) for count in counts)


def _notes(
    reading: RawDataset, members: list[_Member], shape: tuple[int, int, int]
) -> tuple[str, ...]:
    notes = []
    if reading.image_shape[:2] != shape[:2]:
        before, after = (f"{height}x{width}" for height, width, _ in (reading.image_shape, shape))
        notes.append(f"All images were resized from {before} to {after} pixels.")
    if reading.image_shape[2] != shape[2]:
        notes.append(f"All images were converted to {'grey' if shape[2] == 1 else 'RGB'}.")
    if any(member.examples.name == UNSPLIT for member in members):
        test = sum(int(member.chosen.sum()) for member in members if member.split == "test")
        notes.append(f"{test:,} examples, a share of each class, were set aside for testing.")
    return tuple(notes)
