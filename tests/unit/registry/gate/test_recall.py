import pytest

from paired_answers import scores
from sightline.registry.gate import paired_tests, recall
from sightline.registry.gate.paired_tests import Pairs


def test_classes_that_keep_their_recall_pass_with_the_least_certain_one() -> None:
    found = recall.classes(scores((5, 4, 991), (3, 5, 992)), 0.05, 0.02)
    assert found.passed
    low = float(paired_tests.lower_ends(Pairs(3, 5, 1000), 0.05))
    assert found.measured == pytest.approx(low)
    assert found.limit == -0.02
    assert found.sentence == (
        "No class loses more than 2 points of recall, as far as its test images tell: the least "
        "certain is “1”, 0.76 at worst on 1,000 test images."
    )


def test_class_that_lost_for_sure_is_named_with_its_loss() -> None:
    found = recall.classes(scores((0, 0, 1000), (2, 52, 946), names=("cat", "dog")), 0.05, 0.02)
    assert not found.passed
    assert found.sentence.startswith(
        "Class “dog” lost 5 points of recall on 1,000 test images (6.3 at worst), "
        "promotion.recall_margin allows 2; "
    )


def test_class_with_too_few_images_says_what_would_help() -> None:
    few = scores((0, 0, 1000), (0, 0, 100))
    found = recall.classes(few, 0.05, 0.02)
    assert not found.passed
    assert (
        "Class “1” lost 0 points of recall on 100 test images, but may lose more" in found.sentence
    )
    assert "too few to tell. About 140 of this class would, or" in found.sentence
    assert "promotion.recall_margin=0.027 would let it pass." in found.sentence
    assert recall.classes(few, 0.05, 0.027).passed
    assert recall.classes(scores((0, 0, 1000), (0, 0, 133)), 0.05, 0.02).passed


def test_gain_in_a_small_class_is_no_negative_loss() -> None:
    found = recall.classes(scores((0, 0, 1000), (1, 0, 9)), 0.05, 0.02)
    assert "lost 0 points of recall on 10 test images" in found.sentence


def test_class_without_test_images_fails_unless_nothing_is_asked() -> None:
    untested = scores((9, 0, 991), (0, 0, 0), names=("cat", "dog"))
    found = recall.classes(untested, 0.05, 0.02)
    assert not found.passed
    assert found.measured == -1.0
    assert "Class “dog” has no test image" in found.sentence
    assert "at least 133 test images" in found.sentence
    assert recall.classes(untested, 0.05, 1.0).passed


def test_number_of_failing_classes_is_told() -> None:
    found = recall.classes(scores((0, 9, 91), (0, 0, 5000), (0, 30, 70)), 0.05, 0.02)
    assert found.sentence.startswith("Class “2” lost 30 points of recall on 100 test images")
    assert found.sentence.endswith("So it is with 2 of 3 classes; this is the worst.")


def test_single_image_of_each_class_tells_nothing() -> None:
    found = recall.classes(scores((0, 0, 1), (0, 0, 1)), 0.05, 0.5)
    assert not found.passed
    assert "on 1 test image, but may lose more" in found.sentence


def test_hostile_class_name_is_one_short_line_as_it_is() -> None:
    name = "{0.__class__} %s <b>\x1b[31m" + "x" * 500
    found = recall.classes(scores((0, 0, 9), (0, 0, 8), names=("cat", name)), 0.05, 0.02)
    assert "“{0.__class__} %s <b>\\x1b[31m" in found.sentence
    assert found.sentence.isprintable()
    assert len(found.sentence) < 400
