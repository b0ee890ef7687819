"""After a run is published: its model becomes a version, and the champion where it may."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from sightline import shipping
from sightline.records import Promotion, Run

_log = logging.getLogger("sightline.tasks")


@task(
    name="promote",
    timeout_seconds=600,
    cache_policy=NO_CACHE,  # it changes the model store
    persist_result=False,
    result_serializer="json",
)
def promote(run: Run) -> Promotion:
    """Keep the model as a version and do with it as the gate said."""
    promotion = shipping.settle(run.root, run.id)
    _log.info("%s: %s", promotion.version, promotion.sentence)
    return promotion
