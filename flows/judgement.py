"""The last steps before a run is published: exports and the promotion gate, where it is on."""

import logging

from sightline.config import RunConfig
from sightline.errors import SightlineError
from sightline.flows.stage_timer import Stopwatch
from sightline.records import (
    Certificate,
    DatasetFiles,
    Decision,
    Evaluation,
    Run,
    Source,
    TrainedModel,
)
from sightline.registry.gate.evaluate import Candidate, not_judged
from sightline.tasks.export import export
from sightline.tasks.promotion_gate import decide

_log = logging.getLogger("sightline.flows")


def judged(
    stage: Stopwatch,
    run: Run,
    config: RunConfig,
    source: Source,
    files: DatasetFiles,
    trained: TrainedModel,
    evaluation: Evaluation,
) -> tuple[Certificate | None, Decision | None]:
    """Export the model and hold it against the champion.

    What goes wrong here costs the promotion, not the run, which is published all the same.

    Returns:
        The certificate and the decision; both None where the gate is off.
    """
    if config.promotion.gate == "off":
        return None, None
    candidate = Candidate(
        run=run,
        config=config,
        source_sha256=source.sha256,
        files=files,
        trained=trained,
        evaluation=evaluation,
    )
    try:
        certificate = stage(export, run, files, trained, evaluation, config.export)
        candidate = candidate.model_copy(update={"certificate": certificate})
        decision = decide(candidate)
    except (SightlineError, TimeoutError) as error:  # the latter from Prefect, at a task's time-out
        _log.error("The promotion gate: %s", error)
        decision = not_judged(candidate, error)
    return candidate.certificate, decision
