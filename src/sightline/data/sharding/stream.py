"""Read ingested shards as a stream of blocks, as their source would give them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.readers.base import Blocks, RawBlock, RawDataset
from sightline.data.sharding.partition import partition
from sightline.data.sharding.shard import INGEST_SHARD
from sightline.records import ArrayFile, EncodedFile, IngestedShard, Run, Shard, Source
from sightline.storage import npy
from sightline.storage.npy import BLOCK_BYTES
from sightline.storage.workspace import Workspace

Rows = NDArray[Any]  # Array (n,) of `examination.ROW`
IngestShards = Callable[[Run, Sequence[Shard]], Iterator[IngestedShard]]
"""Ingests shards somewhere and yields them in order."""


@dataclass(frozen=True)
class Sharded:
    """The images of a source that are ingested in shards."""

    # Raw split to what starts a stream of its images, in the order of its labels
    streams: Mapping[str, Callable[[], Blocks]] = field(default_factory=dict)
    entries: tuple[str, ...] = ()  # The cache entries of the shards, below the artifacts root


def open_shards(
    run: Run, source: Source, settings: DataConfig, raw: RawDataset, ingest: IngestShards
) -> Sharded:
    """Divide more than `data.shard_images` images in a folder or Parquet files.

    Fewer have no shards, nor have other formats.
    """
    count = sum(len(split.labels) for split in raw.splits)
    if not all(split.places for split in raw.splits) or count <= settings.shard_images:
        return Sharded()
    shards = partition(run, source, settings, raw).splits

    def stream(split: str) -> Blocks:
        for ingested in ingest(run, shards[split]):
            yield from read_shard(run.workspace, ingested)

    return Sharded(
        {name: partial(stream, name) for name in shards},
        tuple(
            f"cache/{INGEST_SHARD.name}/{INGEST_SHARD.key(one)}/"
            for split in shards.values()
            for one in split
        ),
    )


def read_shard(workspace: Workspace, shard: IngestedShard) -> Blocks:
    """Read a shard in blocks that are examined already; encoded images are not decoded."""
    rows = npy.open_mapped(workspace.path(shard.rows.path))
    if isinstance(shard.images, ArrayFile):
        start = 0
        for pixels in npy.read_blocks(workspace.path(shard.images.path)):
            part = np.array(rows[start : start + len(pixels)])
            yield RawBlock(pixels, part["content"], rows=part)
            start += len(pixels)
    else:
        yield from _read_encoded(workspace, shard.images, rows)


def _read_encoded(workspace: Workspace, images: EncodedFile, rows: Rows) -> Blocks:
    offsets = np.load(workspace.path(images.offsets.path), allow_pickle=False)
    start = 0
    with workspace.path(images.path).open("rb") as file:
        while start < len(rows):
            stop = int(np.searchsorted(offsets, offsets[start] + BLOCK_BYTES, side="right")) - 1
            stop = max(start + 1, stop)
            part = np.array(rows[start:stop])
            contents = tuple(file.read(size) for size in np.diff(offsets[start : stop + 1]))
            no_pixels = np.empty((len(part), 0), np.uint8)
            yield RawBlock(no_pixels, part["content"], contents, part)
            start = stop
