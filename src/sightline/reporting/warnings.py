"""What needs attention: the warnings of the page, the Markdown report and the model card.

What helps is in `advice`.
"""

from collections.abc import Callable, Iterator
from typing import Literal

from sightline.records import CorruptionMetrics, Evaluation, Robustness
from sightline.records.manifest import RunManifest
from sightline.reporting import summary, unlabelled
from sightline.reporting.metric_tables import WEAK_F1

MISCALIBRATED = 0.05  # Expected calibration error above which the reader is warned
_OVERFITTED = 0.15  # Gap between training and test accuracy that is worth a warning
_UNDERFITTED = 0.6  # Accuracy below which the network has learned too little
_FRAGILE = 0.5  # Share of the clean accuracy below which a corruption is worth a warning
_MILD = 2  # Highest severity of images that users are likely to have
_UNUSUAL = frozenset({"inversion"})  # Even its mild severities change what an image shows
_NAMED = 5  # Most classes that a warning names
Escape = Callable[[str], str]


def list_warnings(manifest: RunManifest, escape: Escape) -> list[str]:
    """List what needs attention, the most important first; `escape` makes user text literal."""
    evaluation, gate = manifest.records.evaluate, manifest.records.gate
    return [
        *_reference_warnings(evaluation, escape),
        *_fit_warnings(manifest),
        *(
            f"Data: {escape(check.sentence)}"
            for check in (gate.checks if gate else ())
            if check.outcome == "warned"
        ),
        *filter(None, [escape(unlabelled.warning(manifest))]),
        *_class_warnings(evaluation, escape),
        *_measurement_warnings(manifest),
    ]


def _reference_warnings(evaluation: Evaluation, escape: Escape) -> Iterator[str]:
    """Say whether the model is worth more than the references."""
    named = [name for name, count in summary.predictions_per_class(evaluation).items() if count]
    if len(named) == 1:
        yield f"The model predicts “{escape(named[0])}” for every test image."
    elif summary.no_better_than_baseline(evaluation):
        yield (
            "The model may be no better than the majority-class baseline, which lies within or "
            "above the confidence interval."
        )
    linear = evaluation.linear_reference
    if linear and evaluation.accuracy <= linear.accuracy:
        yield f"The model is no better than a linear model ({summary.reference(evaluation)})."


def fit_problem(manifest: RunManifest) -> Literal["overfits", "underfits"] | None:
    """Diagnose the fit from the training and the test accuracy.

    Augmented images are harder: a network that misses many of them has not learned too little if
    it recognizes the test images.
    """
    trained, tested = manifest.records.train.accuracy, manifest.records.evaluate.accuracy
    if trained is None:
        return None
    if trained - tested > _OVERFITTED:
        return "overfits"
    return "underfits" if max(trained, tested) < _UNDERFITTED else None


def _fit_warnings(manifest: RunManifest) -> Iterator[str]:
    problem, trained = fit_problem(manifest), manifest.records.train.accuracy
    if problem is not None:
        tested = manifest.records.evaluate.accuracy
        yield f"The model {problem}: training accuracy {trained:.2%}, test accuracy {tested:.2%}."


def _class_warnings(evaluation: Evaluation, escape: Escape) -> Iterator[str]:
    tested = [row for row in evaluation.classes if row.support]
    predicted = summary.predictions_per_class(evaluation)
    never = [row.class_name for row in tested if not predicted[row.class_name]]
    if never:
        names = ", ".join(f"“{escape(name)}”" for name in never[:_NAMED])
        others = f" and {len(never) - _NAMED:,} others" if never[_NAMED:] else ""
        are = "is" if len(never) == 1 else "are"
        yield f"{len(never):,} of {len(tested):,} classes {are} never predicted: {names}{others}."
        return
    weakest = min(tested, key=lambda row: row.f1)
    if weakest.f1 < WEAK_F1:
        yield f"The weakest class is “{escape(weakest.class_name)}” (F1 {weakest.f1:.4f})."


def usual_corruptions(robustness: Robustness) -> list[CorruptionMetrics]:
    """List the corruptions that images in use may have; negatives are no alarm."""
    return [row for row in robustness.corruptions if row.corruption not in _UNUSUAL]


def _measurement_warnings(manifest: RunManifest) -> Iterator[str]:
    evaluation = manifest.records.evaluate
    calibration, robustness = evaluation.calibration, evaluation.robustness
    if calibration is not None and calibration.error > MISCALIBRATED:
        error = f"{calibration.error:.2%}"
        yield f"The probabilities are poorly calibrated: expected calibration error {error}."
    if robustness is not None:
        worst = min(usual_corruptions(robustness), key=lambda row: row.accuracies[_MILD - 1])
        accuracy = worst.accuracies[_MILD - 1]
        if accuracy < _FRAGILE * robustness.accuracy:
            yield (
                f"Mild {worst.corruption} (severity {_MILD} of {len(worst.accuracies)}) reduces "
                f"the accuracy to {accuracy:.2%}."
            )
    found = evaluation.label_errors
    if found is not None and found.found:
        yield (
            f"{found.found:,} possible label {'error' if found.found == 1 else 'errors'} among "
            f"{summary.checked_images(manifest)} (label_errors.parquet)."
        )
