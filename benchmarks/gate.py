"""How often the promotion gate is wrong: simulated pairs of models, equally good and better ones.

Usage: python benchmarks/gate.py [--pairs 1000] [--seed 0]

No model is trained: the gate decides on simulated predictions of two models for the same images.
Images differ in difficulty, which both models share: with d drawn for each image, and t for each
image and model, both standard normal, a model is wrong where sqrt(1 - r) t - sqrt(r) d is below
the quantile of its error (a Gaussian copula of one factor, r = 0.8). So two of five mistakes of a
model with 98.5 % accuracy are mistakes of another such model, too. As its confidence a model states
the probability of being right on an image of this difficulty: it is well calibrated.

The champion has 98.5 % accuracy in each of ten classes. Of a candidate that is not better, or that
loses more in one class than the margin, at most alpha may be promoted. Exit code 1 if the pairs
contradict that: if the lower end of the Clopper-Pearson 95 % interval is above alpha.
"""

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import repeat

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.special import ndtr, ndtri
from scipy.stats import binomtest, multivariate_normal

from sightline.config import PromotionConfig
from sightline.evaluation.predictions import Predictions
from sightline.records import Certificate, Decision, ExportCheck, FileRecord
from sightline.registry.gate.decision import Comparison, from_scores
from sightline.registry.gate.scores import Scores, Timing

CLASSES = 10
CHAMPION_ERROR = 0.015
CORRELATION = 0.8
FEW, MANY = 1_000, 10_000
WIDE_MARGIN = 0.1
GAINS = (0.1, 0.2, 0.3, 0.5, 1.0)
"""By how many points of accuracy the better candidates are better."""

COMPARISON = Comparison("simulated-candidate", "simulated-champion", "0" * 64)


@dataclass(frozen=True)
class Scenario:
    """What the candidates of some pairs are like.

    Attributes:
        name: For people.
        errors: Their probability of an error in each class.
        images: Test images.
        recall_margin: The setting; with few images the default tells nothing.
    """

    name: str
    errors: tuple[float, ...]
    images: int = MANY
    recall_margin: float = PromotionConfig().recall_margin


