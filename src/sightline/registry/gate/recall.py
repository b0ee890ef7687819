"""Whether a candidate recognises every class about as well as the champion."""

import math

from sightline.records import Criterion
from sightline.registry.gate import paired_tests
from sightline.registry.gate.criteria import rounded_up
from sightline.registry.gate.paired_tests import Pairs
from sightline.registry.gate.scores import Scores
from sightline.storage.text import quoted

_LONGEST_NAME = 40
_STEPS = 1000
"""A margin is suggested in thousandths."""


def classes(scores: Scores, alpha: float, margin: float) -> Criterion:
    """Ask that no class loses more recall than the margin, as far as its test images can tell.

    Each class must pass by itself. Where that is asked of all of them, each at level alpha, the
    probability that a model passes although some class loses more than the margin is alpha at
    most, however many classes there are: the more there are, the stricter it becomes. So nothing
    is corrected for their number (R. L. Berger, "Multiparameter hypothesis testing and acceptance
    sampling", 1982). The level of the score bound is approximate: of an alpha of 0.05 it makes 0.07
    at worst, where a class has just enough images to pass without a broken one. A margin of 1 asks
    nothing.

    Args:
        scores: The answers; a class without test images fails, since nothing is known of it.
        alpha: Level of the one-sided interval of each class.
        margin: The loss of recall that is to be ruled out, in (0, 1].
    """
    lows = paired_tests.lower_ends(scores.by_class, alpha)
    worst = int(lows.argmin())
    low, failed = float(lows[worst]), int((lows <= -margin).sum())
    passed = margin >= 1 or not failed
    name = f"“{quoted(scores.class_names[worst], _LONGEST_NAME)}”"
    pairs = Pairs(*(int(counts[worst]) for counts in scores.by_class))
    if passed:
        sentence = (
            f"No class loses more than {100 * margin:g} points of recall, as far as its test "
            f"images tell: the least certain is {name}, {_at_worst(low)} on {_images(pairs)}."
        )
    else:
        sentence = _doubt(name, pairs, low, alpha, margin)
        if failed > 1:
            sentence += f" So it is with {failed} of {len(lows)} classes; this is the worst."
    return Criterion(
        name="classes",
        passed=passed,
        measured=max(-1.0, low),
        limit=-margin,
        sentence=sentence,
    )


def _doubt(name: str, pairs: Pairs[int], low: float, alpha: float, margin: float) -> str:
    """Say whether a class lost too much, or too few images tell; and what would help."""
    needed = paired_tests.images_to_tell(pairs, alpha, margin)
    allowed = f"promotion.recall_margin allows {100 * margin:g}"
    if not pairs.images:
        return (
            f"Class {name} has no test image, so it may have lost any recall, {allowed} points: "
            f"it takes at least {needed:,} test images to rule more out, or "
            "promotion.recall_margin=1, which asks nothing of the classes."
        )
    lost = 100 * (pairs.broken - pairs.fixed) / pairs.images
    seen = f"{lost:.3g} points of recall on {_images(pairs)} ({_at_worst(low)}), {allowed}"
    if needed is None:
        return f"Class {name} lost {seen}; more of its training images may help."
    enough = math.floor(-low * _STEPS) / _STEPS + 1 / _STEPS
    return (
        f"Class {name} lost {max(0.0, lost):.3g} points of recall on {_images(pairs)}, but may "
        f"lose more ({_at_worst(low)}), {allowed}: the images are too few to tell. About "
        f"{rounded_up(needed)} of this class would, or "
        f"promotion.recall_margin={min(1.0, enough):.3g} would let it pass."
    )


def _at_worst(low: float) -> str:
    return f"{100 * max(0.0, min(1.0, -low)):.3g} at worst"


def _images(pairs: Pairs[int]) -> str:
    return f"{pairs.images:,} test image{'' if pairs.images == 1 else 's'}"
