"""What a candidate must show to take the champion's place, one function a criterion.

"It" in the sentences is the candidate. What is asked of the classes stands in `recall`, what is
asked before any image is predicted in `preconditions`.
"""

from sightline.evaluation.calibration import reliability
from sightline.records import Certificate, Criterion
from sightline.registry.gate import paired_tests
from sightline.registry.gate.paired_tests import Pairs
from sightline.registry.gate.scores import Answers, Classes, Scores

_BINS = 15


def mcnemar(pairs: Pairs[int], alpha: float) -> Criterion:
    """Ask that chance alone seldom does as well, by McNemar's exact one-sided test (1947)."""
    p_value = paired_tests.mcnemar(pairs.fixed, pairs.broken)
    found = (
        f"Of {pairs.images:,} test images it has {pairs.fixed:,} right that the champion has "
        f"wrong, and {pairs.broken:,} wrong that the champion has right"
    )
    by_chance = f"a model that is no better does as well with p = {p_value:.2g}"
    needed = paired_tests.images_to_show(pairs, alpha)
    if p_value <= alpha:
        verdict = f"{by_chance}, at most {alpha:g} is allowed."
    elif needed is None:
        verdict = "nothing says that it is better."
    else:
        verdict = (
            f"{by_chance}, more than the allowed {alpha:g}. If it is better by as much as it "
            f"looks, about {rounded_up(needed)} test images would show it."
        )
    return Criterion(
        name="mcnemar",
        passed=p_value <= alpha,
        measured=p_value,
        limit=alpha,
        sentence=f"{found}: {verdict}",
    )


def bootstrap(interval: tuple[float, float], alpha: float) -> Criterion:
    """Ask that the gain stays above 0 when the test images are drawn anew.

    Args:
        interval: Of the difference of the accuracies, as `paired.bootstrap` finds it.
        alpha: Share of the resamples below it, and above it.
    """
    low, high = interval
    verdict = "all above 0" if low > 0 else "not all above 0"
    return Criterion(
        name="bootstrap",
        passed=low > 0,
        measured=low,
        limit=0.0,
        sentence=f"Over {paired_tests.RESAMPLES:,} resamples of the test images its accuracy "
        f"differs by {100 * low:+.3g} to {100 * high:+.3g} points from the champion's "
        f"({100 * (1 - 2 * alpha):g}% interval): {verdict}.",
    )


def calibration(scores: Scores, margin: float) -> Criterion:
    """Ask that its probabilities are not much less to be believed than the champion's.

    Args:
        scores: The answers.
        margin: By how much the expected calibration error may grow, in [0, 1].
    """
    error = _calibration_error(scores.candidate, scores.labels)
    before = _calibration_error(scores.champion, scores.labels)
    growth = error - before
    help_ = "" if growth <= margin else "; training.label_smoothing or fewer epochs may help"
    return Criterion(
        name="calibration",
        passed=growth <= margin,
        measured=growth,
        limit=margin,
        sentence=f"Its expected calibration error is {error:.2%}, the champion's {before:.2%}; "
        f"it may be larger by {100 * margin:g} points{help_}.",
    )


def _calibration_error(answers: Answers, labels: Classes) -> float:
    return reliability(answers.probability, answers.predicted == labels, _BINS)[1]


def latency(candidate: float, champion: float, factor: float) -> Criterion:
    """Ask that one image does not take much longer.

    Args:
        candidate: Its median time for one image, in seconds.
        champion: The champion's, more than 0.
        factor: How many times as long it may take.
    """
    ratio = candidate / champion
    help_ = "" if ratio <= factor else "; a smaller network is faster"
    return Criterion(
        name="latency",
        passed=ratio <= factor,
        measured=ratio,
        limit=factor,
        sentence=f"One image takes it {1000 * candidate:.3g} ms, the champion "
        f"{1000 * champion:.3g} ms (medians): {ratio:.2f} times as long, allowed {factor:g}"
        f"{help_}.",
    )


def noise(pairs: Pairs[int], difference: float | None) -> Criterion:
    """Ask that another seed would not have done the same, where that was measured.

    Args:
        pairs: The counts.
        difference: What the accuracies of two seeds differ by at most in 95 of 100 cases.
    """
    gain = (pairs.fixed - pairs.broken) / pairs.images
    if difference is None:
        return Criterion(
            name="noise",
            passed=True,
            sentence="How much another seed alone changes the accuracy was not measured for this "
            "data set and recipe; `sightline train --seeds 5` does.",
        )
    passed = gain > difference
    verdict = "more than" if passed else "not more than"
    return Criterion(
        name="noise",
        passed=passed,
        measured=gain,
        limit=difference,
        sentence=f"Its accuracy differs by {100 * gain:+.3g} points from the champion's, {verdict} "
        f"the {100 * difference:.3g} by which two seeds of its recipe differ.",
    )


def certificate(found: Certificate | None) -> Criterion:
    """Ask that every exported form is the model that was measured."""
    if found is None or not found.exports:
        sentence = (
            "Nothing was exported, so nothing shows that what is shipped is what was measured; "
            "train with promotion.gate=report or enforce."
        )
        return Criterion(name="certificate", passed=False, sentence=sentence)
    largest = max(export.difference for export in found.exports)
    odd = [export for export in found.exports if not export.passed]
    if odd:
        listed = ", ".join(f"{export.format} by {export.difference:.2g}" for export in odd)
        sentence = (
            f"Exported forms differ in a class probability from what was measured, {listed}; "
            f"promotion allows {found.tolerance:g} (export.tolerance)."
        )
    else:
        names = ", ".join(export.format for export in found.exports)
        sentence = (
            f"All exported forms ({names}) agree on {found.golden_images:,} images to within "
            f"{largest:.2g}, allowed {found.tolerance:g}."
        )
    return Criterion(
        name="certificate",
        passed=found.passed,
        measured=largest,
        limit=found.tolerance,
        sentence=sentence,
    )


def rounded_up(count: int) -> str:
    """Write an estimate with two digits, so that it is never fewer than it takes."""
    step: int = 10 ** max(0, len(str(count)) - 2)
    return f"{-(-count // step) * step:,}"
