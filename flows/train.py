"""The main path: from a data set to a saved report."""

import logging
from typing import NamedTuple

from sightline.config import RunConfig, TrainingConfig
from sightline.data import announcement, fact_lines
from sightline.errors import SightlineError
from sightline.flows.called_flow import Undescribed, called_flow
from sightline.flows.preflight import IngestedAhead, check_settings, preflight
from sightline.flows.stage_timer import StageTimer
from sightline.records import (
    ArraySet,
    DataGateResult,
    DatasetFiles,
    Decision,
    ModelBlueprint,
    Run,
    RunSummary,
    Source,
    StageRecords,
    TrainedModel,
    UnlabelledPredictions,
)
from sightline.registry.gate.candidate import Candidate
from sightline.registry.gate.evaluate import refuse_unevaluated
from sightline.storage.text import quoted
from sightline.tasks.artifacts import about
from sightline.tasks.build import build
from sightline.tasks.data_gate import check_data
from sightline.tasks.embed import embed
from sightline.tasks.evaluate import evaluate
from sightline.tasks.export import export
from sightline.tasks.ingest import ingest
from sightline.tasks.predict import predict
from sightline.tasks.preprocess import preprocess
from sightline.tasks.promote import promote
from sightline.tasks.promotion_gate import decide
from sightline.tasks.publish import publish
from sightline.tasks.report import report
from sightline.tasks.track import track
from sightline.tasks.train import train
from sightline.training.device import prepare_process

_log = logging.getLogger("sightline.flows")


@called_flow("train")
def training_flow(
    config: Undescribed[RunConfig],
    run: Undescribed[Run],
    source: Undescribed[Source] | None = None,
    ahead: Undescribed[IngestedAhead] | None = None,
) -> RunSummary:
    """Train a classifier and publish its run folder.

    Args:
        source: Source of the data, from a caller that has called `preflight` and prepared the
            device. Without it, both are done here.
        ahead: Result of `ingest_ahead`, if it was called.

    Raises InputError if the run ID is taken, a demanded device is missing or the data is unusable,
    and RunError if a stage failed.
    """
    if source is not None:
        return run_stages(config, run, source, ahead)
    checked = preflight(config, run)
    prepare_process(config.training)
    with checked.claimed():
        return run_stages(checked.config, run, checked.source)


def run_stages(
    config: RunConfig, run: Run, source: Source, ahead: IngestedAhead | None = None
) -> RunSummary:
    """Run all stages of a training that passed the checks; see `training_flow`."""
    stage = StageTimer({"ingest": ahead.seconds} if ahead else {})

    fitted = fit_stages(stage, run, config, source, ahead)
    files, arrays, trained = fitted.files, fitted.arrays, fitted.trained
    evaluation = stage(evaluate, run, files, arrays, trained, config.evaluation, fitted.features)
    predicted = predict_unlabelled(stage, run, source, config, files, trained)
    figures = stage(report, run, files, fitted.blueprint, trained, evaluation, config.report)
    candidate = Candidate(
        run=run,
        config=config,
        source_sha256=source.sha256,
        files=files,
        trained=trained,
        evaluation=evaluation,
    )
    candidate, decision = evaluate_candidate(stage, candidate)

    records = StageRecords(
        ingest=files,
        gate=fitted.data_quality,
        preprocess=arrays,
        build=fitted.blueprint,
        embed=fitted.features,
        frozen=fitted.frozen,
        train=trained,
        evaluate=evaluation,
        predict=predicted,
        report=figures,
        export=candidate.certificate,
        decision=decision,
    )
    summary = publish(run, config, source, records, stage.times)
    if decision is not None:
        summary = summary.model_copy(update={"promotion": promote(candidate, decision)})
    return record_in_trackers(run, config, summary)


