"""Decides whether to promote a candidate."""

import uuid

from sightline import registry
from sightline.data.holdout import holdout_sha256
from sightline.errors import DataError, SightlineError
from sightline.experiments import seed_noise
from sightline.pipeline.process import keras_process
from sightline.records import Criterion, Decision
from sightline.registry import Version
from sightline.registry.gate import champion_images, criteria, decision, preconditions, scores
from sightline.registry.gate.candidate import Candidate
from sightline.registry.gate.decision import Comparison
from sightline.registry.gate.scores import Scores, ScoringRequest, Timing
from sightline.storage import files as artifact_files
from sightline.storage import sync


def decide_promotion(candidate: Candidate, *, rebaseline: bool = False) -> Decision:
    """Decide whether to promote a candidate.

    Args:
        candidate: The model.
        rebaseline: Accept test images other than those the champion was promoted on, and score
            both models on the candidate's; also done with promotion.rebaseline.

    Raises:
        InputError: The registry, a model or a test image is missing or damaged.
        StorageError: The artifacts root is full or cannot be written.
    """
    workspace, dataset = candidate.run.workspace, candidate.files.dataset
    champion = registry.champion(workspace, dataset)
    setup = seed_noise.setup_of(dataset, candidate.source_sha256, candidate.config)
    band = seed_noise.read(workspace, setup)
    noise = band.accuracy.difference if band else None
    return compare(candidate, champion, noise, rebaseline=rebaseline)


def refuse_unevaluated(
    candidate: Candidate, error: SightlineError | TimeoutError, champion: str | None = None
) -> Decision:
    """Refuse a candidate that could not be exported or compared with the champion."""
    return Decision(
        promote=False,
        candidate=candidate.run.id,
        champion=champion,
        holdout_sha256=holdout_sha256(candidate.files),
        images=sum(candidate.files.counts["test"]),
        accuracy=candidate.evaluation.accuracy,
        criteria=(Criterion.checked("evaluated", str(error), passed=False),),
        sentence=f"Not evaluated: {error}",
    )


def compare(
    candidate: Candidate,
    champion: Version | None,
    noise: float | None = None,
    *,
    rebaseline: bool = False,
) -> Decision:
    """Compare a candidate with a given champion; see `decide_promotion`."""
    files, certificate = candidate.files, candidate.certificate
    counts, accuracy = files.counts["test"], candidate.evaluation.accuracy
    limits = candidate.config.promotion
    rebaseline = rebaseline or limits.rebaseline
    name = champion.name if champion else None
    comparison = Comparison(candidate.run.id, name, holdout_sha256(files))
    if champion is None:
        linear = candidate.evaluation.linear_reference
        return decision.for_first_model(
            comparison, accuracy, counts, certificate, limits, linear.accuracy if linear else None
        )
    checked = _preconditions(candidate, comparison, champion, rebaseline=rebaseline)
    if not any(criterion.failed for criterion in checked):
        found: Scores | Criterion = criteria.certificate(certificate)
        if candidate.trained.weights_sha256 != champion.weights_sha256:
            found = _scores(candidate, champion)
        if isinstance(found, Scores):
            return decision.from_scores(comparison, found, certificate, limits, noise, checked)
        checked += (found,)
    praise = f"{champion.name} again, measured on other test images"
    images = sum(counts)
    return decision.from_criteria(comparison, checked, praise, images=images, accuracy=accuracy)


def _preconditions(
    candidate: Candidate, comparison: Comparison, champion: Version, *, rebaseline: bool
) -> tuple[Criterion, ...]:
    """Return all preconditions, or the first that fails."""
    holdout = comparison.holdout_sha256
    checked = (
        preconditions.same_task(candidate.files, champion),
        preconditions.same_holdout(candidate.run.id, holdout, champion, rebaseline=rebaseline),
        preconditions.new_weights(
            candidate.trained.weights_sha256,
            champion,
            rebaselined=rebaseline and holdout != champion.holdout_sha256,
        ),
    )
    failed = [criterion for criterion in checked if criterion.failed]
    return (failed[0],) if failed else checked


def _scores(candidate: Candidate, champion: Version) -> Scores | Criterion:
    """Let both models predict the test images, in a folder that a clean-up removes after a kill.

    Returns a failed criterion if the images cannot be read in the champion's form.
    """
    workspace = candidate.run.workspace
    sync.fetch(workspace, champion.model.path, champion.model.sha256)
    folder = workspace.root / f".promotion.{uuid.uuid4().hex[:8]}.tmp"
    with workspace.in_use(), workspace.storage_errors():
        folder.mkdir()
        try:
            try:
                images = champion_images.prepare(candidate, champion, folder / "champion.npy")
            except DataError as error:
                return preconditions.unreadable_source(candidate.run.id, champion, error)
            request = ScoringRequest(
                workspace=workspace,
                files=candidate.files,
                candidate=candidate.trained.model,
                champion=champion.model,
                champion_name=champion.name,
                champion_images=images,
                folder=folder,
            )
            timing = keras_process().run(score, request)
            return scores.read(folder, candidate.files.class_names, timing)
        finally:
            artifact_files.remove(folder)


def score(request: ScoringRequest) -> Timing:
    """Run `scoring.score` in the Keras process."""
    from sightline.registry.gate import scoring  # imports Keras

    return scoring.score(request)
