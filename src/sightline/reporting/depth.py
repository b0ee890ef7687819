"""How deep an evaluation was: what was measured on a sample of the images, or left out."""

from collections.abc import Iterator

from sightline.evaluation.depth import FULL
from sightline.records.manifest import RunManifest


def describe(manifest: RunManifest) -> str:
    """Name the depth of a run's evaluation, and what it left out."""
    depth = manifest.config.evaluation.depth
    return ": ".join(filter(None, (depth, left_out(manifest))))


def left_out(manifest: RunManifest) -> str:
    """List what was left out, or measured on fewer images than `full` takes; "" if nothing was."""
    skipped = ", ".join(_skipped(manifest))
    found = ["without " + " and ".join(skipped.rsplit(", ", 1))] if skipped else []
    found += [
        f"{what} on {taken:,} of {asked:,} {images}"
        for what, taken, asked, images in _sampled(manifest)
        if taken < asked
    ]
    return f"{', '.join(found)} (evaluation.depth=full takes all)" if found else ""


def _skipped(manifest: RunManifest) -> Iterator[str]:
    settings, found = manifest.config.evaluation, manifest.records.evaluate
    if settings.robustness_images and found.robustness is None:
        yield "corruption robustness"
    wanted = settings.saliency_images and settings.depth != "full"
    if wanted and found.saliency is None and manifest.records.report.mistakes_total:
        yield "saliency maps"
    if settings.label_error_threshold < 1 and found.label_errors is None:
        yield "label errors"


def _sampled(manifest: RunManifest) -> Iterator[tuple[str, int, int, str]]:
    """Yield measure, images taken, images that `full` takes, and what images they are."""
    settings, records = manifest.config.evaluation, manifest.records
    found, splits = records.evaluate, records.preprocess.splits
    if found.robustness:
        asked = min(settings.robustness_images, splits["test"].count)
        yield "corruption robustness", found.robustness.images, asked, "test images"
    if found.saliency:
        asked = min(settings.saliency_images, records.report.mistakes_total)
        yield "saliency maps", len(found.saliency.indexes), asked, "mistakes"
    if found.label_errors:
        asked = sum(records.ingest.counts["train"])
        yield "label errors", found.label_errors.examined, asked, "training images"
    if found.calibration and (temperature := found.calibration.temperature):
        asked = min(FULL.temperature, splits["validation"].count)
        yield "temperature", temperature.validation_images, asked, "validation images"
    if found.linear_reference:
        taken, asked = found.linear_reference.training_images, splits["train"].count
        yield "logistic regression", taken, min(FULL.reference, asked), "training images"
