"""The tables of the metrics, in the page, the Markdown report and the model card."""

from typing import Literal, NamedTuple

from sightline.evaluation import overall as measures
from sightline.evaluation.operating_points import TARGETS
from sightline.records import ClassMetrics, Evaluation, Metrics, OperatingPoint
from sightline.reporting import summary
from sightline.reporting.table import MOST_ROWS, NONE, Cell, Table, interval, left_out

WEAK_F1 = 0.9  # Classes below this F1 are highlighted
_MOST_CONFUSIONS = 10
_MEANINGS = {
    "balanced accuracy": "Balanced accuracy (mean recall of the classes)",
    "macro F1": "Macro F1",
    "macro ROC AUC": "ROC AUC (one-vs-rest, macro)",
    "macro average precision": "Average precision (one-vs-rest, macro)",
    "loss": "Loss (cross-entropy, nats)",
    "calibration error": "Expected calibration error",
}


def overall(evaluation: Metrics) -> Table:
    """List the measures of the whole test split, and the references."""
    rows = []
    for name, (value, ends) in measures.overall(evaluation).items():
        form = "{:.2%}" if measures.is_share(name) else "{:.4f}"
        if value is not None:
            between = " to ".join(map(form.format, ends)) if ends else ""
            rows.append((_MEANINGS.get(name, name.capitalize()), form.format(value), between))
    rows.append(("Reference: majority class", f"{summary.baseline(evaluation):.2%}", ""))
    if linear := evaluation.linear_reference:
        what = summary.reference(evaluation).removesuffix(f" {linear.accuracy:.2%}")
        rows.append((f"Reference: {what}", f"{linear.accuracy:.2%}", ""))
    return Table("Metrics", "tnn", ("Metric", "Value", "95% confidence interval"), rows)


def weakest_first(evaluation: Metrics) -> list[ClassMetrics]:
    """Sort the classes by F1; those without test images come last."""
    return sorted(evaluation.classes, key=lambda row: (not row.support, row.f1, row.class_name))


def class_metrics(evaluation: Evaluation) -> Table:
    """List precision, recall and F1 of the classes, the weakest first."""
    classes, areas = weakest_first(evaluation), _areas(evaluation)
    rows: list[tuple[Cell | str, ...]] = [
        (
            row.class_name,
            row.class_name,
            Cell(f"{row.precision:.2%}", interval(row.precision_interval)),
            Cell(f"{row.recall:.2%}", interval(row.recall_interval)),
            Cell(f"{row.f1:.4f}", weak=row.f1 < WEAK_F1),
            *(NONE if area is None else f"{area:.4f}" for area in areas.get(row.class_name, ())),
            f"{row.support:,}",
        )
        for row in classes[:MOST_ROWS]
    ]
    of_curves = ("ROC AUC", "AP") if areas else ()
    scores = ("Precision", "Recall", "F1", *of_curves)
    more = left_out(len(classes), "classes", "metrics.json")
    kinds = f"tinnn{'n' * len(of_curves)}n"
    return Table(
        "Metrics per class",
        kinds,
        ("Class", "Examples", *scores, "Test images"),
        rows,
        left_out=more,
    )


def _areas(evaluation: Evaluation) -> dict[str, tuple[float | None, float | None]]:
    """Return the areas under both curves of each class by its name, if they were measured."""
    curves = evaluation.threshold_curves
    if curves is None:
        return {}
    pairs = zip(curves.class_roc_auc, curves.class_average_precision, strict=True)
    return dict(zip((row.class_name for row in evaluation.classes), pairs, strict=True))


def operating_points(evaluation: Evaluation, goal: Literal["recall", "precision"]) -> Table:
    """List what each class reaches at some recalls or precisions, and the thresholds for it."""
    curves = evaluation.threshold_curves
    found = {
        (point.class_name, point.target): point
        for point in (curves.operating_points if curves else ())
        if point.goal == goal
    }
    other = "precision" if goal == "recall" else "recall"
    classes = [row.class_name for row in weakest_first(evaluation) if row.support]
    rows: list[tuple[Cell | str, ...]] = [
        (name, *(_reached(found.get((name, target)), other) for target in TARGETS))
        for name in (classes[:MOST_ROWS] if found else ())
    ]
    columns = [f"{other.capitalize()} at {goal} {target:.0%}" for target in TARGETS]
    more = left_out(len(classes), "classes", "metrics.json")
    return Table(f"Thresholds by {goal}", "tnnn", ("Class", *columns), rows, left_out=more)


def _reached(point: OperatingPoint | None, measure: str) -> Cell:
    if point is None:
        return Cell(NONE)
    return Cell(f"{getattr(point, measure):.2%}", f"from {point.threshold:.4f}")


class ConfusedPair(NamedTuple):
    """Two classes that the model confuses."""

    label: int  # Number of the true class
    predicted: int  # Number of the predicted class
    images: int  # Test images of the one that are taken for the other
    share: float  # Their share of the true class


def confused_pairs(evaluation: Evaluation) -> list[ConfusedPair]:
    """List the pairs of classes that are confused, the most frequent first."""
    found = (
        ConfusedPair(label, predicted, count, count / total)
        for label, row in enumerate(evaluation.confusion)
        for total in [sum(row)]
        for predicted, count in enumerate(row)
        if count and label != predicted
    )
    return sorted(found, key=lambda pair: -pair.images)


def confusions(evaluation: Evaluation) -> Table:
    """List the most frequent confusions."""
    names = [row.class_name for row in evaluation.classes]
    rows = [
        (names[pair.label], names[pair.predicted], f"{pair.images:,}", f"{pair.share:.2%}")
        for pair in confused_pairs(evaluation)[:_MOST_CONFUSIONS]
    ]
    columns = ("True class", "Predicted", "Images", "Of the class")
    return Table("Most frequent confusions", "ttnn", columns, rows)


def coverage(evaluation: Evaluation) -> Table:
    """List coverage and accuracy by confidence threshold."""
    rows = [
        (f"{point.threshold:.4g}", f"{point.coverage:.2%}", f"{point.accuracy:.2%}")
        for point in evaluation.coverage
    ]
    return Table("Coverage", "nnn", ("Threshold", "Coverage", "Accuracy"), rows)


def slices(evaluation: Evaluation) -> Table:
    """List the accuracy on each slice of the test split."""
    rows = [
        (
            row.column,
            row.value,
            f"{row.images:,}",
            Cell(f"{row.accuracy:.2%}", interval(row.interval)),
        )
        for row in evaluation.slices
    ]
    columns = ("Column", "Value", "Test images", "Accuracy")
    more = left_out(len(rows), "slices", "metrics.json")
    return Table("Slices", "ttnn", columns, rows[:MOST_ROWS], left_out=more)


def robustness(evaluation: Evaluation) -> Table:
    """List the accuracy under each corruption and severity."""
    corruptions = evaluation.robustness.corruptions if evaluation.robustness else ()
    rows = [(row.corruption, *(f"{share:.2%}" for share in row.accuracies)) for row in corruptions]
    columns = ("Corruption", "Severity 1", *"2345")
    return Table("Corruption robustness", "tnnnnn", columns, rows)
