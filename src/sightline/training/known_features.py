"""Features in the cache that the same frozen layers computed with the same settings, by image."""

import functools
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.errors import StageError
from sightline.pipeline import cache
from sightline.pipeline.stages import Stage
from sightline.records import Run
from sightline.storage import npy
from sightline.training.embed import EMBED
from sightline.training.embed_shard import EMBED_SHARD
from sightline.training.feature_shards import FRONT

Known = dict[bytes, NDArray[Any]]
"""Digest of an image to its features (views, ...), which lie in a mapped file."""


def find_known(
    run: Run, front: str, wanted: NDArray[np.uint8], views: int, dtype: "np.dtype[Any]"
) -> Known:
    """Find images whose features in so many views are in the cache, at least as exact as `dtype`.

    `wanted` are their digests, uint8 (n, 32), and `front` identifies layers and settings. What is
    held in memory depends on n alone; an entry is checked before its features are used.
    """
    missing = {row.tobytes() for row in wanted}
    prefixes = _prefixes(wanted)
    found: Known = {}
    for digests in _tables(run, front):
        with suppress(OSError, ValueError, StageError):  # a damaged entry is of no use
            features = npy.open_mapped(
                digests.with_name(digests.name.replace("digests", "features"))
            )
            rows = {digest: row for row, digest in _rows(digests, prefixes) if digest in missing}
            serve = features.shape[1] >= views and features.itemsize >= dtype.itemsize
            if rows and serve and _is_complete(run, digests.parent):
                found |= {digest: features[row, :views] for digest, row in rows.items()}
                missing -= rows.keys()
    return found


def _tables(run: Run, front: str) -> Iterator[Path]:
    """Yield the tables of digests of entries that the same layers and settings computed."""
    for stage in () if run.refresh else (EMBED_SHARD, EMBED):
        for path in sorted((run.workspace.root / "cache" / stage.name).glob(f"[!.]*/{FRONT}")):
            with suppress(OSError):  # another process may replace or remove the entry
                if path.read_bytes() == front.encode():
                    yield from sorted(path.parent.glob("digests_*.npy"))


@functools.lru_cache(maxsize=4096)  # the next shards may need the same entries
def _is_complete(run: Run, folder: Path) -> bool:
    stage: Stage[Any] = EMBED if folder.parent.name == EMBED.name else EMBED_SHARD
    return cache.find(run, stage, folder.name) is not None


def _rows(path: Path, prefixes: NDArray[np.uint64]) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of a table of digests that start like one of those wanted."""
    start = 0
    for block in npy.read_blocks(path):
        for row in np.flatnonzero(np.isin(_prefixes(block), prefixes)).tolist():
            yield start + row, block[row].tobytes()
        start += len(block)


def _prefixes(digests: NDArray[np.uint8]) -> NDArray[np.uint64]:
    return np.ascontiguousarray(digests[:, :8]).view(np.uint64)[:, 0]
