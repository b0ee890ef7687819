"""After publication: register the model, promote it if the gate decided so, and tell people."""

import logging
from typing import Any

from sightline.evaluation import intervals
from sightline.records import Decision, Promotion
from sightline.registry import workflow
from sightline.registry.gate.candidate import Candidate
from sightline.tasks import events
from sightline.tasks.artifacts import best_effort, show_decision
from sightline.tasks.base import uncached_task

PROMOTED, REFUSED = "sightline.model.promoted", "sightline.model.refused"
_log = logging.getLogger("sightline.tasks")


@uncached_task("promote", retries=2)  # it changes the registry
def promote(candidate: Candidate, decision: Decision) -> Promotion:
    """Register the model as a version and apply the decision of the gate.

    Prefect shows the decision as an artifact, and as an event if the model was promoted or refused.
    """
    promotion = workflow.apply_decision(candidate.run.workspace, candidate.run.id)
    log = _log.info if promotion.version else _log.error
    log("%s: %s", promotion.version or candidate.run.id, promotion.sentence)
    show_decision(decision, promotion.outcome)
    if promotion.promoted or promotion.refused:
        name, dataset = PROMOTED if promotion.promoted else REFUSED, candidate.files.dataset
        with best_effort(what="the event of this model in Prefect"):
            payload = _payload(candidate, decision, promotion)
            events.post(name, f"sightline.model.{dataset}", dataset, payload)
    return promotion


def _payload(candidate: Candidate, decision: Decision, promotion: Promotion) -> dict[str, Any]:
    """Describe the outcome: accuracies and gain with their intervals, the reason, what to do."""
    dataset, champion = candidate.files.dataset, decision.champion
    before = decision.champion_accuracy
    undo = f"sightline models rollback --dataset {dataset} --reason ..."
    overrule = f"sightline models promote {candidate.run.id} --force --reason ..."
    return {
        "dataset": dataset,
        "version": promotion.version,
        "champion": champion,  # that it was compared with
        "run_id": candidate.run.id,
        "reason": promotion.sentence,
        "remedy": f"To undo it: {undo}" if promotion.promoted else f"To overrule it: {overrule}",
        "accuracy": decision.accuracy,
        "accuracy_interval": candidate.evaluation.accuracy_interval,
        "champion_accuracy": before,
        "champion_accuracy_interval": None
        if before is None
        else intervals.wilson(round(before * decision.images), decision.images),
        "gain_interval": decision.interval,
    }
