"""After publication: register the model, and promote it if the gate decided so."""

import logging

from sightline.records import Promotion, Run
from sightline.registry import workflow
from sightline.tasks.base import uncached_task

_log = logging.getLogger("sightline.tasks")


@uncached_task("promote", retries=2)  # it changes the registry
def promote(run: Run) -> Promotion:
    """Register the model as a version and apply the decision of the gate."""
    promotion = workflow.apply_decision(run.workspace, run.id)
    log = _log.info if promotion.version else _log.error
    log("%s: %s", promotion.version or run.id, promotion.sentence)
    return promotion
