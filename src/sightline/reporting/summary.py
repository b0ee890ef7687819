"""The sentences of the page, the Markdown report and the model card."""

from sightline.data import fact_lines
from sightline.data.decoding.image_kinds import describe_left_out
from sightline.evaluation.intervals import wilson
from sightline.records import (
    Calibration,
    Certificate,
    DataGateResult,
    Evaluation,
    Metrics,
    RunComparison,
)
from sightline.records.manifest import RunManifest
from sightline.reporting.table import interval, times

_MOST_DECISIONS = 5  # Shown on the first screen; the section Data has all
_AIMS = (0.9, 0.95, 0.99, 0.999)  # Accuracies that people ask for
_WORTHWHILE = 0.2  # Share of the images that an abstaining model must answer to be worth a sentence
_SIGNIFICANT = 0.05  # A change with a p-value below this is called better or worse


def quality(manifest: RunManifest) -> str:
    """Describe the accuracy, with the majority-class baseline."""
    evaluation = manifest.records.evaluate
    total, wrong = test_images(evaluation), manifest.records.report.mistakes_total
    balanced = ""
    if evaluation.balanced_accuracy is not None:
        mean = f"{evaluation.balanced_accuracy:.2%}"
        balanced = f"balanced accuracy (mean recall of the classes) {mean}, "
    linear = f", {reference(evaluation)}" if evaluation.linear_reference else ""
    return (
        f"The model classifies {total - wrong:,} of {total:,} test images correctly; {balanced}"
        f"majority-class baseline {baseline(evaluation):.2%}{linear}.{leaks(manifest)}"
    )


def test_images(evaluation: Metrics) -> int:
    """Count the test images."""
    return sum(metrics.support for metrics in evaluation.classes)


def baseline(evaluation: Metrics) -> float:
    """Return the accuracy of always predicting the most frequent class."""
    return max(metrics.support for metrics in evaluation.classes) / test_images(evaluation)


def no_better_than_baseline(evaluation: Evaluation) -> bool:
    """Return whether the majority-class baseline may be as accurate as the model."""
    return evaluation.accuracy_interval[0] <= baseline(evaluation)


def overconfidence(calibration: Calibration) -> float:
    """Return by how much the mean confidence exceeds the accuracy, from -1 to 1."""
    total = sum(row.images for row in calibration.bins)
    return sum(
        row.images * (row.confidence - row.accuracy)
        for row in calibration.bins
        if row.confidence is not None and row.accuracy is not None
    ) / max(1, total)


def reference(evaluation: Metrics) -> str:
    """State the accuracy of the linear reference; empty if there is none."""
    found = evaluation.linear_reference
    if found is None:
        return ""
    pixels = times((found.side, found.side))
    return (
        f"logistic regression on {found.training_images:,} training images of {pixels} pixels "
        f"{found.accuracy:.2%}"
    )


def leaks(manifest: RunManifest) -> str:
    """State how many test images are also training images; empty if this was not checked."""
    found = manifest.records.ingest.inspection
    if found is None:
        return ""
    count = found.affected.get("leak", {}).get("test", 0)
    if not count:
        return " No test image is in the training set."
    return f" {count:,} test {'image is' if count == 1 else 'images are'} in the training set."


def certainty(manifest: RunManifest) -> str:
    """Give the confidence interval of the accuracy and, if measured, the seed noise."""
    evaluation, noise = manifest.records.evaluate, manifest.seed_noise
    sentence = (
        f"With {test_images(evaluation):,} test images, the 95% confidence interval of the "
        f"accuracy is {interval(evaluation.accuracy_interval)}."
    )
    if noise is None:
        return sentence
    return (
        f"{sentence} The mean accuracy over {len(noise.values)} seeds is {noise.mean:.2%}; two "
        f"seeds differ by up to {100 * noise.difference:.2f} points (95%)."
    )


def progress(manifest: RunManifest) -> str:
    """Compare the run with the previous one of its data set."""
    if manifest.compared is None:
        return "This is the first run of this data set."
    return _comparison(manifest, manifest.compared, "the previous run")


def champion(manifest: RunManifest) -> str:
    """Compare the run with the champion's; empty if there is none, or `progress` or the gate do."""
    return _comparison(manifest, manifest.champion, "the champion") if manifest.champion else ""


def _comparison(manifest: RunManifest, compared: RunComparison, other: str) -> str:
    now = manifest.records.evaluate.accuracy
    change = f"{compared.accuracy:.2%} before, {now:.2%} now (run {compared.run_id})"
    if compared.fixed is None or compared.broken is None or compared.p_value is None:
        return (
            f"Not comparable with {other}: its test images differ or its predictions cannot be "
            f"read; {change}."
        )
    if not compared.fixed + compared.broken:
        return f"The same test images are misclassified as by {other}: {change}."
    result = f"{'Better' if compared.fixed > compared.broken else 'Worse'} than {other}"
    if compared.p_value >= _SIGNIFICANT:
        result = f"No significant difference from {other}"
    images = test_images(manifest.records.evaluate)
    return (
        f"{result} (p = {compared.p_value:.2g}, n = {images:,}): {change}; {compared.fixed:,} "
        f"images newly correct, {compared.broken:,} newly wrong (McNemar's exact test)."
    )


