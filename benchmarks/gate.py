"""How often the promotion gate is wrong, on simulated pairs of models.

Usage: python benchmarks/gate.py [--pairs 1000] [--seed 0]

No model is trained: the gate decides on simulated predictions of two models for the same images,
which share their difficulty. With d drawn for each image and t for each image and model, both
standard normal, a model is wrong if sqrt(1 - r) t - sqrt(r) d is below the quantile of its error
rate (a one-factor Gaussian copula, r = 0.8), so two models of 98.5 % accuracy share two of five
mistakes. The confidence of a model is the probability of being right on an image of this
difficulty, so it is well calibrated.

The champion has 98.5 % accuracy in each of ten classes. At most alpha of the candidates that are
not better, or that lose more recall in one class than the margin, may be promoted. Exit code 1
if the lower end of a 95 % Clopper-Pearson interval is above alpha.
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
CHAMPION_ERROR = 0.015
CORRELATION = 0.8
FEW, MANY = 1_000, 10_000
ALPHA, MARGIN, WIDE_MARGIN = PromotionConfig().alpha, PromotionConfig().recall_margin, 0.1
GAINS = (0.1, 0.2, 0.3, 0.5, 1.0)  # Gains in accuracy of the better candidates, in points
COMPARISON = Comparison("simulated-candidate", "simulated-champion", "0" * 64)


@dataclass(frozen=True)
class Scenario:
    """One kind of candidate: its error rate in each class, and the settings."""

    name: str
    errors: tuple[float, ...]
    images: int = MANY
    recall_margin: float = MARGIN


def even(error: float) -> tuple[float, ...]:
    """Return the same error rate for all classes."""
    return (error,) * CLASSES


def uneven(loss: float, gain: float) -> tuple[float, ...]:
    """Lose recall in the first class and gain in the others, so that the accuracy rises."""
    others = CHAMPION_ERROR - (CLASSES * gain + loss) / (CLASSES - 1)
    return (CHAMPION_ERROR + loss, *(others,) * (CLASSES - 1))


HARMFUL = (
    Scenario("equally good", even(CHAMPION_ERROR)),
    Scenario("equally good", even(CHAMPION_ERROR), FEW),
    Scenario("equally good", even(CHAMPION_ERROR), FEW, WIDE_MARGIN),
    Scenario("equally good, one class 5 points worse", uneven(0.05, 0.0)),
    Scenario("equally good, one class 5 points worse", uneven(0.05, 0.0), FEW, WIDE_MARGIN),
    Scenario("0.3 points better, one class worse by the margin", uneven(MARGIN, 0.003)),
    Scenario("0.3 points better, one class 5 points worse", uneven(0.05, 0.003)),
    Scenario("0.1 points worse", even(CHAMPION_ERROR + 0.001)),
)
BETTER = tuple(
    Scenario(f"{gain:g} points better", even(CHAMPION_ERROR - gain / 100), images, margin)
    for images, margin in ((MANY, MARGIN), (FEW, WIDE_MARGIN))
    for gain in GAINS
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

    candidate, champion = predictions(scenario.errors), predictions(even(CHAMPION_ERROR))
    timing = Timing(candidate_seconds=0.001, champion_seconds=0.001)
    return Scores(tuple("0123456789"), candidate, champion, timing)


def decide(
    scenario: Scenario, pairs: int, generator: np.random.Generator
) -> tuple[float, tuple[str, ...]]:
    """Let the gate, and McNemar's test alone, decide on simulated pairs.

    Returns the lower end of the interval of the promoted fraction and the row of the table.
    """
    settings = PromotionConfig(recall_margin=scenario.recall_margin)
    promoted = better = 0
    for _ in range(pairs):
        scores = simulate(scenario, generator)
        decision = from_scores(COMPARISON, scores, paired_answers.certificate(), settings)
        promoted += decision.promote
        better += next(
            one.outcome == "passed" for one in decision.criteria if one.name == "mcnemar"
        )
    low, high = binomtest(promoted, pairs).proportion_ci(0.95, method="exact")
    chosen = f"{scenario.images:,}", f"{scenario.recall_margin:g}"
    shares = f"{promoted / pairs:.1%}", f"{low:.1%} to {high:.1%}", f"{better / pairs:.1%}"
    return low, (scenario.name, *chosen, *shares)


if __name__ == "__main__":
    given = arguments(__doc__, pairs=1000, seed=0)
    scenarios = (*HARMFUL, *BETTER)
    generators = np.random.default_rng(given.seed).spawn(len(scenarios))
    with ProcessPoolExecutor() as pool:
        found = pool.map(decide, scenarios, repeat(given.pairs), generators)
        lows, rows = zip(*found, strict=True)

    head = ("test images", "recall margin", "promoted", "95 % interval", "McNemar alone")
    allowed = f"not better: at most {ALPHA:.0%} allowed"
    print_rows((allowed, *head), rows[: len(HARMFUL)])
    print_rows(("better", *head), rows[len(HARMFUL) :])
    raise SystemExit(any(low > ALPHA for low in lows[: len(HARMFUL)]))
