"""The tables of a run, in the page, the Markdown report and the model card."""

from collections.abc import Iterable

from sightline.data.validation.checks import percent
from sightline.data.validation.drift import format_change
from sightline.records import Certificate, Check, DataGateResult, ExportCheck
from sightline.records.manifest import RunManifest
from sightline.reporting.table import NONE, Cell, Table, times

# Checks of the data gate that measure something other than a share of the images
_NO_SHARE = frozenset({"missing_classes", "drift"})
_SPLIT_USES = {
    "train": "fits the weights",
    "validation": "reveals overfitting",
    "test": "held out for the final evaluation",
}
_CONTENTS = {
    "model.keras": "the model, its class names and how images become its input",
    "predictions.parquet": "label, prediction and probabilities of each test image",
    "metrics.json": "all measures of the evaluation",
    "history.parquet": "accuracy and loss of each epoch",
    "steps.parquet": "accuracy and loss within epochs",
    "label_errors.parquet": "training images whose label the model contradicts",
    "near_duplicates.parquet": "pairs of images that resemble each other",
    "contradicted_labels.parquet": "images whose neighbors have another label",
    "map.parquet": "places of the images on the map",
    "profile.parquet": "sample of the test images, with which scored images are compared",
    "findings.parquet": "unusual images that the data gate found",
    "certificate.json": "comparison of the exported formats with the model",
    "model_summary.txt": "the layers as Keras lists them",
}


def splits(run: RunManifest) -> Table:
    """List the splits as the training used them."""
    found = run.records.preprocess.splits
    rows = [
        (name, f"{found[name].count:,}", use) for name, use in _SPLIT_USES.items() if name in found
    ]
    return Table("Splits", "tnt", ("Split", "Images", "Use"), rows)


def class_counts(run: RunManifest) -> Table:
    """List all classes with their labels and their images in each split, as ingested."""
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
        rows,
        ("All classes", "", *(f"{file.shape[0]:,}" for file in files.images.values())),
    )


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


def criteria(run: RunManifest) -> Table:
    """List the criteria of the promotion gate."""
    asked = run.records.decision.criteria if run.records.decision else ()
    rows = [(one.name, Cell(one.outcome, weak=one.failed), one.sentence) for one in asked]
    columns = ("Criterion", "Outcome", "Finding")
    return Table("Criteria of the promotion gate", "tts", columns, rows)


def _outcome(check: ExportCheck) -> Cell:
    outcome = "passed" if check.passed else "failed"
    return Cell(outcome, check.problem or "", weak=not check.passed)


def exports(certificate: Certificate) -> Table:
    """List the exported formats: their distance from the evaluated model, sizes and times."""
    rows = [
        (
            check.format,
            check.runtime,
            _outcome(check),
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
        libraries(run),
        ("Weights, SHA-256", run.weights_sha256),
        ("Seed", str(run.config.training.seed)),
    )
    return Table("Digests", "tc", (), rows)


def libraries(run: RunManifest) -> tuple[str, str]:
    """Return what fixes the libraries: the lock file or, without one, the installed packages."""
    packages = run.environment.get("packages")
    if run.lock_sha256 or not packages:
        return "Lock file, SHA-256", run.lock_sha256 or NONE
    return f"List of the {packages['count']} installed packages, SHA-256", packages["sha256"]


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
    """List the files of the run folder and what they hold."""
    rows = [
        (name, _CONTENTS.get(name, "a figure"), f"{record.bytes:,}")
        for name, record in run.files.items()
    ]
    rows.sort(key=lambda row: row[0] not in _CONTENTS)
    return Table("Files of the run", "ltn", ("File", "Content", "Bytes"), rows)
