"""The criterion that no class loses recall; in the sentences, "it" is the candidate."""

import math

import numpy as np
from numpy.typing import NDArray

from sightline.records import Criterion
from sightline.registry.gate import paired_tests
from sightline.registry.gate.criteria import measured, rounded_up
from sightline.registry.gate.paired_tests import Pairs
from sightline.registry.gate.scores import Scores
from sightline.storage.text import quoted

_MARGIN_STEPS = 1000  # margins are suggested in thousandths


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
    return measured("class_recall", passed, max(-1.0, low), -allowed, sentence)


def _margins(scores: Scores, alpha: float, margin: float, power: float) -> NDArray[np.float64]:
    """Return how much recall each class may lose: the largest of three losses.

    They are the margin, the lower end of the gain on all test images (no class may lose more than
    all gain on average), and the loss that the class's images can rule out with the given power,
    if it has any.
    """
    if not power:
        return np.full(len(scores.class_names), margin)
    gain = float(paired_tests.lower_ends(scores.pairs, alpha))
    told = paired_tests.losses_to_tell(scores.by_class, alpha, power)
    told = np.where(scores.by_class.images, told, 0)
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
        f"{rounded_up(needed)} of this class, or set "
        f"promotion.recall_margin={min(1.0, margin_to_pass):.3g}."
    )


def _points(low: float) -> str:
    return f"{100 * max(0.0, min(1.0, -low)):.3g}"


def _images(pairs: Pairs[int]) -> str:
    return f"{pairs.images:,} test image{'' if pairs.images == 1 else 's'}"
