"""Ingest shards on the Ray cluster of this machine."""

from collections.abc import Iterator, Sequence

from sightline.data.sharding.shard import INGEST_SHARD, ingest_shard
from sightline.pipeline import entry_store
from sightline.pipeline.ray_shards import compute_on_ray
from sightline.records import IngestedShard, Run, Shard

_CPUS = 4  # Cores of a task, which decodes with as many threads


def ingest_on_ray(run: Run, shards: Sequence[Shard]) -> Iterator[IngestedShard]:
    """Ingest shards as tasks on the nodes; raises errors as `compute_on_ray`."""
    return compute_on_ray(INGEST_SHARD, ingest_there, ingest_shard, run, shards, _CPUS)


def ingest_there(run: Run, shard: Shard) -> IngestedShard:
    """Ingest a shard on a node."""
    entry_store.fetch(run.workspace, shard)
    return ingest_shard(run, shard)
