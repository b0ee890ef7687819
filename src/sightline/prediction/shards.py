"""Predict many images in shards that stay in the cache. Runs in the Keras process.

A prediction that was interrupted continues with the shards that are missing. Two at once share the
work: each computes shards that the other one has not begun. A shard holds whole blocks, so that the
model sees the same batches as without shards, and the tables are equal.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, count, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sightline.data.decoding.images import EncodedImage
from sightline.data.decoding.parallel import ordered_map
from sightline.data.readers.base import Form
from sightline.errors import ChangedDataError, StageError
from sightline.pipeline import cache
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import KERAS, Stage
from sightline.prediction import stream
from sightline.prediction.predicted import Conversions, Predicted
from sightline.prediction.records import PredictedShard, Request
from sightline.prediction.stream import Block, Named
from sightline.records import Run
from sightline.storage import digests

_BLOCKS = "blocks.parquet"
_COUNTS = "counts.npy"
_CONVERSIONS = len(Conversions._fields)
_SCHEMA = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        ("error", pa.string()),
        pa.field("sum", pa.int64(), nullable=False),  # Of the pixels; 0 for an unreadable image
        pa.field("probabilities", pa.list_(pa.float32()), nullable=False),
    ]
)

PredictBlocks = Callable[[Iterator[Block]], Iterator[Predicted]]


class _Part(NamedTuple):
    """The images of a shard, and the digest of each before it was decoded."""

    images: list[Named]
    contents: list[str]


@dataclass(frozen=True)
class Shards:
    """The shards of a prediction, by one model in one form."""

    run: Run
    model_sha256: str
    form: Form
    block: int  # Images of a block
    predict_blocks: PredictBlocks

    def predict(self, request: Request, advance: Callable[[int], object]) -> Iterator[Predicted]:
        """Predict image files in shards; yield the blocks in order, none of a share.

        `advance` is told of the images of each shard that is in the cache.
        """
        size = max(1, request.shard_images // self.block) * self.block
        with self.run.workspace.in_use():
            keys = self._complete(_parts(request, size), advance)
            for key in [] if request.share else keys:
                entry = cache.find(self.run, PREDICT_SHARD, key)
                if entry is None:
                    raise StageError("A shard was removed before it was merged; run again.")
                yield from _read(self.run, entry.record)

    def _complete(self, parts: Iterator[_Part], advance: Callable[[int], object]) -> list[str]:
        """Predict what is missing, last what another process predicts; return the keys."""
        keys: list[str] = []
        busy: dict[str, _Part] = {}
        for part in parts:
            key = self._key(part)
            keys.append(key)
            with cache.idle(self.run, PREDICT_SHARD, key) as free:
                pass
            if free:
                self._predict(key, part, advance)
            else:
                busy[key] = part
        for key, part in busy.items():
            self._predict(key, part, advance)
        return keys

    def _key(self, part: _Part) -> str:
        """Return the cache key of a shard: of the model and the names and bytes of its images."""
        digest = hashlib.sha256()
        for image, content in zip(*part, strict=True):
            digest.update(f"{image.name}\0{content}\n".encode(errors="surrogateescape"))
        return PREDICT_SHARD.key(
            self.model_sha256, json.dumps(self.form), str(self.block), digest.hexdigest()
        )

    def _predict(self, key: str, part: _Part, advance: Callable[[int], object]) -> None:
        if cache.peek(self.run, PREDICT_SHARD, key) is not None:
            advance(len(part.images))
        blocks = stream.decoded_blocks(part.images, self.form, self.block)
        predict_shard(self.run, key, _unchanged(part, self.predict_blocks(blocks)))


def predict_shard(run: Run, key: str, blocks: Iterator[Predicted]) -> PredictedShard:
    """Store the predicted blocks of a shard, or reuse the cached ones, and draw none then."""
    return find_or_make(run, PREDICT_SHARD, key, lambda draft: _write(draft, blocks))


PREDICT_SHARD = Stage(predict_shard, (*KERAS, "pillow", "pi-heif", "pyarrow", "simplejpeg"))


def _parts(request: Request, size: int) -> Iterator[_Part]:
    images = chain.from_iterable(map(stream.encoded, request.inputs))
    mine, all_of_them = request.share or (0, 1)
    for number in count():
        if not (part := list(islice(images, size))):
            return
        if number % all_of_them == mine:
            yield _Part(part, [*ordered_map(_digest, part)])


def _unchanged(part: _Part, blocks: Iterator[Predicted]) -> Iterator[Predicted]:
    """Pass on blocks; raise ChangedDataError at the end if an image is not what its key says.

    It was read twice, for its digest and to be decoded, and may have changed in between.
    """
    yield from blocks
    for image, before, after in zip(*part, ordered_map(_digest, part.images), strict=True):
        if before != after:
            raise ChangedDataError(
                f"{image.name} changed while it was read; run again when it is complete."
            )


def _digest(image: Named) -> str:
    """Return the SHA-256 of an image file; what cannot be read has no prediction to keep.

    A remote file is not read: its version changes with its content, and it is read by its version.
    """
    if path := stream.remote_path(image):
        return f"{path.file.bytes} {path.file.version}"
    data = image.value.data if isinstance(image.value, EncodedImage) else None
    try:
        return digests.sha256(data) if isinstance(data, Path) else ""
    except OSError as error:
        return f"unreadable: {error.strerror}"


def _write(draft: Draft, blocks: Iterator[Predicted]) -> PredictedShard:
    """Write each block as a row group, and its counts as a row."""
    counts = []
    path = draft.path(_BLOCKS)
    with pq.ParquetWriter(path, _SCHEMA, write_page_checksum=True) as writer:
        for block in blocks:
            rows = len(block.probabilities)
            sums = np.zeros(rows, np.int64)
            sums[[row for row in range(rows) if row not in block.errors]] = block.sums
            columns = [
                block.names,
                pa.array([block.errors.get(row) for row in range(rows)], pa.string()),
                pa.array(sums),
                pa.array(list(block.probabilities), pa.list_(pa.float32())),
            ]
            writer.write_table(pa.table(columns, schema=_SCHEMA), row_group_size=rows)
            counts.append([*block.conversions, *block.histogram])
    np.save(draft.path(_COUNTS), np.array(counts, np.int64))
    return PredictedShard(blocks=draft.record(_BLOCKS), counts=draft.record(_COUNTS))


def _read(run: Run, shard: PredictedShard) -> Iterator[Predicted]:
    counts = np.load(run.workspace.path(shard.counts.path), allow_pickle=False)
    path = run.workspace.path(shard.blocks.path)
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for number, row in enumerate(counts):
            table = file.read_row_group(number).combine_chunks()
            found = table["error"].to_pylist()
            errors = {row: error for row, error in enumerate(found) if error is not None}
            readable = [error is None for error in found]
            flat = table["probabilities"].combine_chunks().flatten().to_numpy()
            yield Predicted(
                table["name"].combine_chunks(),
                flat.reshape(len(found), -1),
                errors,
                Conversions(*row[:_CONVERSIONS].tolist()),
                row[_CONVERSIONS:],
                table["sum"].to_numpy()[readable],
            )
