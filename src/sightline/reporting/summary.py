"""The run in one minute: is it good, how sure is that, is it better, what looks wrong."""

from collections.abc import Callable, Iterator

from sightline.records import Evaluation, RunComparison
from sightline.records.manifest import RunManifest

_WEAK_F1 = 0.9
_MISCALIBRATED = 0.05
_CHANCE = 0.05
"""A difference that equally good models show at least so often says nothing."""
_FRAGILE = 0.5
"""Share of the accuracy on clean images, below which a corruption is worth a word."""
_MILD = 2
"""Severity up to which images are still what a user may send."""

Escape = Callable[[str], str]


def quality(manifest: RunManifest) -> str:
    """Say how good the model is."""
    total = _tested(manifest)
    frequent = max(metrics.support for metrics in manifest.records.evaluate.classes)
    return (
        f"The model names the right class for {total - manifest.records.report.mistakes_total:,} "
        f"of {total:,} test images, {novelty(manifest)}; always naming the most frequent class "
        f"would get {frequent / total:.2%}."
    )


def novelty(manifest: RunManifest) -> str:
    """Say how many of the test images the model was trained on, as far as was looked for."""
    found = manifest.records.ingest.inspection
    leaks = found.affected.get("leak", {}).get("test", 0) if found else 0
    if not leaks:
        return "none of which it had seen before"
    equal = "equals a training image" if leaks == 1 else "equal training ones"
    return f"{leaks:,} of which {equal}"


def certainty(manifest: RunManifest) -> str:
    """Say how sure that is."""
    low, high = manifest.records.evaluate.accuracy_interval
    return (
        f"As far as {_tested(manifest):,} images tell: for more images of this kind, expect "
        f"between {low:.2%} and {high:.2%} to be right.{_of_seeds(manifest)}"
    )


def _of_seeds(manifest: RunManifest) -> str:
    noise = manifest.seed_noise
    if noise is None:
        return ""
    return (
        f" Of {len(noise.values)} trainings that differ in their seed alone, the mean is "
        f"{noise.mean:.2%}; two of them differ by up to {100 * noise.difference:.2f} points by "
        "chance."
    )


def _tested(manifest: RunManifest) -> int:
    return sum(metrics.support for metrics in manifest.records.evaluate.classes)


def progress(manifest: RunManifest) -> str:
    """Say whether the run is better than the last one of its data set."""
    compared = manifest.compared
    if compared is None:
        return "There is no earlier run of this data set to compare with."
    now = manifest.records.evaluate.accuracy
    change = f"{compared.accuracy:.2%} before, {now:.2%} now (run {compared.run_id})"
    if compared.fixed is None or compared.broken is None or compared.p_value is None:
        return (
            "Not comparable with the run before, which was tested on other images or whose "
            f"predictions cannot be read: {change}."
        )
    if not compared.fixed + compared.broken:
        return f"Every prediction is as right or wrong as in the run before: {change}."
    return (
        f"{_judged(compared)}: {change}; {compared.fixed:,} images newly right, "
        f"{compared.broken:,} newly wrong (McNemar's exact test, p = {compared.p_value:.2g})."
    )


def _judged(compared: RunComparison) -> str:
    if (compared.p_value or 0.0) >= _CHANCE:
        return "Neither better nor worse than the run before, as far as these images tell"
    better = (compared.fixed or 0) > (compared.broken or 0)
    return f"{'Better' if better else 'Worse'} than the run before"


def shipping(manifest: RunManifest) -> str:
    """Say whether the model is shipped; empty where the promotion gate was off."""
    decision = manifest.records.decision
    if decision is None:
        return ""
    if not decision.promote:
        return f"No. {decision.sentence}"
    if manifest.config.promotion.gate == "report":
        return f"It may be, but the gate only reports. {decision.sentence}"
    return f"Yes, unless another model was promoted meanwhile. {decision.sentence}"


def doubts(manifest: RunManifest, escape: Escape) -> list[str]:
    """List what looks wrong, most important first.

    Args:
        manifest: The finished run.
        escape: Makes a name from the user literal.
    """
    return [
        *_of_guessing(manifest.records.evaluate),
        *_of_data(manifest, escape),
        *_of_classes(manifest.records.evaluate, escape),
        *_of_probabilities(manifest.records.evaluate),
        *_of_corruptions(manifest.records.evaluate),
        *_of_labels(manifest.records.evaluate),
    ]


def _of_guessing(evaluation: Evaluation) -> Iterator[str]:
    supports = [metrics.support for metrics in evaluation.classes]
    if evaluation.accuracy_interval[0] <= max(supports) / sum(supports):
        yield (
            "Always naming the most frequent class may be as good, as far as these images tell: "
            "the model may have learnt nothing. More epochs (training.epochs), another recipe or "
            "more images may help."
        )


def _of_data(manifest: RunManifest, escape: Escape) -> Iterator[str]:
    gate = manifest.records.gate
    for check in gate.checks if gate else ():
        if check.outcome == "warned":
            yield f"Data: {escape(check.sentence)}"


def _of_classes(evaluation: Evaluation, escape: Escape) -> Iterator[str]:
    tested = [metrics for metrics in evaluation.classes if metrics.support]
    named = [sum(column) for column in zip(*evaluation.confusion, strict=False)]
    unnamed = [
        metrics
        for metrics, images in zip(evaluation.classes, named, strict=False)
        if metrics.support and not images
    ]
    if unnamed:
        first = escape(unnamed[0].class_name)
        yield f"It never names {len(unnamed):,} of {len(tested):,} tested classes: “{first}”" + (
            " and others." if unnamed[1:] else "."
        )
        return
    weakest = min(tested, key=lambda metrics: metrics.f1)
    if weakest.f1 < _WEAK_F1:
        name = escape(weakest.class_name)
        yield f"The weakest class is “{name}” with an F1 of {weakest.f1:.3f}."


def _of_probabilities(evaluation: Evaluation) -> Iterator[str]:
    calibration = evaluation.calibration
    if calibration is not None and calibration.error > _MISCALIBRATED:
        yield (
            f"The probabilities are off by {100 * calibration.error:.1f} percentage points on "
            "average (expected calibration error)."
        )


def _of_corruptions(evaluation: Evaluation) -> Iterator[str]:
    robustness = evaluation.robustness
    if robustness is None:
        return
    worst = min(robustness.corruptions, key=lambda row: row.accuracies[_MILD - 1])
    accuracy = worst.accuracies[_MILD - 1]
    if accuracy < _FRAGILE * robustness.accuracy:
        yield (
            f"Mild {worst.corruption} (severity {_MILD} of 5) takes the accuracy down to "
            f"{accuracy:.1%}."
        )


def _of_labels(evaluation: Evaluation) -> Iterator[str]:
    found = evaluation.label_errors
    if found is not None and found.found:
        verb = "looks" if found.found == 1 else "look"
        yield (
            f"{found.found:,} of {found.examined:,} training labels {verb} wrong to the model; "
            "see below."
        )
