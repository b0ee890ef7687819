"""The promotion gate: decides whether to promote the new model."""

import logging

from sightline.records import Decision
from sightline.registry.gate.candidate import Candidate
from sightline.registry.gate.evaluate import decide_promotion
from sightline.tasks.base import uncached_task

_log = logging.getLogger("sightline.tasks")


@uncached_task("promotion-gate", retries=2, timeout_seconds=3600)  # the champion may change
def decide(candidate: Candidate) -> Decision:
    """Compare the new model with the champion."""
    decision = decide_promotion(candidate)
    _log.info("Promotion gate: %s", decision.sentence)
    return decision
