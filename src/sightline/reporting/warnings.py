"""What needs attention: the warnings of the page, the Markdown report and the model card."""

from collections.abc import Callable, Iterator

from sightline.records import Evaluation
from sightline.records.manifest import RunManifest
from sightline.reporting import summary
from sightline.reporting.metric_tables import WEAK_F1

_MISCALIBRATED = 0.05  # Expected calibration error above which the reader is warned
_OVERFITTED = 0.15  # Gap between training and test accuracy that is worth a warning
_UNDERFITTED = 0.6  # Training accuracy below which the network has learned too little
_FRAGILE = 0.5  # Share of the clean accuracy below which a corruption is worth a warning
_MILD = 2  # Highest severity of images that users are likely to have
Escape = Callable[[str], str]


def list_warnings(manifest: RunManifest, escape: Escape) -> list[str]:
    """List what needs attention, the most important first; `escape` makes user text literal."""
    evaluation, gate = manifest.records.evaluate, manifest.records.gate
    baseline = (
        "The model may be no better than the majority-class baseline, which lies within or "
        "above the confidence interval. Try more epochs (training.epochs), another recipe or "
        "more images."
    )
    linear = evaluation.linear_reference
    return [
        *([baseline] if evaluation.accuracy_interval[0] <= summary.baseline(evaluation) else []),
        *(
            [f"The model is no better than a {summary.reference(evaluation)}."]
            if linear and evaluation.accuracy <= linear.accuracy
            else []
        ),
        *_fit_warnings(manifest),
        *(
            f"Data: {escape(check.sentence)}"
            for check in (gate.checks if gate else ())
            if check.outcome == "warned"
        ),
        *_class_warnings(evaluation, escape),
        *_measurement_warnings(evaluation),
    ]


def _fit_warnings(manifest: RunManifest) -> Iterator[str]:
    trained, tested = manifest.records.train.accuracy, manifest.records.evaluate.accuracy
    if trained is None:
        return
    both = f"training accuracy {trained:.2%}, test accuracy {tested:.2%}"
    if trained - tested > _OVERFITTED:
        yield (
            f"The model overfits: {both}. More images help most; augmentation "
            "(training.augmentation, embedding.views) and model.dropout help, too."
        )
    elif trained < _UNDERFITTED:
        yield (
            f"The model underfits: {both}. Train longer (training.epochs), with another "
            "training.learning_rate, or use a larger network."
        )


def _class_warnings(evaluation: Evaluation, escape: Escape) -> Iterator[str]:
    tested = [row for row in evaluation.classes if row.support]
    predicted = summary.predictions_per_class(evaluation)
    never = [row for row in tested if not predicted[row.class_name]]
    if never:
        first = f"“{escape(never[0].class_name)}”{' and others' if never[1:] else ''}"
        yield f"{len(never):,} of {len(tested):,} classes are never predicted: {first}."
        return
    weakest = min(tested, key=lambda row: row.f1)
    if weakest.f1 < WEAK_F1:
        yield f"The weakest class is “{escape(weakest.class_name)}” (F1 {weakest.f1:.4f})."


def _measurement_warnings(evaluation: Evaluation) -> Iterator[str]:
    calibration, robustness = evaluation.calibration, evaluation.robustness
    if calibration is not None and calibration.error > _MISCALIBRATED:
        error = f"{calibration.error:.2%}"
        yield f"The probabilities are poorly calibrated: expected calibration error {error}."
    if robustness is not None:
        worst = min(robustness.corruptions, key=lambda row: row.accuracies[_MILD - 1])
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
            f"{found.examined:,} training images (label_errors.parquet)."
        )
