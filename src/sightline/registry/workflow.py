"""From a trained model to the champion: evaluate it, register it, promote or refuse it."""

from sightline import registry
from sightline.config import RunConfig
from sightline.data import holdout
from sightline.errors import BusyStorageError, InputError, StorageError
from sightline.experiments import run_folder, verify
from sightline.export.export import EXPORT
from sightline.pipeline import entry_store
from sightline.records import Decision, FileRecord, Promotion, Run
from sightline.records.manifest import RunManifest
from sightline.registry import Version
from sightline.registry.gate.candidate import Candidate
from sightline.registry.gate.evaluate import decide_promotion, refuse_unevaluated
from sightline.storage.workspace import Workspace
from sightline.training.device import prepare_process

# Criteria whose sentence adds numbers, names or advice to the decision's
_ADVISED = frozenset(
    {
        *("source", "class_recall", "calibration", "latency", "noise", "reference"),
        *("minimum_accuracy", "certificate"),
    }
)


def check_requirements(config: RunConfig) -> None:
    """Raise InputError, before any work, if a library or the key that the gate needs is missing."""
    if config.promotion.gate == "off":
        return
    from sightline.export import formats
    from sightline.registry.attestation import keys

    formats.chosen(config.export)
    if config.promotion.gate == "enforce":
        keys.configured()


def evaluate_run(
    workspace: Workspace, manifest: RunManifest, *, rebaseline: bool = False, force: bool = False
) -> tuple[Version, Decision]:
    """Export, evaluate and register the model of a published run.

    Model and predictions are read from the run folder, the test images from the cache. With
    `force`, a gate that cannot decide, because the champion is damaged for example, refuses.

    Raises InputError if a required file or the registry is damaged, RunError if the export failed,
    and StorageError if the artifacts root cannot be written.
    """
    with workspace.in_use():
        candidate = _candidate(workspace, manifest)
        champion = registry.aliases(workspace, candidate.files.dataset).champion
        try:
            decision = decide_promotion(candidate, rebaseline=rebaseline)
        except StorageError:
            raise
        except InputError as error:
            if not force:
                raise
            decision = refuse_unevaluated(candidate, error, champion)
        return registry.register(workspace, manifest, candidate.certificate), decision


def apply_decision(workspace: Workspace, run_id: str) -> Promotion:
    """Register a published run that the gate decided on, and promote or refuse it as decided.

    With the gate at "report", a version that passed stays the candidate. An error in the registry
    costs the promotion, not the run. Raises InputError if the run's manifest cannot be read, and
    BusyStorageError if storage did not answer; another attempt may succeed.
    """
    manifest = run_folder.read_folder(run_folder.folder(workspace, run_id))
    decision = manifest.records.decision
    assert decision is not None  # noqa: S101 - the gate is on
    try:
        return _apply(workspace, manifest, decision)
    except BusyStorageError:
        raise
    except InputError as error:
        sentence = f"Not promoted: {error}{_how_to(manifest)}"
        return Promotion(promoted=False, refused=True, sentence=sentence)


def _candidate(workspace: Workspace, manifest: RunManifest) -> Candidate:
    """Collect what was published of a run, and export its model."""
    run = Run(id=manifest.run_id, workspace=workspace)
    files, config = manifest.records.ingest, manifest.config
    try:
        entry_store.fetch(workspace, files)
    except BusyStorageError:
        raise
    except StorageError:
        pass  # the next line says what to do if the test images are missing
    holdout.verify_holdout(workspace, files)
    model = _published(workspace, manifest, "model.keras")
    predictions = _published(workspace, manifest, "predictions.parquet")
    trained = manifest.records.train.model_copy(update={"model": model})
    evaluation = manifest.records.evaluate.model_copy(update={"predictions": predictions})
    keras = prepare_process(config.training)
    return Candidate(
        run=run,
        config=config,
        source_sha256=manifest.source_sha256,
        files=files,
        trained=trained,
        evaluation=evaluation,
        certificate=keras.run(EXPORT.function, run, files, trained, evaluation, config.export),
    )


def _published(workspace: Workspace, manifest: RunManifest, name: str) -> FileRecord:
    """Return the record of a file in a run folder, with its path relative to the root."""
    path = verify.intact_file(workspace, manifest, name)
    record = manifest.files[name]
    return record.model_copy(update={"path": path.relative_to(workspace.root).as_posix()})


def _apply(workspace: Workspace, manifest: RunManifest, decision: Decision) -> Promotion:
    version, sentence, promoted = registry.register(workspace, manifest), decision.sentence, False
    if not decision.promote:
        registry.refuse(workspace, version, decision)
        failed = next(criterion for criterion in decision.criteria if criterion.failed)
        if failed.name in _ADVISED:
            sentence += f" {failed.sentence}"
    elif manifest.config.promotion.gate == "report":
        sentence += _how_to(manifest)
    else:
        registry.promote(workspace, version, sentence, decision, decision.champion)
        promoted = True
    return Promotion(
        version=version.name,
        promoted=promoted,
        refused=not decision.promote,
        sentence=sentence,
    )


def _how_to(manifest: RunManifest) -> str:
    return f" To promote it: sightline models promote {manifest.run_id} --reason ..."
