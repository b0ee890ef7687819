"""From a trained model to the model in use: judged, kept as a version, promoted or refused."""

from pathlib import Path

from sightline import noise, runs, store
from sightline.at_work import at_work
from sightline.config import TrainingConfig
from sightline.errors import ChampionChangedError
from sightline.keras_process import keras_process
from sightline.manifest import RunManifest
from sightline.promotion import judging
from sightline.promotion.contest import Rival
from sightline.records import (
    Certificate,
    DatasetFiles,
    Decision,
    Evaluation,
    Promotion,
    Run,
    TrainedModel,
)
from sightline.stages import EXPORT
from sightline.store import Version


def judge(  # everything that a decision depends on
    run: Run,
    config: TrainingConfig,
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
    champion = store.champion(run.root, files.dataset)
    band = noise.read(noise.path(run.root, files.dataset, source_sha256, config))
    return judging.judge(
        run.root,
        run.id,
        files,
        trained,
        evaluation,
        certificate,
        _rival(champion) if champion else None,
        config.promotion,
        band.accuracy.difference if band else None,
        rebaseline=rebaseline,
    )


def examine(root: Path, manifest: RunManifest, *, rebaseline: bool) -> tuple[Version, Decision]:
    """Export and judge a published run outside of its flow, and make a version of it.

    Args:
        root: The artifacts root.
        manifest: The run's.
        rebaseline: As for `judge`.

    Returns:
        The version, and what the gate says of it.

    Raises:
        InputError: A file that it needs is missing or damaged, or the model store is.
        RunError: The export failed.
        StorageError: The artifacts root is full or cannot be written.
    """
    run, config = Run(id=manifest.run_id, root=root), manifest.config
    of = manifest.records
    with at_work(root):
        certificate = keras_process().run(
            EXPORT, run, of.ingest, of.train, of.evaluate, config.export
        )
        decision = judge(
            run,
            config,
            manifest.source_sha256,
            of.ingest,
            of.train,
            of.evaluate,
            certificate,
            rebaseline=rebaseline,
        )
        return store.register(root, manifest, certificate), decision


def settle(root: Path, run_id: str) -> Promotion:
    """Make a version of a published run that was judged, and do with it as the gate said.

    With the gate at "report" a version that passed stays the candidate.

    Args:
        root: The artifacts root.
        run_id: The run's whole id.

    Returns:
        What became of it.

    Raises:
        InputError: The run or the model store is damaged, or the run was not judged.
        StorageError: The artifacts root is full or cannot be written.
    """
    manifest = runs.read_folder(runs.folder(root, run_id))
    decision = manifest.records.decision
    assert decision is not None  # noqa: S101 - the gate is on
    version = store.register(root, manifest)
    if not decision.promote:
        store.refuse(root, version, decision)
        return _outcome(version, decision.sentence)
    if manifest.config.promotion.gate == "report":
        return _outcome(version, f"{decision.sentence} {_how_to_promote(manifest)}")
    try:
        store.promote(root, version, decision.sentence, decision, decision.champion)
    except ChampionChangedError as error:
        return _outcome(version, f"Not promoted: {error} {_how_to_promote(manifest)}")
    return _outcome(version, decision.sentence, promoted=True)


def _rival(version: Version) -> Rival:
    return Rival(
        name=version.name,
        model=version.model,
        weights_sha256=version.weights_sha256,
        holdout_sha256=version.holdout_sha256,
        class_names=version.class_names,
        image_shape=version.image_shape,
    )


def _outcome(version: Version, sentence: str, *, promoted: bool = False) -> Promotion:
    return Promotion(version=version.name, promoted=promoted, sentence=sentence)


def _how_to_promote(manifest: RunManifest) -> str:
    return f"To promote it: sightline models promote {manifest.run_id} --reason ..."
