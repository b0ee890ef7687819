import numpy as np
import pytest
from scipy.stats import binomtest

from paired_answers import certificate, predictions, scores
from sightline.config import PromotionConfig
from sightline.registry.gate.decision import Comparison, for_first_model, from_scores
from sightline.registry.gate.scores import Scores, Timing

COMPARISON = Comparison("20261125T000000Z-mnist-fast-abcdef", "mnist-v3", "d" * 64)
FIRST = COMPARISON._replace(champion=None)
BETTER = scores((40, 10, 4950), (35, 12, 4953))
RECALL = "class_recall"
WORSE = scores((10, 40, 4950), (12, 35, 4953))


def decide(found=BETTER, noise=None, **changed):
    exports = changed.pop("exports", certificate())
    return from_scores(COMPARISON, found, exports, PromotionConfig(**changed), noise)


def failed(decision):
    return [criterion.name for criterion in decision.criteria if criterion.failed]


def test_better_model_is_promoted_with_all_numbers():
    found = decide()
    assert (found.promote, failed(found)) == (True, [])
    assert (found.candidate, found.champion, found.holdout_sha256) == COMPARISON
    assert (found.images, found.fixed, found.broken) == (10_000, 75, 22)
    assert (found.accuracy, found.champion_accuracy) == (0.9978, 0.9925)
    assert 0 < found.interval[0] < 0.0053 < found.interval[1]
    assert found.p_value == binomtest(75, 97, alternative="greater").pvalue
    assert found.sentence == "Better than mnist-v3: 99.78% instead of 99.25%, p < 0.0001."


def test_worse_model_is_refused_with_its_numbers():
    found = decide(WORSE)
    assert (found.promote, failed(found)) == (False, ["mcnemar"])
    for text in ("Refused: ", "mnist-v3", "10,000", "(99.25% instead of 99.78%, p = 1)"):
        assert text in found.sentence
    assert decide(WORSE, exports=None, noise=0.01).sentence.endswith("noise, certificate.")


def test_equal_predictions_and_a_single_image_are_refused():
    for found, before in ((scores((0, 0, 50), (0, 0, 49)), 1.0), (scores((1, 0, 0), (0, 0, 0)), 0)):
        decision = decide(found, recall_margin=1.0)
        assert failed(decision) == ["mcnemar"]
        assert (decision.accuracy, decision.champion_accuracy) == (1.0, before)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"exports": certificate(onnx=0.5)}, "certificate"),
        ({"exports": None}, "certificate"),
        ({"noise": 0.01}, "noise"),
        ({"found": scores((90, 0, 4910), (0, 0, 60), confidence=0.93), "recall_power": 0}, RECALL),
        ({"found": scores((190, 0, 4810), (0, 20, 40), confidence=0.95)}, RECALL),
        ({"found": scores((75, 22, 4903), (0, 0, 5000), seconds=0.01)}, "latency"),
        ({"found": scores((75, 22, 4903), (0, 0, 5000), confidence=0.5)}, "calibration"),
    ],
)
def test_model_that_fails_any_criterion_is_refused(changed, name):
    found = decide(**changed)
    assert (found.promote, failed(found)) == (False, [name])
    assert found.sentence.startswith("Refused: ")


def test_limits_come_from_the_config():
    found = decide(alpha=0.01, recall_margin=0.5, calibration_margin=0.2, latency_factor=3)
    assert [one.limit for one in found.criteria[:4]] == [0.01, -0.5, 0.2, 3]


def test_equally_good_models_are_seldom_promoted_and_better_ones_often():
    rng = np.random.default_rng(7)
    labels, timing = np.arange(2000) % 4, Timing(candidate_seconds=1, champion_seconds=1)

    def predicted(error, hard):
        wrong = rng.random(2000) < np.where(hard, 0.5, error)
        return predictions(labels, np.where(wrong, (labels + 1) % 4, labels), 0.9)

    def promoted(error, pairs):
        hard = rng.random((pairs, 2000)) < 0.05
        models = [(predicted(error, row), predicted(0.05, row)) for row in hard]
        found = [Scores(tuple("abcd"), *both, timing) for both in models]
        return sum(decide(x, recall_margin=0.1, calibration_margin=1).promote for x in found)

    assert binomtest(promoted(0.05, 200), 200, 0.05, alternative="greater").pvalue > 0.01
    assert promoted(0.02, 50) > 40


def test_large_gain_is_not_refused_for_what_few_images_of_a_class_cannot_tell():
    """The champion has 90 %, the candidate 97.1 %, and class 1 has lost one image of 100."""
    found = scores(*[(9, 1, 90)] * 8, (1, 2, 97), (8, 0, 92), confidence=0.97)
    assert decide(found).promote
    assert failed(decide(found, recall_power=0)) == [RECALL]


def test_first_model_is_promoted_with_its_numbers():
    found = for_first_model(FIRST, 0.9859, (980, 1135, 7885), certificate(), PromotionConfig())
    assert found.promote
    assert [one.name for one in found.criteria] == ["baseline", "certificate"]
    assert (found.champion, found.champion_accuracy, found.p_value) == (None, None, None)
    assert (found.images, found.accuracy) == (10_000, 0.9859)
    assert "98.59% of 10,000 test images" in found.sentence


def test_first_model_that_a_logistic_regression_beats_is_refused():
    arguments = (FIRST, 0.24, (100,) * 10, certificate(), PromotionConfig())
    found = for_first_model(*arguments, linear=0.85)
    assert failed(found) == ["reference"]
    assert "a logistic regression on a few pixels is better" in found.sentence
    assert for_first_model(*arguments, linear=0.255).promote  # not shown to be better


@pytest.mark.parametrize(
    ("accuracy", "name"), [(0.79, "baseline"), (0.98, "minimum_accuracy"), (0.995, "certificate")]
)
def test_first_model_that_fails_any_criterion_is_refused(accuracy, name):
    limits = PromotionConfig(minimum_accuracy=0.99)
    exports = None if name == "certificate" else certificate()
    found = for_first_model(FIRST, accuracy, (100, 900), exports, limits)
    assert failed(found)[0] == name
    assert found.sentence.startswith("Refused: ")
