"""The criteria that a candidate must meet to be promoted, one function each.

In the sentences, "it" is the candidate.
"""

from collections.abc import Sequence

from sightline.evaluation.calibration import reliability
from sightline.records import Certificate, Criterion
from sightline.registry.gate import paired_tests
from sightline.registry.gate.paired_tests import Pairs
from sightline.registry.gate.scores import Scores, Timing

_BINS = 15


def mcnemar(pairs: Pairs[int], alpha: float) -> Criterion:
    """Require a gain that is significant by McNemar's exact one-sided test (1947)."""
    p_value = paired_tests.mcnemar(pairs.fixed, pairs.broken)
    sentence = (
        f"On {pairs.images:,} test images it fixes {pairs.fixed:,} of the champion's mistakes and "
        f"makes {pairs.broken:,} new ones (p = {p_value:.2g}, at most {alpha:g} allowed)."
    )
    if p_value > alpha:
        needed = paired_tests.images_to_show(pairs, alpha)
        sentence += (
            " There is no sign of a gain."
            if needed is None
            else f" If the gain is real, about {rounded_up(needed)} test images would show it."
        )
    return measured("mcnemar", p_value <= alpha, p_value, alpha, sentence)


def calibration(scores: Scores, margin: float) -> Criterion:
    """Require that the expected calibration error grows by at most a margin in [0, 1]."""
    models = (scores.candidate, scores.champion)
    error, before = (reliability(one.confidence, one.correct, _BINS)[1] for one in models)
    growth = error - before
    advice = "" if growth <= margin else "; try training.label_smoothing or fewer epochs"
    sentence = (
        f"Its expected calibration error is {error:.2%}, the champion's {before:.2%}; it may be "
        f"{100 * margin:g} points larger{advice}."
    )
    return measured("calibration", growth <= margin, growth, margin, sentence)


def latency(timing: Timing, factor: float) -> Criterion:
    """Require that one image takes at most `factor` times as long as with the champion."""
    ratio = timing.candidate_seconds / timing.champion_seconds
    advice = "" if ratio <= factor else "; try a smaller network, or raise promotion.latency_factor"
    sentence = (
        f"One image takes {1000 * timing.candidate_seconds:.3g} ms, with the champion "
        f"{1000 * timing.champion_seconds:.3g} ms (medians): {ratio:.2f} times as long, allowed "
        f"{factor:g}{advice}."
    )
    return measured("latency", ratio <= factor, ratio, factor, sentence)


def noise(pairs: Pairs[int], difference: float | None) -> Criterion:
    """Require a gain above the seed noise, if that was measured.

    That is the largest `difference` of the accuracies of two seeds in 95 of 100 cases.
    """
    if difference is None:
        unknown = "The seed noise of this data set and recipe is unknown"
        sentence = f"{unknown}; measure it with `sightline train --seeds 5`."
        return Criterion(name="noise", outcome="skipped", sentence=sentence)
    gain = (pairs.fixed - pairs.broken) / pairs.images
    passed = gain > difference
    sentence = (
        f"Its accuracy differs by {100 * gain:+.3g} points from the champion's, "
        f"{'more' if passed else 'not more'} than the {100 * difference:.3g} points by which two "
        "seeds of its recipe differ."
    )
    return measured("noise", passed, gain, difference, sentence)


def certificate(found: Certificate | None) -> Criterion:
    """Require that every exported format agrees with the measured model."""
    if found is None or not found.exports:
        sentence = (
            "Nothing was exported, so there is no proof that the shipped model is the measured "
            "one; train with promotion.gate=report or enforce."
        )
        return Criterion.checked("certificate", sentence, passed=False)
    largest = max(export.difference for export in found.exports)
    failing = [export for export in found.exports if not export.passed]
    if failing:
        listed = ", ".join(f"{export.format} by {export.difference:.2g}" for export in failing)
        sentence = (
            f"Exported formats differ from the measured class probabilities: {listed}; "
            f"export.tolerance allows {found.tolerance:g}."
        )
    else:
        names = ", ".join(export.format for export in found.exports)
        sentence = (
            f"All exported formats ({names}) agree on {found.golden_images:,} images to within "
            f"{largest:.2g}; export.tolerance allows {found.tolerance:g}."
        )
    return measured("certificate", found.passed, largest, found.tolerance, sentence)


def baseline(correct: int, counts: Sequence[int], alpha: float) -> Criterion:
    """Require that a first model beats the majority-class baseline.

    The lower end of Wilson's interval (E. B. Wilson, "Probable inference, the law of succession,
    and statistical inference", 1927) must exceed the share of the most frequent class.
    `counts` are the test images of each class, and `alpha` is the probability that the true
    accuracy is below the interval.
    """
    from scipy.stats import binomtest

    images = sum(counts)
    bounds = binomtest(correct, images).proportion_ci(1 - 2 * alpha, method="wilson")
    low, share = float(bounds.low), max(counts) / images
    above = "above" if low > share else "not above"
    advice = "" if low > share else "; train longer, or check the data"
    sentence = (
        f"{correct:,} of {images:,} test images are correct, so its accuracy is at least {low:.2%} "
        f"({100 * (1 - alpha):g}% confidence): {above} the majority-class baseline of "
        f"{share:.2%}{advice}."
    )
    return measured("baseline", low > share, low, share, sentence)


def reference(correct: int, images: int, linear: float, alpha: float) -> Criterion:
    """Require that a first model is not shown to be worse than the logistic regression.

    The upper end of Wilson's interval must not be below `linear`, the accuracy in [0, 1] of a
    logistic regression on a few pixels of the same images; `alpha` is as for `baseline`.
    """
    from scipy.stats import binomtest

    bounds = binomtest(correct, images).proportion_ci(1 - 2 * alpha, method="wilson")
    high = float(bounds.high)
    passed = high >= linear
    advice = (
        ""
        if passed
        else "; train longer, check the labels and the network, or set promotion.minimum_accuracy"
    )
    sentence = (
        f"Its accuracy is at most {high:.2%} ({100 * (1 - alpha):g}% confidence), that of a "
        f"logistic regression on 8x8 pixels {linear:.2%}{advice}."
    )
    return measured("reference", passed, high, linear, sentence)


def minimum_accuracy(accuracy: float, minimum: float) -> Criterion:
    """Require of a first model the configured accuracy in [0, 1]."""
    passed = accuracy >= minimum
    sentence = (
        f"Its test accuracy is {accuracy:.2%}, {'at least' if passed else 'below'} the "
        f"{minimum:.2%} of promotion.minimum_accuracy."
    )
    return measured("minimum_accuracy", passed, accuracy, minimum, sentence)


def measured(name: str, passed: bool, found: float, limit: float, sentence: str) -> Criterion:
    """Return a criterion that was checked, by a value and its limit."""
    return Criterion.checked(name, sentence, passed=passed, measured=found, limit=limit)


def rounded_up(count: int) -> str:
    """Round an estimate up to two digits."""
    step: int = 10 ** max(0, len(str(count)) - 2)
    return f"{-(-count // step) * step:,}"
