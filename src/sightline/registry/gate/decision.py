"""Decisions of the promotion gate: pure functions of what was measured."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sightline.config import PromotionConfig
from sightline.records import Certificate, Criterion, Decision
from sightline.registry.gate import criteria, paired_tests, recall
from sightline.registry.gate.scores import Scores

_REASONS = {  # given for the first criterion that fails
    "task": "it does not know the same classes as {champion}",
    "holdout": "the test images or labels changed since {champion} was promoted; compare both on "
    "the new ones with `sightline models promote {candidate} --rebaseline --reason ...`, or always "
    "with promotion.rebaseline",
    "same_model": "its weights are those of {champion}",
    "source": "the test images could not be read for {champion}",
    "mcnemar": "{images:,} test images do not show that it is better than {champion}",
    "class_recall": "a class may have lost more recall than is allowed",
    "calibration": "it is less well calibrated than {champion}",
    "latency": "it is too slow compared with {champion}",
    "noise": "its gain over {champion} is within the seed noise",
    "baseline": "it is not better than always predicting the most frequent class",
    "reference": "a logistic regression on a few pixels is better",
    "minimum_accuracy": "its accuracy is below promotion.minimum_accuracy",
    "certificate": "its exported formats are not shown to match the measured model",
}
_MIN_P_VALUE = 0.0001


class Comparison(NamedTuple):
    """The candidate's run ID, the champion if there is one, and the digest of the test images."""

    candidate: str
    champion: str | None
    holdout_sha256: str


def from_scores(
    comparison: Comparison,
    scores: Scores,
    certificate: Certificate | None,
    limits: PromotionConfig,
    noise: float | None = None,
    preconditions: Sequence[Criterion] = (),
) -> Decision:
    """Compare a candidate with the champion.

    A model that is not better is promoted with probability `limits.alpha` at most, since McNemar's
    exact test alone guarantees this.

    Args:
        noise: Seed noise of the candidate's recipe, see `criteria.noise`; None if unknown.
        preconditions: Criteria that were checked before; listed first.
    """
    pairs = scores.pairs
    checked = (
        *preconditions,
        criteria.mcnemar(pairs, limits.alpha),
        recall.class_recall(scores, limits.alpha, limits.recall_margin, limits.recall_power),
        criteria.calibration(scores, limits.calibration_margin),
        criteria.latency(scores.timing, limits.latency_factor),
        criteria.noise(pairs, noise),
        criteria.certificate(certificate),
    )
    accuracy, before = (float(one.correct.mean()) for one in (scores.candidate, scores.champion))
    p_value = paired_tests.mcnemar(pairs.fixed, pairs.broken)
    p_text = "p < 0.0001" if p_value < _MIN_P_VALUE else f"p = {p_value:.2g}"
    return from_criteria(
        comparison,
        checked,
        f"Better than {comparison.champion}",
        f"{accuracy:.2%} instead of {before:.2%}, {p_text}",
        images=pairs.images,
        accuracy=accuracy,
        champion_accuracy=before,
        interval=paired_tests.interval(pairs, limits.alpha),
        fixed=pairs.fixed,
        broken=pairs.broken,
        p_value=p_value,
    )


def for_first_model(
    comparison: Comparison,
    accuracy: float,
    counts: Sequence[int],
    certificate: Certificate | None,
    limits: PromotionConfig,
    linear: float | None = None,
) -> Decision:
    """Decide without a champion, by the test accuracy and the test images of each class.

    Args:
        comparison: Names the candidate only.
        linear: Accuracy of a logistic regression, if it was measured.
    """
    images = sum(counts)
    correct = round(accuracy * images)
    checked = [criteria.baseline(correct, counts, limits.alpha)]
    if limits.minimum_accuracy is not None:
        checked.append(criteria.minimum_accuracy(accuracy, limits.minimum_accuracy))
    elif linear is not None:
        checked.append(criteria.reference(correct, images, linear, limits.alpha))
    checked.append(criteria.certificate(certificate))
    praise = "Passed as the first model"
    return from_criteria(comparison, checked, praise, images=images, accuracy=accuracy)


def from_criteria(
    comparison: Comparison,
    checked: Sequence[Criterion],
    praise: str,
    figures: str = "{accuracy:.2%} of {images:,} test images correct",
    **numbers: Any,
) -> Decision:
    """Decide by criteria that were checked; the first that failed gives the reason.

    Args:
        comparison: What was compared.
        checked: The criteria.
        praise: Start of the sentence if all passed; `figures` follow.
        figures: Template for the numbers.
        numbers: Fields of the decision, at least `images` and `accuracy`.
    """
    failed = [criterion.name for criterion in checked if criterion.failed]
    figures = figures.format(**numbers)
    sentence = f"{praise}: {figures}."
    if failed:
        reason = _REASONS[failed[0]].format(**comparison._asdict(), **numbers)
        others = f"; also failed: {', '.join(failed[1:])}" if failed[1:] else ""
        sentence = f"Refused: {reason} ({figures}){others}."
    return Decision(
        promote=not failed,
        **comparison._asdict(),
        criteria=tuple(checked),
        sentence=sentence,
        **numbers,
    )