@dataclass
class Tally:
    """What the gate said of a scenario's pairs."""

    scenario: Scenario
    pairs: int = 0
    promoted: int = 0
    better: int = 0

    def add(self, decision: Decision) -> None:
        """Count a decision, and whether McNemar's test alone would have let it through."""
        self.pairs += 1
        self.promoted += decision.promote
        self.better += next(one.passed for one in decision.criteria if one.name == "mcnemar")

    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of Clopper and Pearson of the share that is promoted."""
        found = binomtest(self.promoted, self.pairs).proportion_ci(0.95, method="exact")
        return float(found.low), float(found.high)


def even(error: float) -> tuple[float, ...]:
    """Err alike in all classes."""
    return (error,) * CLASSES


def uneven(loss: float, gain: float) -> tuple[float, ...]:
    """Lose recall in the first class, and win elsewhere so that the accuracy gains overall."""
    others = CHAMPION_ERROR - (CLASSES * gain + loss) / (CLASSES - 1)
    return (CHAMPION_ERROR + loss, *(others,) * (CLASSES - 1))


def harmful() -> list[Scenario]:
    """List what must not be promoted more often than alpha."""
    margin = PromotionConfig().recall_margin
    alike = even(CHAMPION_ERROR)
    return [
        Scenario("equally good", alike),
        Scenario("equally good", alike, FEW),
        Scenario("equally good", alike, FEW, WIDE_MARGIN),
        Scenario("equally good, one class 5 points worse", uneven(0.05, 0.0)),
        Scenario("equally good, one class 5 points worse", uneven(0.05, 0.0), FEW, WIDE_MARGIN),
        Scenario("0.3 points better, one class worse by the margin", uneven(margin, 0.003)),
        Scenario("0.3 points better, one class 5 points worse", uneven(0.05, 0.003)),
        Scenario("0.1 points worse", even(CHAMPION_ERROR + 0.001)),
    ]


def better() -> list[Scenario]:
    """List the candidates that ought to be promoted."""
    return [
        Scenario(f"{gain:g} points better", even(CHAMPION_ERROR - gain / 100), images, margin)
        for images, margin in ((MANY, PromotionConfig().recall_margin), (FEW, WIDE_MARGIN))
        for gain in GAINS
    ]


def simulate(scenario: Scenario, generator: np.random.Generator) -> Scores:
    """Make up what two models say of the same images."""
    labels = np.arange(scenario.images) % CLASSES
    difficulty = generator.standard_normal(scenario.images)
    return Scores(
        class_names=tuple(str(number) for number in range(CLASSES)),
        candidate=_predictions(labels, difficulty, np.array(scenario.errors), generator),
        champion=_predictions(labels, difficulty, np.array(even(CHAMPION_ERROR)), generator),
        timing=Timing(candidate_seconds=0.001, champion_seconds=0.001),
    )


def _predictions(
    labels: NDArray[np.int64],
    difficulty: NDArray[np.float64],
    errors: NDArray[np.float64],
    generator: np.random.Generator,
) -> Predictions:
    quantiles = ndtri(errors)[labels]
    wrong = ndtr((quantiles + np.sqrt(CORRELATION) * difficulty) / np.sqrt(1 - CORRELATION))
    other = (labels + generator.integers(1, CLASSES, len(labels))) % CLASSES
    predicted = np.where(generator.random(len(labels)) < wrong, other, labels)
    confidence = np.maximum(1 - wrong, 1 / CLASSES).astype(np.float32)
    rank = np.not_equal(predicted, labels).astype(np.int64)
    return Predictions(np.arange(len(labels)), labels, predicted, confidence, confidence, rank)


@cache
def certificate() -> Certificate:
    """Make up exports that agree: they are not what is looked into here."""
    file = FileRecord(path="exports/model.keras", sha256="0" * 64, bytes=1)
    export = ExportCheck(
        format="keras",
        files=(file,),
        runtime="none",
        difference=0.0,
        agreement=1.0,
        load_seconds=0.0,
        latency_1=0.001,
        latency_256=0.1,
        passed=True,
    )
    return Certificate(
        model_sha256="0" * 64,
        weights_sha256="0" * 64,
        golden_images=1000,
        golden_sha256="0" * 64,
        tolerance=1e-5,
        exports=(export,),
        certificate=file,
    )


def judge(scenario: Scenario, pairs: int, generator: np.random.Generator) -> Tally:
    """Let the gate decide on pairs of models."""
    settings = PromotionConfig(recall_margin=scenario.recall_margin)
    tally = Tally(scenario)
    for _ in range(pairs):
        tally.add(from_scores(COMPARISON, simulate(scenario, generator), certificate(), settings))
    return tally


def show(title: str, tallies: Sequence[Tally]) -> None:
    """Print a table, one row a scenario."""
    table = Table(
        "candidate", "test images", "class margin", "pairs", "promoted", "95 % interval",
        "McNemar alone", title=title,
    )  # fmt: skip
    for tally in tallies:
        table.add_row(
            tally.scenario.name,
            f"{tally.scenario.images:,}",
            f"{tally.scenario.recall_margin:g}",
            f"{tally.pairs:,}",
            f"{tally.promoted / tally.pairs:.1%}",
            "{:.1%} to {:.1%}".format(*tally.interval()),
            f"{tally.better / tally.pairs:.1%}",
        )
    Console(width=140).print(table)


def shared_mistakes() -> float:
    """Return the share of a model's mistakes that another one of the champion's accuracy makes."""
    quantile = ndtri(CHAMPION_ERROR)
    both = multivariate_normal([0, 0], [[1, CORRELATION], [CORRELATION, 1]])
    return float(both.cdf([quantile, quantile])) / CHAMPION_ERROR


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    alpha, started = PromotionConfig().alpha, time.monotonic()
    harm = harmful()
    scenarios = [*harm, *better()]
    generators = np.random.default_rng(asked.seed).spawn(len(scenarios))
    with ProcessPoolExecutor() as pool:
        tallies = list(pool.map(judge, scenarios, repeat(asked.pairs), generators))
    wrong, right = tallies[: len(harm)], tallies[len(harm) :]
    show(f"False promotions, at most {alpha:.0%} allowed", wrong)
    show("Power: promotions of better models", right)
    contradicted = [tally for tally in wrong if tally.interval()[0] > alpha]
    for tally in contradicted:
        print(f"More than {alpha:.0%} promoted: {tally.scenario}")
    print(
        f"seed {asked.seed}; two models share {shared_mistakes():.0%} of their mistakes; "
        f"{time.monotonic() - started:.0f} s"
    )
    raise SystemExit(bool(contradicted))


if __name__ == "__main__":
    main()
