"""A shard alone, as a run of its own; others name it in `data.shard_deployment`."""

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from sightline.data.sharding.shard import INGEST_SHARD
from sightline.errors import SightlineError
from sightline.flows import worker
from sightline.flows.outage import survive_outages
from sightline.pipeline import entry_store
from sightline.records import FeatureShard, Run, Shard
from sightline.training.embed import embed_here
from sightline.training.embed_shard import EMBED_SHARD


@flow(name="shard", persist_result=False, result_serializer="json")
def shard_flow(
    run_id: str,
    started: datetime,
    shard: Shard | FeatureShard,
    refresh: bool = False,
    artifacts: str | None = None,
) -> State[Any]:
    """Ingest or embed a shard for another run, which names this flow in `data.shard_deployment`.

    Return a Completed state whose message is the key of the shard's cache entry, or a Failed one
    named after the error.

    Args:
        run_id: ID of the other run.
        started: When the other run was requested.
        shard: The shard.
        refresh: Ignore the cache.
        artifacts: URL of the other run's artifacts on object storage; None if in a shared folder.
    """
    try:
        run = worker.run(run_id, started=started, refresh=refresh)
        worker.check_shared(run, artifacts)
        with survive_outages(), run.workspace.in_use():
            entry_store.fetch(run.workspace, shard)
            key = _compute(run, shard)
    except SightlineError as error:
        return Failed(data=error, name=type(error).__name__, message=str(error))
    return Completed(message=key)


def _compute(run: Run, shard: Shard | FeatureShard) -> str:
    """Compute a shard; return the key of its cache entry."""
    if isinstance(shard, FeatureShard):
        embed_here(run, shard)
        return EMBED_SHARD.key(shard)
    INGEST_SHARD.function(run, shard)
    return INGEST_SHARD.key(shard)