def record_in_trackers(run: Run, config: RunConfig, summary: RunSummary) -> RunSummary:
    """Record a published run where `tracking` says; what fails becomes a warning of the run."""
    if not config.tracking.is_on:
        return summary
    try:
        failures = track(run.workspace, config.tracking, summary).failures
    except Exception as error:  # the run is published: whatever happens here, it succeeded
        _log.error("The run was not recorded by its trackers: %s", error)
        failures = (f"The run was not recorded by its trackers: {quoted(error)}",)
    return summary.model_copy(update={"warnings": (*failures, *(summary.warnings or ()))})


class Fitted(NamedTuple):
    """What the stages up to the training return."""

    files: DatasetFiles
    data_quality: DataGateResult
    arrays: ArraySet
    blueprint: ModelBlueprint
    features: ArraySet | None
    frozen: TrainedModel | None
    trained: TrainedModel


def fit_stages(
    stage: StageTimer,
    run: Run,
    config: RunConfig,
    source: Source,
    ahead: IngestedAhead | None = None,
) -> Fitted:
    """Run the stages up to the training; they do not read the labels of the test split."""
    about(source.dataset)
    files = stage(ingest, run, source, config.data)
    announcement.announce(files)
    data_quality = check_data(run, files, config.data_gate, ahead.gate if ahead else None)
    if ahead is None:
        _log_facts(files)
        check_settings(config, run, files)
    arrays = stage(preprocess, run, files, config.preprocessing)
    blueprint = stage(build, run, arrays, config.model)
    features = None
    if blueprint.last_frozen is not None:
        features = stage(embed, run, arrays, blueprint, config.embedding, config.data)
    phases = fit(stage, run, features or arrays, blueprint, config.training)
    return Fitted(files, data_quality, arrays, blueprint, features, *phases)


def _log_facts(files: DatasetFiles) -> None:
    for title, sentence in fact_lines.lines(files).items():
        _log.info("%s: %s", title, sentence)
    for note in fact_lines.other_decisions(files):
        _log.info("Note: %s", note)


def fit(
    stage: StageTimer,
    run: Run,
    arrays: ArraySet,
    blueprint: ModelBlueprint,
    settings: TrainingConfig,
) -> tuple[TrainedModel | None, TrainedModel]:
    """Train the head alone, if configured, and then all layers that are not frozen."""
    if not settings.frozen.epochs:
        return None, stage(train, run, arrays, blueprint, settings)
    head = blueprint.model_copy(update={"phase": "frozen"})
    frozen = stage(train, run, arrays, head, settings.frozen_phase())
    update = {"pretrained": frozen.model, "phase": "finetune"}
    return frozen, stage(train, run, arrays, blueprint.model_copy(update=update), settings)


def predict_unlabelled(
    stage: StageTimer,
    run: Run,
    source: Source,
    config: RunConfig,
    files: DatasetFiles,
    trained: TrainedModel,
) -> UnlabelledPredictions | None:
    """Predict the splits without labels; None if there are none.

    An error here costs these predictions, not the run.
    """
    if not files.unlabelled:
        return None
    try:
        return stage(predict, run, source, config.data, files, trained)
    except (SightlineError, TimeoutError) as error:
        _log.error("The images without labels were not predicted: %s", error)
        return None


def evaluate_candidate(
    stage: StageTimer, candidate: Candidate
) -> tuple[Candidate, Decision | None]:
    """Export the model and compare it with the champion, if the promotion gate is on.

    An error here costs the promotion, not the run, which is published all the same. Returns the
    candidate with its certificate, and the decision; None if the gate is off.
    """
    config = candidate.config
    if config.promotion.gate == "off":
        return candidate, None
    try:
        records = (candidate.files, candidate.trained, candidate.evaluation)
        certificate = stage(export, candidate.run, *records, config.export)
        candidate = candidate.model_copy(update={"certificate": certificate})
        return candidate, decide(candidate)
    except (SightlineError, TimeoutError) as error:  # Prefect raises the latter at a timeout
        _log.error("The promotion gate: %s", error)
        return candidate, refuse_unevaluated(candidate, error)
