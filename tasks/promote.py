"""After a run is published: its model becomes a version, and the champion where it may."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from sightline.records import Promotion, Run
from sightline.registry import workflow
from sightline.tasks.base import is_passing_fault

_log = logging.getLogger("sightline.tasks")


@task(
    name="promote",
    retries=2,
    retry_delay_seconds=10,
    retry_condition_fn=is_passing_fault,
    timeout_seconds=600,
    cache_policy=NO_CACHE,  # it changes the model store
    persist_result=False,
    result_serializer="json",
)
def promote(run: Run) -> Promotion:
    """Keep the model as a version and do with it as the gate said."""
    promotion = workflow.apply_decision(run.workspace, run.id)
    log = _log.info if promotion.version else _log.error
    log("%s: %s", promotion.version or run.id, promotion.sentence)
    return promotion
