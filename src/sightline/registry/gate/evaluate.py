"""The promotion gate itself: asks what can be asked at once, lets both models predict, decides."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sightline.config import PromotionConfig
from sightline.data.holdout import holdout_sha256
from sightline.pipeline.process import keras_process
from sightline.records import (
    Certificate,
    Criterion,
    DatasetFiles,
    Decision,
    Evaluation,
    TrainedModel,
)
from sightline.registry import Version
from sightline.registry.gate import criteria, decision, preconditions, scores
from sightline.registry.gate.contest import Contest, Timing
from sightline.registry.gate.decision import Parties
from sightline.registry.gate.scores import Scores
from sightline.storage import files as artifact_files
from sightline.storage.workspace import Workspace


def judge(  # everything that a decision depends on
    workspace: Workspace,
    run_id: str,
    files: DatasetFiles,
    trained: TrainedModel,
    evaluation: Evaluation,
    certificate: Certificate | None,
    champion: Version | None,
    settings: PromotionConfig,
    noise: float | None = None,
    *,
    rebaseline: bool = False,
) -> Decision:
    """Say whether a run's model may take the champion's place.

    Args:
        run_id: The run's id.
        files: The data set that it was trained and measured on.
        trained: Its model.
        evaluation: What the test split says of it.
        certificate: What became of its exports; None where there are none.
        champion: The version in use; None where there is none yet.
        settings: The limits.
        noise: `accuracy.difference` of the noise band that fits the run, where there is one.
        rebaseline: Whether a champion that was promoted on other test images is measured anew
            on the run's, instead of being left where it is.

    Returns:
        The decision with its numbers.

    Raises:
        DataError: The test images are not there any more, or changed.
        ModelFileError: A model is missing, damaged, or does not fit the images.
        StorageError: The artifacts root is full or cannot be written.
    """
    counts = files.counts["test"]
    parties = Parties(run_id, champion.name if champion else None, holdout_sha256(files))
    if champion is None:
        return decision.decide_first(parties, evaluation.accuracy, counts, certificate, settings)
    asked = _preconditions(parties, files, trained, champion, rebaseline=rebaseline)
    if all(criterion.passed for criterion in asked):
        if trained.weights_sha256 != champion.weights_sha256:
            answers = _answers(workspace, files, trained, champion)
            return decision.decide(parties, answers, certificate, settings, noise, asked)
        asked += (criteria.certificate(certificate),)
    praise = f"{champion.name} once more, measured on other test images"
    return decision.of_criteria(parties, evaluation.accuracy, sum(counts), asked, praise)


def _preconditions(
    parties: Parties,
    files: DatasetFiles,
    trained: TrainedModel,
    champion: Version,
    *,
    rebaseline: bool,
) -> tuple[Criterion, ...]:
    """Ask one thing after the other, up to the first that does not hold."""
    moved = parties.holdout_sha256 != champion.holdout_sha256
    asked = (
        preconditions.same_task(files, champion),
        preconditions.same_holdout(
            parties.candidate, parties.holdout_sha256, champion, rebaseline=rebaseline
        ),
        preconditions.another_model(
            trained.weights_sha256, champion, measured_anew=moved and rebaseline
        ),
    )
    first = next((criterion for criterion in asked if not criterion.passed), None)
    return asked if first is None else (first,)


def _answers(
    workspace: Workspace, files: DatasetFiles, trained: TrainedModel, champion: Version
) -> Scores:
    """Let both models predict the test images."""
    with (
        workspace.in_use(),
        artifact_files.storage_errors(workspace.root),
        _temporary_folder(workspace) as folder,
    ):
        contest = Contest(
            workspace=workspace,
            files=files,
            candidate=trained.model,
            champion=champion.model,
            champion_name=champion.name,
            table=folder / "answers.parquet",
        )
        timing = keras_process().call("sightline.registry.gate.scoring", "score", Timing, contest)
        return scores.read(contest.table, files.class_names, timing)


@contextmanager
def _temporary_folder(workspace: Workspace) -> Iterator[Path]:
    """Yield a folder under the root; a clean-up knows by its name what a killed process left."""
    folder = workspace.root / f".promotion.{uuid.uuid4().hex[:8]}.tmp"
    folder.mkdir()
    try:
        yield folder
    finally:
        artifact_files.remove(folder)
