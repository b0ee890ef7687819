"""Whether a candidate takes the champion's place: pure functions of what was measured."""

from collections.abc import Sequence
from typing import NamedTuple

from sightline.config import PromotionConfig
from sightline.records import Certificate, Criterion, Decision
from sightline.registry.gate import criteria, first_model, paired_tests, recall
from sightline.registry.gate.scores import Scores

_REASONS = {
    "task": "it does not do what {champion} does",
    "holdout": "the test images or labels changed since {champion} was promoted; measure both on "
    "the new ones with `sightline models promote {candidate} --rebaseline --reason ...`",
    "same_model": "it is {champion} itself, weight by weight",
    "mcnemar": "not better than {champion} as far as {images:,} test images tell",
    "bootstrap": "not better than {champion} as far as {images:,} test images tell",
    "classes": "a class may have lost more recall than promotion.recall_margin allows",
    "calibration": "its probabilities are less to be believed than those of {champion}",
    "latency": "it is too slow beside {champion}",
    "noise": "not better than {champion} by more than another seed makes",
    "guessing": "not better than naming the most frequent class",
    "minimum_accuracy": "its accuracy is below promotion.minimum_accuracy",
    "certificate": "its exported forms are not shown to be what was measured",
}
"""Name of a criterion to what is said first where it fails."""

_SMALLEST_P = 0.0001


class Parties(NamedTuple):
    """Who is compared on what.

    Attributes:
        candidate: The new model's run.
        champion: Name of the version in use; None where there is none.
        holdout_sha256: Digest of the test images and labels.
    """

    candidate: str
    champion: str | None
    holdout_sha256: str


def decide(
    parties: Parties,
    scores: Scores,
    certificate: Certificate | None,
    settings: PromotionConfig,
    noise: float | None = None,
    preconditions: Sequence[Criterion] = (),
) -> Decision:
    """Compare a candidate with the champion.

    Args:
        parties: Who is compared.
        scores: What both say of the test images.
        certificate: What became of the candidate's exports; None where there are none.
        settings: The limits.
        noise: What the accuracies of two seeds of the candidate's recipe differ by at most in 95
            of 100 cases; None where that was not measured.
        preconditions: What was found before; goes ahead of the other criteria.

    Returns:
        The decision. A model that is not better passes with probability `settings.alpha` at most,
        since McNemar's exact test alone lets no more through.
    """
    pairs = scores.pairs
    interval = paired_tests.bootstrap(pairs, settings.alpha)
    test = criteria.mcnemar(pairs, settings.alpha)
    asked = (
        *preconditions,
        test,
        criteria.bootstrap(interval, settings.alpha),
        recall.classes(scores, settings.alpha, settings.recall_margin),
        criteria.calibration(scores, settings.calibration_margin),
        criteria.latency(
            scores.candidate.seconds, scores.champion.seconds, settings.latency_factor
        ),
        criteria.noise(pairs, noise),
        criteria.certificate(certificate),
    )
    accuracy, before = float(scores.candidate_right.mean()), float(scores.champion_right.mean())
    p_value = test.measured if test.measured is not None else 1.0
    praise = f"Better than {parties.champion}"
    figures = f"{accuracy:.2%} instead of {before:.2%}, {_written(p_value)}"
    return Decision(
        promote=all(criterion.passed for criterion in asked),
        candidate=parties.candidate,
        champion=parties.champion,
        holdout_sha256=parties.holdout_sha256,
        images=pairs.images,
        accuracy=accuracy,
        champion_accuracy=before,
        interval=interval,
        fixed=pairs.fixed,
        broken=pairs.broken,
        p_value=p_value,
        criteria=asked,
        sentence=_sentence(parties, pairs.images, asked, praise, figures),
    )


def decide_first(
    parties: Parties,
    accuracy: float,
    counts: Sequence[int],
    certificate: Certificate | None,
    settings: PromotionConfig,
) -> Decision:
    """Judge a model where there is none to compare it with.

    Args:
        parties: The candidate, without a champion.
        accuracy: Its test accuracy, in [0, 1].
        counts: Test images of each class, in label order; at least one in all.
        certificate: What became of its exports; None where there are none.
        settings: The limits.
    """
    right = round(accuracy * sum(counts))
    asked = (
        first_model.better_than_guessing(right, counts, settings.alpha),
        first_model.minimum_accuracy(accuracy, settings.minimum_accuracy),
        criteria.certificate(certificate),
    )
    return of_criteria(parties, accuracy, sum(counts), asked, "Fit to be the first model")


def of_criteria(
    parties: Parties, accuracy: float, images: int, asked: Sequence[Criterion], praise: str
) -> Decision:
    """Decide without comparing any answers.

    Args:
        parties: Who would be compared.
        accuracy: The candidate's on its test images, in [0, 1].
        images: How many these are.
        asked: The criteria.
        praise: What the sentence begins with if all passed.
    """
    return Decision(
        promote=all(criterion.passed for criterion in asked),
        candidate=parties.candidate,
        champion=parties.champion,
        holdout_sha256=parties.holdout_sha256,
        images=images,
        accuracy=accuracy,
        criteria=tuple(asked),
        sentence=_sentence(
            parties, images, asked, praise, f"{accuracy:.2%} of {images:,} test images right"
        ),
    )


def _sentence(
    parties: Parties, images: int, asked: Sequence[Criterion], praise: str, figures: str
) -> str:
    """Say what was decided, why, and what else failed."""
    failed = [criterion.name for criterion in asked if not criterion.passed]
    if not failed:
        return f"{praise}: {figures}."
    reason = _REASONS[failed[0]].format(
        champion=parties.champion, candidate=parties.candidate, images=images
    )
    also = [name for name in failed[1:] if _REASONS[name] != _REASONS[failed[0]]]
    others = f"; failed as well: {', '.join(also)}" if also else ""
    return f"Refused: {reason} ({figures}){others}."


def _written(p_value: float) -> str:
    return "p < 0.0001" if p_value < _SMALLEST_P else f"p = {p_value:.2g}"
