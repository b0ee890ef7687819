"""Ingest shards on the Ray cluster of this machine."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing

from sightline.data.sharding.shard import INGEST_SHARD, ingest_shard
from sightline.pipeline import cache, entry_store, ray_cluster
from sightline.records import IngestedShard, Run, Shard

RAY = "ray"
"""Value of `data.shard_deployment` that stands for the cluster."""

_CPUS = 4  # Cores of a task, which decodes with as many threads


def ingest_on_ray(run: Run, shards: Sequence[Shard]) -> Iterator[IngestedShard]:
    """Ingest the shards that are not in the cache, each as a task on a node; yield all in order.

    Raises ConfigError as `ray_cluster.connect`, and errors as `ray_tasks.each_on_ray`.
    """
    missing = deque(
        shard for shard in shards if cache.peek(run, INGEST_SHARD, INGEST_SHARD.key(shard)) is None
    )
    with ray_cluster.connected(gpus=0) as node:
        from sightline.pipeline.ray_tasks import each_on_ray  # imports Ray

        share = node._replace(cpus=min(_CPUS, node.cpus))
        with closing(each_on_ray(ingest_there, run, [*missing], share)) as there:
            for shard in shards:
                if missing and shard is missing[0]:
                    missing.popleft()
                    next(there)
                yield ingest_shard(run, shard)  # from the cache


def ingest_there(run: Run, shard: Shard) -> IngestedShard:
    """Ingest a shard on a node."""
    entry_store.fetch(run.workspace, shard)
    return ingest_shard(run, shard)
