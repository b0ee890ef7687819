"""The tables of the page, the Markdown report, the model card and the run comparison.

Each function builds one table as text; `macros.html.j2` and `page.markdown_table` render it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sightline.data.validation.checks import percent
from sightline.data.validation.drift import format_change
from sightline.records import (
    Certificate,
    Check,
    ClassMetrics,
    DataGateResult,
    Evaluation,
    Interval,
)
from sightline.records.manifest import RunManifest

NONE = "none"
WEAK_F1 = 0.9  # Classes below this F1 are highlighted
_MOST_ROWS = 50  # Tables of classes and slices are cut after this many rows
_MOST_CONFUSIONS = 10
# Checks of the data gate that measure something other than a share of the images
_NO_SHARE = frozenset({"missing_classes", "drift"})
_SPLIT_USES = {
    "train": "fits the weights",
    "validation": "held out of train to reveal overfitting",
    "test": "held out for the final evaluation",
}


class Cell(NamedTuple):
    """A cell with more than its text."""

    text: str  # Its text
    note: str = ""  # A second line in small print, such as an interval
    weak: bool = False  # Whether the value needs attention

    def __str__(self) -> str:
        """Return the text and the note on one line."""
        return f"{self.text} ({self.note})" if self.note else self.text


class Table(NamedTuple):
    """A table of text; the first column names the row."""

    name: str  # What it shows, for screen readers
    # One letter per column: t(ext), n(umber), c(ode), s(entence) or b(ar); the text of a bar is its
    # width in percent, and only the page draws it
    kinds: str
    columns: Sequence[str]  # The heading of each column; empty for a table without headings
    rows: Sequence[Sequence[Cell | str]]  # The rows
    total: Sequence[str] = ()  # The last row, if any
    left_out: str = ""  # Where to find the rows that were cut

    def records(self) -> list[dict[str, str]]:
        """Return each row as a dictionary from column to text."""
        return [dict(zip(self.columns, map(str, row), strict=True)) for row in self.rows]


def splits(run: RunManifest) -> Table:
    """List the splits as the training used them."""
    found = run.records.preprocess.splits
    rows = [
        (name, f"{found[name].images.shape[0]:,}", use)
        for name, use in _SPLIT_USES.items()
        if name in found
    ]
    return Table("Splits", "tnt", ("Split", "Images", "Use"), rows)


def class_counts(run: RunManifest) -> Table:
    """List the images of each class in each split, as ingested."""
    files = run.records.ingest
    counts = zip(*(files.counts[split] for split in files.images), strict=True)
    rows = [
        (name, str(number), *(f"{count:,}" for count in row))
        for number, (name, row) in enumerate(zip(files.class_names, counts, strict=True))
    ]
    return Table(
        "Images per class",
        "tn" + "n" * len(files.images),
        ("Class", "Label", *(split.capitalize() for split in files.images)),
        rows[:_MOST_ROWS],
        ("All classes", "", *(f"{file.shape[0]:,}" for file in files.images.values())),
        _left_out(len(rows), "classes", "manifest.json"),
    )


def _left_out(rows: int, what: str, file: str) -> str:
    return f"{rows - _MOST_ROWS:,} more {what} are in {file}." if rows > _MOST_ROWS else ""


def checks(result: DataGateResult) -> Table:
    """List the checks of the data gate, in its order."""
    rows = [
        (
            check.name,
            Cell(check.outcome, weak=check.outcome in {"warned", "failed"}),
            "" if check.measured is None else _measured(check, check.measured),
            _measured(check, check.limit),
            check.sentence,
        )
        for check in result.checks
    ]
    columns = ("Check", "Outcome", "Measured", "Limit", "Finding")
    return Table("Checks of the data gate", "ttnns", columns, rows)


def _measured(check: Check, value: float) -> str:
    return f"{value:.3g}" if check.name in _NO_SHARE else percent(value)


def drift(result: DataGateResult) -> Table:
    """List the statistics that changed since the previous run."""
    rows = [(change.split, change.figure, *format_change(change)) for change in result.changes]
    return Table("Drift", "ttnn", ("Split", "Statistic", "Before", "Now"), rows)


def pixel_values(run: RunManifest) -> Table:
    """List the range, mean and standard deviation of the pixels of each split."""
    inspection = run.records.ingest.inspection
    rows = [
        (
            name,
            str(profile.pixel_min),
            str(profile.pixel_max),
            f"{profile.pixel_mean:.2f}",
            f"{profile.pixel_std:.2f}",
        )
        for name, profile in (inspection.profiles if inspection else {}).items()
    ]
    return Table("Pixel values", "tnnnn", ("Split", "Min", "Max", "Mean", "Std. dev."), rows)


def layers(run: RunManifest) -> Table:
    """List the layers of the model from input to output."""
    rows = [
        (layer.name, layer.kind, times(layer.output_shape), f"{layer.parameters:,}")
        for layer in run.records.build.layers
    ]
    return Table("Layers", "ttnn", ("Name", "Layer", "Output", "Parameters"), rows)


def times(sides: Iterable[int]) -> str:
    """Write the sides of an array with multiplication signs."""
    return "\N{MULTIPLICATION SIGN}".join(map(str, sides))


def weakest_first(evaluation: Evaluation) -> list[ClassMetrics]:
    """Sort the classes by F1; those without test images come last."""
    return sorted(evaluation.classes, key=lambda row: (not row.support, row.f1, row.class_name))


def class_metrics(evaluation: Evaluation) -> Table:
    """List precision, recall and F1 of the classes, the weakest first."""
    classes = weakest_first(evaluation)
    widest = max(1 - row.f1 for row in classes) or 1
    rows = [
        (
            row.class_name,
            Cell(f"{row.precision:.2%}", interval(row.precision_interval)),
            Cell(f"{row.recall:.2%}", interval(row.recall_interval)),
            Cell(f"{row.f1:.4f}", weak=row.f1 < WEAK_F1),
            f"{100 * (1 - row.f1) / widest:.1f}",
            f"{row.support:,}",
        )
        for row in classes[:_MOST_ROWS]
    ]
    columns = ("Class", "Precision", "Recall", "F1", "1 \N{MINUS SIGN} F1", "Test images")
    left_out = _left_out(len(classes), "classes", "metrics.json")
    return Table("Metrics per class", "tnnnbn", columns, rows, left_out=left_out)


def interval(ends: Interval | None) -> str:
    """Write both ends of an interval of shares; empty if it is unknown."""
    return f"{ends[0]:.2%} to {ends[1]:.2%}" if ends else ""


def confusions(evaluation: Evaluation) -> Table:
    """List the most frequent confusions."""
    names = [row.class_name for row in evaluation.classes]
    found = [
        (count, label, predicted)
        for label, row in enumerate(evaluation.confusion)
        for predicted, count in enumerate(row)
        if count and label != predicted
    ]
    rows = [
        (
            names[label],
            names[predicted],
            f"{count:,}",
            f"{count / sum(evaluation.confusion[label]):.2%}",
        )
        for count, label, predicted in sorted(found, key=lambda one: -one[0])[:_MOST_CONFUSIONS]
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
    left_out = _left_out(len(rows), "slices", "metrics.json")
    return Table("Slices", "ttnn", columns, rows[:_MOST_ROWS], left_out=left_out)


def robustness(evaluation: Evaluation) -> Table:
    """List the accuracy under each corruption and severity."""
    corruptions = evaluation.robustness.corruptions if evaluation.robustness else ()
    rows = [(row.corruption, *(f"{share:.2%}" for share in row.accuracies)) for row in corruptions]
    columns = ("Corruption", "Severity 1", *"2345")
    return Table("Corruption robustness", "tnnnnn", columns, rows)


def criteria(run: RunManifest) -> Table:
    """List the criteria of the promotion gate."""
    asked = run.records.decision.criteria if run.records.decision else ()
    rows = [(one.name, _outcome(one.passed), one.sentence) for one in asked]
    columns = ("Criterion", "Outcome", "Finding")
    return Table("Criteria of the promotion gate", "tts", columns, rows)


def _outcome(passed: bool, problem: str | None = None) -> Cell:
    return Cell("passed" if passed else "failed", problem or "", weak=not passed)


def exports(certificate: Certificate) -> Table:
    """List the exported formats: their distance from the evaluated model, sizes and times."""
    rows = [
        (
            check.format,
            check.runtime,
            _outcome(check.passed, check.problem),
            f"{check.difference:.1e}",
            f"{check.agreement:.2%}",
            f"{sum(file.bytes for file in check.files):,}",
            f"{check.load_seconds:,.1f} s",
            f"{1000 * check.latency_1:.1f} ms",
            f"{1000 * check.latency_256:.1f} ms",
        )
        for check in certificate.exports
    ]
    return Table(
        "Exported formats",
        "tttnnnnnn",
        (
            *("Format", "Runtime", "Outcome", "Difference"),
            *("Agreement", "Bytes"),
            *("Load", "1 image", "256 images"),
        ),
        rows,
    )


def stages(run: RunManifest) -> Table:
    """List the time of each stage."""
    rows = [
        (name, f"{stage.seconds:,.1f}", "yes" if stage.cached else "no")
        for name, stage in run.stages.items()
    ]
    total = ("Total", f"{run.total_seconds:,.1f}", "")
    return Table("Stages", "tnt", ("Stage", "Seconds", "Cached"), rows, total)


def digests(run: RunManifest) -> Table:
    """List the digests and the seed that the result depends on."""
    rows = (
        ("Data, SHA-256", run.source_sha256),
        ("Code, SHA-256", run.code_sha256),
        ("Lock file, SHA-256", run.lock_sha256 or NONE),
        ("Weights, SHA-256", run.weights_sha256),
        ("Seed", str(run.config.training.seed)),
    )
    return Table("Digests", "tc", (), rows)


def environment(run: RunManifest) -> Table:
    """List the machine and the versions of the pipeline process."""
    known = run.environment
    rows = [(name, str(value)) for name, value in known.items() if not isinstance(value, dict)]
    return Table("Pipeline process", "tt", (), [*rows, *known["versions"].items()])


def training_environment(run: RunManifest) -> Table:
    """List what the bits of the weights depend on."""
    return Table("Training process", "tt", (), [*run.records.train.environment.items()])


def settings(pairs: Iterable[tuple[str, str]]) -> Table:
    """List settings by dotted key."""
    return Table("Settings", "cc", ("Setting", "Value"), [*pairs])


def files(run: RunManifest) -> Table:
    """List the files of the run folder."""
    rows = [
        (name, f"{record.bytes:,}", f"{record.sha256[:16]}…") for name, record in run.files.items()
    ]
    return Table("Files of the run", "tnc", ("File", "Bytes", "SHA-256"), rows)
