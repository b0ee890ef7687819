"""Compute the features of shards on the Ray cluster of this machine."""

import sys
from collections.abc import Iterator, Sequence

from sightline.pipeline import entry_store
from sightline.pipeline.ray_shards import compute_on_ray
from sightline.records import EmbeddedShard, FeatureShard, Run
from sightline.training.embed import embed_here
from sightline.training.embed_shard import EMBED_SHARD


def embed_on_ray(run: Run, shards: Sequence[FeatureShard]) -> Iterator[EmbeddedShard]:
    """Compute shards as tasks that take a node each; raises errors as `compute_on_ray`."""
    return compute_on_ray(EMBED_SHARD, embed_there, embed_here, run, shards, sys.maxsize)


def embed_there(run: Run, shard: FeatureShard) -> EmbeddedShard:
    """Compute a shard on a node."""
    entry_store.fetch(run.workspace, shard)
    return embed_here(run, shard)
