"""From a trained model to the model in use: judged, kept as a version, promoted or refused."""

from sightline import registry
from sightline.config import RunConfig
from sightline.data import holdout
from sightline.data.holdout import holdout_sha256
from sightline.errors import BusyStorageError, InputError, SightlineError, StorageError
from sightline.pipeline.process import keras_process, prepare_device
from sightline.pipeline.stages import EXPORT
from sightline.records import (
    Certificate,
    Criterion,
    DatasetFiles,
    Decision,
    Evaluation,
    FileRecord,
    Promotion,
    Run,
    TrainedModel,
)
from sightline.records.manifest import RunManifest
from sightline.registry import Version
from sightline.registry.gate import evaluate
from sightline.runs import run_folder, seed_noise, verify
from sightline.storage.workspace import Workspace

_ADVISED = frozenset(
    {"classes", "calibration", "latency", "noise", "minimum_accuracy", "certificate"}
)
"""Criteria whose sentence says more than the decision's: numbers, names, what would help."""


def judge(  # everything that a decision depends on
    run: Run,
    config: RunConfig,
    source_sha256: str,
    files: DatasetFiles,
    trained: TrainedModel,
    evaluation: Evaluation,
    certificate: Certificate | None,
    *,
    rebaseline: bool = False,
) -> Decision:
    """Say whether a run's model may take the champion's place.

    Args:
        run: Where to work, and the run's id.
        config: The run's config; gives the limits, and the recipe whose noise counts.
        source_sha256: Digest of the data set's source.
        files: The data set that it was trained and measured on.
        trained: Its model.
        evaluation: What the test split says of it.
        certificate: What became of its exports; None where there are none.
        rebaseline: Whether a champion that was promoted on other test images is measured anew.

    Returns:
        The decision with its numbers.

    Raises:
        InputError: A file that it needs is missing or damaged, or the model store is.
        StorageError: The artifacts root is full or cannot be written.
    """
    champion = registry.champion(run.workspace, files.dataset)
    band = seed_noise.read(seed_noise.path(run.workspace, files.dataset, source_sha256, config))
    return evaluate.judge(
        run.workspace,
        run.id,
        files,
        trained,
        evaluation,
        certificate,
        champion,
        config.promotion,
        band.accuracy.difference if band else None,
        rebaseline=rebaseline,
    )


def check(config: RunConfig) -> None:
    """Make sure, before any work, that what the promotion gate needs at its end is there.

    Raises:
        ConfigError: A library that a named form of export needs is not installed.
        InputError: The key that promotions are signed with cannot be used.
    """
    if config.promotion.gate == "off":
        return
    from sightline.export import formats
    from sightline.registry import attestation

    formats.chosen(config.export)
    if config.promotion.gate == "enforce":
        attestation.configured()


def undecided(
    run: Run,
    files: DatasetFiles,
    evaluation: Evaluation,
    error: SightlineError | TimeoutError,
    champion: str | None = None,
) -> Decision:
    """Refuse a model that could not be exported or judged; its run is worth keeping all the same.

    Args:
        run: Gives the run's id.
        files: What it was measured on.
        evaluation: How well it did.
        error: What went wrong.
        champion: Name of the version in use, where it matters who that was.
    """
    asked = Criterion(name="judged", passed=False, sentence=str(error))
    return Decision(
        promote=False,
        candidate=run.id,
        champion=champion,
        holdout_sha256=holdout_sha256(files),
        images=sum(files.counts["test"]),
        accuracy=evaluation.accuracy,
        criteria=(asked,),
        sentence=f"Not judged: {error}",
    )


def examine(
    workspace: Workspace, manifest: RunManifest, *, rebaseline: bool, force: bool = False
) -> tuple[Version, Decision]:
    """Export and judge a published run outside of its flow, and make a version of it.

    Model and predictions are taken from the run's folder, the test images from the cache.

    Args:
        manifest: The run's.
        rebaseline: As for `judge`.
        force: Whether what keeps the gate from judging, such as a champion that is damaged, becomes
            the decision instead of an error.

    Returns:
        The version, and what the gate says of it.

    Raises:
        InputError: A file that it needs is missing or damaged, or the model store is.
        RunError: The export failed.
        StorageError: The artifacts root is full or cannot be written.
    """
    run, config, files = (
        Run(id=manifest.run_id, workspace=workspace),
        manifest.config,
        manifest.records.ingest,
    )
    with workspace.in_use():
        holdout.check(workspace, files)
        trained = manifest.records.train.model_copy(
            update={"model": _published(workspace, manifest, "model.keras")}
        )
        evaluation = manifest.records.evaluate.model_copy(
            update={"predictions": _published(workspace, manifest, "predictions.parquet")}
        )
        prepare_device(config.training)
        certificate = keras_process().run(EXPORT, run, files, trained, evaluation, config.export)
        champion = registry.aliases(workspace, files.dataset).champion
        try:
            decision = judge(
                run,
                config,
                manifest.source_sha256,
                files,
                trained,
                evaluation,
                certificate,
                rebaseline=rebaseline,
            )
        except StorageError:
            raise
        except InputError as error:
            if not force:
                raise
            decision = undecided(run, files, evaluation, error, champion)
        return registry.register(workspace, manifest, certificate), decision


def settle(workspace: Workspace, run_id: str) -> Promotion:
    """Make a version of a published run that was judged, and do with it as the gate said.

    With the gate at "report" a version that passed stays the candidate. What is wrong with the
    model store costs the promotion and not the run.

    Args:
        run_id: The run's whole id.

    Returns:
        What became of it.

    Raises:
        InputError: The run's manifest cannot be read.
        BusyStorageError: Storage did not answer; another try may work.
    """
    manifest = run_folder.read_folder(run_folder.folder(workspace, run_id))
    decision = manifest.records.decision
    assert decision is not None  # noqa: S101 - the gate is on
    try:
        return _settle(workspace, manifest, decision)
    except BusyStorageError:
        raise
    except InputError as error:
        return Promotion(promoted=False, sentence=f"Not promoted: {error}{_how_to(manifest)}")


def _settle(workspace: Workspace, manifest: RunManifest, decision: Decision) -> Promotion:
    version = registry.register(workspace, manifest)
    if not decision.promote:
        registry.refuse(workspace, version, decision)
        return _outcome(version, _in_full(decision))
    if manifest.config.promotion.gate == "report":
        return _outcome(version, f"{decision.sentence}{_how_to(manifest)}")
    registry.promote(workspace, version, decision.sentence, decision, decision.champion)
    return _outcome(version, decision.sentence, promoted=True)


def _in_full(decision: Decision) -> str:
    """Add what would help to the sentence of a refusal, where it does not say so itself."""
    failed = next(criterion for criterion in decision.criteria if not criterion.passed)
    return (
        f"{decision.sentence} {failed.sentence}" if failed.name in _ADVISED else decision.sentence
    )


def _published(workspace: Workspace, manifest: RunManifest, name: str) -> FileRecord:
    """Return the record of a file in a run's folder, under its path below the root."""
    path = verify.whole(workspace, manifest, name)
    record = manifest.files[name]
    return record.model_copy(update={"path": path.relative_to(workspace.root).as_posix()})


def _outcome(version: Version, sentence: str, *, promoted: bool = False) -> Promotion:
    return Promotion(version=version.name, promoted=promoted, sentence=sentence)


def _how_to(manifest: RunManifest) -> str:
    return f" To promote it: sightline models promote {manifest.run_id} --reason ..."
