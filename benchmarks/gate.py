"""How often the promotion gate is wrong, on simulated pairs of models.

Usage: python benchmarks/gate.py [--pairs 1000] [--seed 0]

No model is trained: the gate decides on simulated predictions of two models for the same images,
which share their difficulty. With d drawn for each image and t for each image and model, both
standard normal, a model is wrong if sqrt(1 - r) t - sqrt(r) d is below the quantile of its error
rate (a one-factor Gaussian copula, r = 0.8), so two models of 98.5 % accuracy share two of five
mistakes. The confidence of a model is the probability of being right on an image of this
difficulty, so it is well calibrated.

At most alpha of the candidates that are not better, or that lose more recall in one class than the
test images can rule out, may be promoted. Exit code 1 if the lower end of a 95 % Clopper-Pearson
interval is above alpha. The other rows are trade-offs, which have no such limit, and candidates
that should be promoted. "Strict" is the gate with promotion.recall_power=0.
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from harness import arguments, print_rows
from scipy.special import ndtr, ndtri
from scipy.stats import binomtest

import paired_answers
from sightline.config import PromotionConfig
from sightline.evaluation.predictions import Predictions
from sightline.registry.gate.decision import Comparison, from_scores
from sightline.registry.gate.scores import Scores, Timing

CLASSES = 10
GOOD, WEAK = 0.015, 0.1  # Error rates of champions
CORRELATION = 0.8
FEW, MANY = 1_000, 10_000
ALPHA, MARGIN = PromotionConfig().alpha, PromotionConfig().recall_margin
GAINS = (0.1, 0.2, 0.3, 0.5, 1.0)  # Gains in accuracy of the better candidates, in points
COMPARISON = Comparison("simulated-candidate", "simulated-champion", "0" * 64)


@dataclass(frozen=True)
class Scenario:
    """One kind of candidate: its error rate in each class, that of the champion, and the test."""

    name: str
    errors: tuple[float, ...]
    images: int = MANY
    champion: float = GOOD


def even(error: float) -> tuple[float, ...]:
    """Return the same error rate for all classes."""
    return (error,) * CLASSES


def uneven(loss: float, gain: float, champion: float = GOOD) -> tuple[float, ...]:
    """Lose recall in the first class and gain in the others, so that the accuracy rises."""
    others = champion - (CLASSES * gain + loss) / (CLASSES - 1)
    return (champion + loss, *(others,) * (CLASSES - 1))


HARMFUL = (
    Scenario("equally good", even(GOOD)),
    Scenario("equally good", even(GOOD), FEW),
    Scenario("equally good", even(WEAK), FEW, WEAK),
    Scenario("equally good, one class 5 points worse", uneven(0.05, 0.0)),
    Scenario("equally good, one class 5 points worse", uneven(0.05, 0.0), FEW),
    Scenario("0.3 points better, one class worse by the margin", uneven(MARGIN, 0.003)),
    Scenario("0.3 points better, one class 5 points worse", uneven(0.05, 0.003)),
    Scenario("0.3 points better, one class 10 points worse", uneven(0.1, 0.003), FEW),
    Scenario("5 points better, one class 20 points worse", uneven(0.2, 0.05, WEAK), FEW, WEAK),
    Scenario("0.1 points worse", even(GOOD + 0.001)),
)
TRADED = (
    Scenario("0.3 points better, one class 5 points worse", uneven(0.05, 0.003), FEW),
    Scenario("5 points better, one class 5 points worse", uneven(0.05, 0.05, WEAK), FEW, WEAK),
    Scenario("5 points better, one class 10 points worse", uneven(0.1, 0.05, WEAK), FEW, WEAK),
    Scenario("5 points better, one class 5 points worse", uneven(0.05, 0.05, WEAK), MANY, WEAK),
    Scenario("5 points better, one class 10 points worse", uneven(0.1, 0.05, WEAK), MANY, WEAK),
)
BETTER = (
    *(
        Scenario(f"{gain:g} points better", even(GOOD - gain / 100), images)
        for images in (MANY, FEW)
        for gain in GAINS
    ),
    *(
        Scenario(f"{100 * gain:.2g} points better", even(WEAK - gain), FEW, WEAK)
        for gain in (0.01, 0.03, 0.071)
    ),
)


def simulate(scenario: Scenario, generator: np.random.Generator) -> Scores:
    """Simulate the predictions of both models for the same images."""
    labels = np.arange(scenario.images) % CLASSES
    difficulty = generator.standard_normal(scenario.images)

    def predictions(errors: tuple[float, ...]) -> Predictions:
        quantiles = ndtri(np.array(errors))[labels]
        wrong = ndtr((quantiles + np.sqrt(CORRELATION) * difficulty) / np.sqrt(1 - CORRELATION))
        other = (labels + generator.integers(1, CLASSES, len(labels))) % CLASSES
        predicted = np.where(generator.random(len(labels)) < wrong, other, labels)
        confidence = np.maximum(1 - wrong, 1 / CLASSES).astype(np.float32)
        return paired_answers.predictions(labels, predicted, confidence)

    candidate, champion = predictions(scenario.errors), predictions(even(scenario.champion))
    timing = Timing(candidate_seconds=0.001, champion_seconds=0.001)
    return Scores(tuple("0123456789"), candidate, champion, timing)


def decide(
    scenario: Scenario, pairs: int, generator: np.random.Generator
) -> tuple[float, tuple[str, ...]]:
    """Let the gate, the strict gate, and McNemar's test alone, decide on simulated pairs.

    Returns the lower end of the interval of the promoted fraction and the row of the table.
    """
    promoted = strict = better = 0
    for _ in range(pairs):
        scores, exports = simulate(scenario, generator), paired_answers.certificate()
        decision = from_scores(COMPARISON, scores, exports, PromotionConfig())
        promoted += decision.promote
        limits = PromotionConfig(recall_power=0)
        strict += from_scores(COMPARISON, scores, exports, limits).promote
        better += next(
            one.outcome == "passed" for one in decision.criteria if one.name == "mcnemar"
        )
    low, high = binomtest(promoted, pairs).proportion_ci(0.95, method="exact")
    shares = f"{promoted / pairs:.1%}", f"{low:.1%} to {high:.1%}", f"{better / pairs:.1%}"
    about = f"{1 - scenario.champion:.1%}", f"{scenario.images:,}", f"{strict / pairs:.1%}"
    return low, (scenario.name, *about, *shares)


if __name__ == "__main__":
    given = arguments(__doc__, pairs=1000, seed=0)
    tables = (
        (f"not better: at most {ALPHA:.0%} allowed", HARMFUL),
        ("better, but not everywhere", TRADED),
        ("better", BETTER),
    )
    scenarios = [one for _, rows in tables for one in rows]
    generators = np.random.default_rng(given.seed).spawn(len(scenarios))
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(decide, scenarios, repeat(given.pairs), generators))

    head = ("champion", "test images", "strict", "promoted", "95 % interval", "McNemar alone")
    rows = iter(row for _, row in found)
    for title, part in tables:
        print_rows((title, *head), [next(rows) for _ in part])
    raise SystemExit(any(low > ALPHA for low, _ in found[: len(HARMFUL)]))
