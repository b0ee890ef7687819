"""Divide the images of a data set into shards by their pixels, and merge the shards' features.

Nothing here imports Keras: it runs in the pipeline process.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice

import numpy as np

from sightline.config import EmbeddingConfig
from sightline.data.sharding.partition import cut
from sightline.data.sharding.places import Named
from sightline.data.split_arrays import StoredImages, open_split
from sightline.pipeline.cache import Draft
from sightline.pipeline.progress import Counter
from sightline.records import (
    ArrayFile,
    ArraySet,
    ArraySplit,
    EmbeddedShard,
    FeatureShard,
    ModelBlueprint,
    Run,
)
from sightline.storage import npy
from sightline.storage.npy import ArrayWriter
from sightline.storage.workspace import Workspace
from sightline.training.crops import digests
from sightline.training.embed_shard import EMBED_SHARD

FRONT = "front.txt"
"""File of an entry that identifies the layers and settings which computed its features."""

ComputeShards = Callable[[Run, Sequence[FeatureShard]], Iterator[EmbeddedShard]]
"""Computes the features of shards somewhere and yields them in order."""


def settings_of(arrays: ArraySet, settings: EmbeddingConfig) -> dict[str, EmbeddingConfig]:
    """Return the settings of each split: only the training split has more than one view."""
    once = settings.model_copy(update={"views": 1})
    return {name: settings if name == "train" else once for name in arrays.splits}


def count_views(arrays: ArraySet, settings: EmbeddingConfig) -> int:
    """Count the views of all splits."""
    own = settings_of(arrays, settings)
    return sum(split.count * own[name].views for name, split in arrays.splits.items())


def dtype_of(split: str) -> str:
    """Return the type of the features of a split.

    The test split is predicted from them: float16 would change a probability by up to 1e-4.
    """
    return "float32" if split == "test" else "float16"


def feature_bytes(shape: Sequence[int], dtype: str) -> int:
    """Return the bytes of features of a shape, (n, views, ...), as float16 or float32."""
    return math.prod(shape) * np.dtype(dtype).itemsize


def with_features(split: ArraySplit, features: ArrayFile) -> ArraySplit:
    """Return a split with features (n, views, ...) instead of images."""
    update = {"images": features, "rows": None, "views": features.shape[1]}
    return split.model_copy(update=update)


def divide(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: EmbeddingConfig, size: int
) -> dict[str, tuple[FeatureShard, ...]]:
    """Divide the images of each split into shards of about `size`, in their order.

    A shard ends where the digest of an image says so, see `data.sharding.partition`. All images are
    read once.
    """
    total, done = count_views(arrays, settings), 0
    counter = Counter("digests", sum(split.count for split in arrays.splits.values()), "embed")
    shards = {}
    for name, own in settings_of(arrays, settings).items():
        split, found, first = arrays.splits[name], [], 0
        for part in cut(_digests(open_split(run.workspace, split), counter), size):
            shard = FeatureShard(
                split=split,
                first=first,
                images=len(part),
                content=hashlib.sha256(b"".join(digest for _, digest in part)).hexdigest(),
                blueprint=blueprint,
                settings=own,
                dtype=dtype_of(name),
                done=done,
                total=total,
            )
            found.append(shard)
            first, done = first + len(part), done + len(part) * own.views
        shards[name] = tuple(found)
    return shards


def merge(
    run: Run,
    arrays: ArraySet,
    shards: dict[str, tuple[FeatureShard, ...]],
    compute: ComputeShards,
    draft: Draft,
) -> ArraySet:
    """Write the features of all shards to a draft, as `features.compute` writes those of a split.

    Raises errors as `compute`, and StorageError if there is too little room.
    """
    every = [shard for name in arrays.splits for shard in shards[name]]
    computed, splits = compute(run, every), {}
    for name, split in arrays.splits.items():
        found = islice(computed, len(shards[name]))
        first = next(found)
        shape, dtype = (split.count, *first.features.shape[1:]), first.features.dtype
        run.workspace.check_room(feature_bytes(shape, dtype), "The features")
        draft.path(FRONT).write_text(first.front, encoding="ascii")
        with (
            ArrayWriter(draft.path(f"features_{name}.npy"), shape, dtype) as features,
            ArrayWriter(draft.path(f"digests_{name}.npy"), (split.count, 32), "uint8") as own,
        ):
            for one in chain([first], found):
                _copy(run.workspace, one.features, features)
                _copy(run.workspace, one.digests, own)
        splits[name] = with_features(split, draft.array_record(features))
    return arrays.model_copy(
        update={
            "splits": splits,
            "last_frozen": every[0].blueprint.last_frozen,
            "shards": tuple(f"cache/{EMBED_SHARD.name}/{EMBED_SHARD.key(one)}/" for one in every),
        }
    )


def _digests(images: StoredImages, counter: Counter) -> Iterator[Named]:
    for block in digests(images):
        for row in block:
            yield "", row.tobytes()
        counter.advance(len(block))


def _copy(workspace: Workspace, record: ArrayFile, writer: ArrayWriter) -> None:
    for block in npy.read_blocks(workspace.path(record.path)):
        writer.append(block)
