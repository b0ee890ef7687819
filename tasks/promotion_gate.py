"""The promotion gate: decides whether to promote the new model."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from sightline.records import Decision
from sightline.registry.gate.evaluate import Candidate, decide_promotion
from sightline.tasks.base import is_passing_fault
from sightline.tasks.display import display_only, show_table

_log = logging.getLogger("sightline.tasks")


@task(
    name="judge",
    retries=2,
    retry_delay_seconds=10,
    retry_condition_fn=is_passing_fault,
    timeout_seconds=3600,
    cache_policy=NO_CACHE,  # the champion may have changed
    persist_result=False,
    result_serializer="json",
)
def judge(candidate: Candidate) -> Decision:
    """Compare the new model with the champion and show the criteria in Prefect."""
    decision = decide_promotion(candidate)
    _log.info("Promotion gate: %s", decision.sentence)
    rows = [criterion.model_dump(mode="json") for criterion in decision.criteria]
    with display_only():
        show_table(rows, key="promotion-gate", description=decision.sentence)
    return decision