def reading(manifest: RunManifest) -> list[str]:
    """State how the data were read, and decisions on their meaning that the gate does not state."""
    files, gate = manifest.records.ingest, manifest.records.gate
    checks = gate.checks if gate else ()
    is_warned = any(one.name == "left_out" and one.outcome == "warned" for one in checks)
    known = describe_left_out(files.left_out) if is_warned else ()
    decisions = [note for note in files.decisions if note not in known]
    more = len(decisions) - _MOST_DECISIONS
    origin = fact_lines.describe_splits(files)
    return [
        f"{origin[:1].upper()}{origin[1:]}; labels: {files.label_source}.",
        *decisions[:_MOST_DECISIONS],
        *([f"{more:,} more."] if more > 0 else ()),
    ]


def promotion(manifest: RunManifest) -> str:
    """State whether the model passed the promotion gate; empty if the gate was off."""
    decision = manifest.records.decision
    if decision is None:
        return ""
    if not decision.promote:
        return f"No. {decision.sentence}"
    if manifest.config.promotion.gate == "report":
        return f"It passed, but the gate only reports. {decision.sentence}"
    return f"Yes, unless another model was promoted meanwhile. {decision.sentence}"


def data_gate(result: DataGateResult) -> str:
    """State in one phrase how the checks of the data gate came out."""
    ran = [check for check in result.checks if check.outcome not in {"off", "skipped"}]
    skipped = [check.name for check in result.checks if check.outcome == "skipped"]
    warned = [check.name for check in ran if check.outcome != "passed"]
    more = f"; skipped: {', '.join(skipped)}" if skipped else ""
    if not warned:
        passed = {0: "no check ran", 1: "the only check passed"}
        return f"{passed.get(len(ran), f'all {len(ran)} checks passed')}{more}"
    return f"{len(warned)} of {len(ran)} checks warned: {', '.join(warned)}{more}"


def exports(certificate: Certificate) -> str:
    """State whether the exported formats agree with the evaluated model."""
    failed = [check.format for check in certificate.exports if not check.passed]
    images = f"{certificate.golden_images:,} test images"
    if failed:
        return (
            f"{', '.join(failed)} {'disagrees' if len(failed) == 1 else 'disagree'} with the "
            f"evaluated model on {images} (tolerance {certificate.tolerance:g})"
        )
    largest = max(check.difference for check in certificate.exports)
    return (
        f"{len(certificate.exports)} exported formats agree with the evaluated model on {images}; "
        f"their class probabilities differ by at most {largest:.1e}"
    )


def abstaining(evaluation: Evaluation) -> str:
    """State what a model gains that leaves uncertain images to people; empty if it is too little.

    The aim is the first of a few usual accuracies that the model does not reach on all images.
    """
    aim = next((one for one in _AIMS if one > evaluation.accuracy), 1)
    found = [point for point in evaluation.coverage if point.accuracy >= aim]
    best = max(found, key=lambda point: point.coverage, default=None)
    if best is None or not _WORTHWHILE <= best.coverage < 1:
        return ""
    return (
        f" If it abstains below a confidence of {best.threshold:g}, it answers {best.coverage:.2%} "
        f"of the images, {best.accuracy:.2%} of these correctly."
    )


def temperature(evaluation: Evaluation) -> str:
    """State what temperature scaling would change; empty if calibration was not measured."""
    calibration = evaluation.calibration
    if calibration is None:
        return ""
    found = calibration.temperature
    if found is None:
        reason = "there is no validation split (preprocessing.validation_fraction)"
        return f"Temperature scaling was not fitted: {reason}."
    return (
        f"Temperature scaling with T = {found.temperature:.3f}, fitted to "
        f"{found.validation_images:,} validation images, would change the calibration error to "
        f"{found.calibration_error:.2%} and the test loss from {evaluation.loss:.4f} to "
        f"{found.loss:.4f}; the exported model does not apply it."
    )


def label_errors(manifest: RunManifest) -> str:
    """State how many labels may be wrong; empty if they were not checked."""
    found, trained = manifest.records.evaluate.label_errors, trained_images(manifest)
    if found is None:
        return ""
    every, share = sum(manifest.records.ingest.counts["train"]), ""
    if found.examined < every:
        low, high = wilson(found.found, found.examined) or (0.0, 1.0)
        share = f" (of all {every:,} probably {low:.2%} to {high:.2%})"
        labels = "these" if trained == every else "most of these"
    else:
        labels = "these" if found.examined == trained else f"{trained:,} of these"
    return (
        f"Possible label errors: for {found.found:,} of {checked_images(manifest)}{share}, the "
        f"model predicts a class other than the label with a probability of at least "
        f"{found.threshold:.0%}. It was trained on {labels} labels, so it may have memorized other "
        "wrong ones."
    )


def trained_images(manifest: RunManifest) -> int:
    """Count the images that the network trained on."""
    return manifest.records.preprocess.splits["train"].count


def checked_images(manifest: RunManifest) -> str:
    """Count the images whose labels were checked; empty if none were."""
    found = manifest.records.evaluate.label_errors
    if found is None:
        return ""
    every, trained = sum(manifest.records.ingest.counts["train"]), trained_images(manifest)
    held_out = " and validation" if every > trained else ""
    drawn = " drawn at random" if found.examined < every else ""
    return f"{found.examined:,} training{held_out} images{drawn}"


def predictions_per_class(evaluation: Evaluation) -> dict[str, int]:
    """Return how many test images the model assigns to each class."""
    names = (row.class_name for row in evaluation.classes)
    return dict(zip(names, map(sum, zip(*evaluation.confusion, strict=True)), strict=True))
