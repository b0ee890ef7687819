from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from paired_answers import certificate, scores
from sightline.config import PromotionConfig
from sightline.records import Criterion, Decision
from sightline.registry.gate.decision import Parties, decide, decide_first
from sightline.registry.gate.scores import Answers, Scores

PARTIES = Parties("20261125T000000Z-mnist-fast-abcdef", "mnist-v3", "d" * 64)
FIRST = Parties("20261125T000000Z-mnist-fast-abcdef", None, "d" * 64)
BETTER = scores((40, 10, 4950), (35, 12, 4953))
WORSE = scores((10, 40, 4950), (12, 35, 4953))


def verdict(answers: Scores = BETTER, **changed: Any) -> Decision:
    settings = PromotionConfig(**changed.pop("settings", {}))
    exports = changed.pop("exports", certificate())
    return decide(PARTIES, answers, exports, settings, **changed)


def failed(decision: Decision) -> list[str]:
    return [criterion.name for criterion in decision.criteria if not criterion.passed]


def test_better_model_is_promoted_with_all_numbers() -> None:
    found = verdict()
    assert found.promote
    assert failed(found) == []
    assert (found.candidate, found.champion, found.holdout_sha256) == PARTIES
    assert (found.images, found.fixed, found.broken) == (10_000, 75, 22)
    assert (found.accuracy, found.champion_accuracy) == (0.9978, 0.9925)
    assert found.interval is not None
    assert 0 < found.interval[0] < 0.0053 < found.interval[1]
    assert found.p_value == binomtest(75, 97, alternative="greater").pvalue
    assert found.sentence == "Better than mnist-v3: 99.78% instead of 99.25%, p < 0.0001."


def test_worse_model_is_refused_with_the_reason() -> None:
    found = verdict(WORSE)
    assert not found.promote
    assert failed(found) == ["mcnemar", "bootstrap"]
    assert found.sentence == (
        "Refused: not better than mnist-v3 as far as 10,000 test images tell (99.25% instead of "
        "99.78%, p = 1)."
    )


def test_equal_answers_are_refused() -> None:
    found = verdict(scores((0, 0, 5000), (0, 0, 4900)))
    assert failed(found) == ["mcnemar", "bootstrap"]
    assert (found.p_value, found.interval) == (1.0, (0.0, 0.0))


def test_single_image_is_refused() -> None:
    found = verdict(scores((1, 0, 0), (0, 0, 0)), settings={"recall_margin": 1.0})
    assert (found.images, found.accuracy, found.champion_accuracy) == (1, 1.0, 0.0)
    assert failed(found) == ["mcnemar"]


@pytest.mark.parametrize(
    ("changed", "name", "reason"),
    [
        ({"exports": certificate(onnx=0.5)}, "certificate", "its exported forms are not shown"),
        ({"exports": None}, "certificate", "its exported forms are not shown"),
        ({"noise": 0.01}, "noise", "not better than mnist-v3 by more than another seed makes"),
        (
            {"answers": scores((90, 0, 4910), (0, 0, 60), confidence=0.93)},
            "classes",
            "a class may have lost more",
        ),
        (
            {"answers": scores((75, 22, 4903), (0, 0, 5000), seconds=0.01)},
            "latency",
            "too slow beside mnist-v3",
        ),
        (
            {"answers": scores((75, 22, 4903), (0, 0, 5000), confidence=0.5)},
            "calibration",
            "its probabilities are less to be believed than those of mnist-v3",
        ),
    ],
)
def test_better_model_that_fails_anything_else_is_refused_for_it(
    changed: dict[str, Any], name: str, reason: str
) -> None:
    found = verdict(**changed)
    assert failed(found) == [name]
    assert not found.promote
    assert found.sentence.startswith("Refused: ")
    assert reason in found.sentence


def test_sentence_lists_whatever_else_failed() -> None:
    found = verdict(WORSE, exports=None, noise=0.01)
    assert found.sentence.endswith("; failed as well: noise, certificate.")


def test_preconditions_go_ahead_of_the_other_criteria() -> None:
    first = Criterion(name="holdout", passed=True, sentence="The same.")
    assert verdict(preconditions=[first]).criteria[0] == first


def test_limits_come_from_the_settings() -> None:
    settings = {"alpha": 0.01, "recall_margin": 0.5, "calibration_margin": 0.2, "latency_factor": 3}
    limits = {one.name: one.limit for one in verdict(settings=settings).criteria}
    assert limits["mcnemar"] == 0.01
    assert limits["classes"] == -0.5
    assert limits["calibration"] == 0.2
    assert limits["latency"] == 3


def test_equally_good_models_are_seldom_promoted_and_better_ones_often() -> None:
    generator = np.random.default_rng(7)
    settings = {"recall_margin": 0.1, "calibration_margin": 1}
    labels = np.arange(2000) % 4

    def answers(wrong: float, hard: Any) -> Answers:
        missed = generator.random(2000) < np.where(hard, 0.5, wrong)
        return Answers(
            np.where(missed, (labels + 1) % 4, labels), np.full(2000, 0.9, np.float32), 0.001
        )

    def promoted(wrong: float, pairs: int) -> int:
        hard = generator.random((pairs, 2000)) < 0.05
        names = tuple("abcd")
        return sum(
            verdict(
                Scores(labels, names, answers(wrong, row), answers(0.05, row)), settings=settings
            ).promote
            for row in hard
        )

    false = promoted(0.05, 200)
    assert binomtest(false, 200, 0.05, alternative="greater").pvalue > 0.01
    assert promoted(0.02, 50) > 40


def test_first_model_needs_more_than_guessing_an_accuracy_and_exports() -> None:
    found = decide_first(FIRST, 0.9859, (980, 1135, 7885), certificate(), PromotionConfig())
    assert found.promote
    assert [one.name for one in found.criteria] == ["guessing", "minimum_accuracy", "certificate"]
    assert (found.champion, found.champion_accuracy, found.p_value) == (None, None, None)
    assert (found.images, found.accuracy) == (10_000, 0.9859)
    assert found.sentence == ("Fit to be the first model: 98.59% of 10,000 test images right.")


def test_first_model_that_fails_anything_is_refused() -> None:
    settings = PromotionConfig(minimum_accuracy=0.99)
    for accuracy, exports, reason in (
        (0.79, certificate(), "not better than naming the most frequent class"),
        (0.98, certificate(), "its accuracy is below promotion.minimum_accuracy"),
        (0.995, None, "its exported forms are not shown"),
    ):
        found = decide_first(FIRST, accuracy, (100, 900), exports, settings)
        assert not found.promote
        assert found.sentence.startswith(f"Refused: {reason}")
