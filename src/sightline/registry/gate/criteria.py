"""The criteria that a candidate must meet to be promoted, one function each.

In the sentences, "it" is the candidate.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sightline.evaluation.calibration import reliability
from sightline.records import Certificate, Criterion
from sightline.registry.gate import paired_tests
from sightline.registry.gate.paired_tests import Pairs
from sightline.registry.gate.scores import Scores, Timing
from sightline.storage.text import quoted

_BINS = 15
_MARGIN_STEPS = 1000  # margins are suggested in thousandths


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
            else f" If the gain is real, about {_rounded_up(needed)} test images would show it."
        )
    return _measured("mcnemar", p_value <= alpha, p_value, alpha, sentence)


def class_recall(scores: Scores, alpha: float, margin: float, power: float = 0.0) -> Criterion:
    """Require that no class loses more recall than its margin, as far as its test images show.

    Each class must pass by itself. If all of them must, each at level alpha, a model that loses
    more than the margin in some class passes with probability alpha at most, however many classes
    there are, so no correction for their number is needed (R. L. Berger, "Multiparameter hypothesis
    testing and acceptance sampling", 1982). The level of the score bound is approximate: for an
    alpha of 0.05 it is 0.07 at worst, where a class has just enough images to pass without a broken
    one.
    The loss to rule out, `margin`, is in (0, 1]; 1 skips the check. With `power`, in [0, 1), it is
    wider where the test images could not rule it out, or the gain is larger: see `_margins`.
    """
    lows = paired_tests.lower_ends(scores.by_class, alpha)
    margins = _margins(scores, alpha, margin, power)
    worst = int((lows + margins).argmin())
    low, allowed, failing = float(lows[worst]), float(margins[worst]), int((lows <= -margins).sum())
    passed = margin >= 1 or not failing
    name = f"“{quoted(scores.class_names[worst], 40)}”"
    pairs = Pairs(*(int(counts[worst]) for counts in scores.by_class))
    if passed:
        sentence = (
            f"No class loses more than {100 * allowed:.3g} points of recall, as far as the test "
            f"images show. The least certain is {name}: at most {_points(low)} on {_images(pairs)}."
        )
    else:
        who = "promotion.recall_margin allows" if allowed == margin else "the gate allows"
        sentence = f"Class {name} {_lost_recall(pairs, low, alpha, allowed, who)}"
        if failing > 1:
            sentence += f" It is the worst of {failing} failing classes of {len(lows)}."
    if allowed > margin:
        sentence += (
            f" Besides the {100 * margin:g} points of promotion.recall_margin, a class may lose "
            "what the whole test set gains for certain, or what its images cannot tell from "
            "nothing; promotion.recall_power=0 forbids both."
        )
    return _measured("class_recall", passed, max(-1.0, low), -allowed, sentence)


def _margins(scores: Scores, alpha: float, margin: float, power: float) -> NDArray[np.float64]:
    """Return how much recall each class may lose: the largest of three losses.

    They are the margin, the lower end of the gain on all test images (no class may lose more than
    all gain on average), and the loss that the class's images can rule out with the given power.
    """
    if not power:
        return np.full(len(scores.class_names), margin)
    gain = float(paired_tests.lower_ends(scores.pairs, alpha))
    told = paired_tests.losses_to_tell(scores.by_class, alpha, power)
    margins: NDArray[np.float64] = np.maximum(told, max(margin, gain))
    return margins


def _lost_recall(pairs: Pairs[int], low: float, alpha: float, margin: float, who: str) -> str:
    """Describe a failing class: it lost too much, or has too few images; and what would help."""
    needed = paired_tests.images_to_rule_out(pairs, alpha, margin)
    allowed = f"{who} {100 * margin:.3g}"
    if not pairs.images:
        return (
            f"has no test images, so it may have lost all recall; {allowed} points. Provide at "
            f"least {needed:,} test images, or skip the check with promotion.recall_margin=1."
        )
    lost = 100 * (pairs.broken - pairs.fixed) / pairs.images
    if needed is None:
        return (
            f"lost {lost:.3g} points of recall on {_images(pairs)} (at most {_points(low)}); "
            f"{allowed}. More training images of this class may help."
        )
    margin_to_pass = math.floor(-low * _MARGIN_STEPS) / _MARGIN_STEPS + 1 / _MARGIN_STEPS
    return (
        f"lost {max(0.0, lost):.3g} points of recall on {_images(pairs)} but may have lost "
        f"{_points(low)}; {allowed}. These are too few images to tell: provide about "
        f"{_rounded_up(needed)} of this class, or set "
        f"promotion.recall_margin={min(1.0, margin_to_pass):.3g}."
    )


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
    return _measured("calibration", growth <= margin, growth, margin, sentence)


def latency(timing: Timing, factor: float) -> Criterion:
    """Require that one image takes at most `factor` times as long as with the champion."""
    ratio = timing.candidate_seconds / timing.champion_seconds
    advice = "" if ratio <= factor else "; try a smaller network, or raise promotion.latency_factor"
    sentence = (
        f"One image takes {1000 * timing.candidate_seconds:.3g} ms, with the champion "
        f"{1000 * timing.champion_seconds:.3g} ms (medians): {ratio:.2f} times as long, allowed "
        f"{factor:g}{advice}."
    )
    return _measured("latency", ratio <= factor, ratio, factor, sentence)


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
    return _measured("noise", passed, gain, difference, sentence)


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
    return _measured("certificate", found.passed, largest, found.tolerance, sentence)


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
    return _measured("baseline", low > share, low, share, sentence)


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
    return _measured("reference", passed, high, linear, sentence)


def minimum_accuracy(accuracy: float, minimum: float) -> Criterion:
    """Require of a first model the configured accuracy in [0, 1]."""
    passed = accuracy >= minimum
    sentence = (
        f"Its test accuracy is {accuracy:.2%}, {'at least' if passed else 'below'} the "
        f"{minimum:.2%} of promotion.minimum_accuracy."
    )
    return _measured("minimum_accuracy", passed, accuracy, minimum, sentence)


def _measured(name: str, passed: bool, measured: float, limit: float, sentence: str) -> Criterion:
    return Criterion.checked(name, sentence, passed=passed, measured=measured, limit=limit)


def _rounded_up(count: int) -> str:
    """Round an estimate up to two digits."""
    step: int = 10 ** max(0, len(str(count)) - 2)
    return f"{-(-count // step) * step:,}"


def _points(low: float) -> str:
    return f"{100 * max(0.0, min(1.0, -low)):.3g}"


def _images(pairs: Pairs[int]) -> str:
    return f"{pairs.images:,} test image{'' if pairs.images == 1 else 's'}"
