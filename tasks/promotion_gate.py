"""The promotion gate: whether the new model may take the champion's place."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from sightline.config import RunConfig
from sightline.records import Certificate, DatasetFiles, Decision, Evaluation, Run, TrainedModel
from sightline.registry import workflow
from sightline.tasks.base import is_passing_fault
from sightline.tasks.display import display_only, show_table

_log = logging.getLogger("sightline.tasks")


@task(
    name="judge",
    retries=2,
    retry_delay_seconds=10,
    retry_condition_fn=is_passing_fault,
    timeout_seconds=3600,
    cache_policy=NO_CACHE,  # the champion may be another one each time
    persist_result=False,
    result_serializer="json",
)
def judge(
    run: Run,
    config: RunConfig,
    source_sha256: str,
    files: DatasetFiles,
    trained: TrainedModel,
    evaluation: Evaluation,
    certificate: Certificate,
) -> Decision:
    """Compare the new model with the champion and show the criteria in Prefect."""
    decision = workflow.judge(run, config, source_sha256, files, trained, evaluation, certificate)
    _log.info("Promotion gate: %s", decision.sentence)
    rows = [criterion.model_dump(mode="json") for criterion in decision.criteria]
    with display_only():
        show_table(rows, key="promotion-gate", description=decision.sentence)
    return decision
