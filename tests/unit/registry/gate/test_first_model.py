import pytest

from sightline.registry.gate import first_model


@pytest.mark.parametrize(
    ("right", "total", "low"),
    [
        # Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I
        (81, 263, 0.2553),
        (15, 148, 0.0624),
        (1, 29, 0.0061),
    ],
)
def test_lower_end_is_the_published_one(right: int, total: int, low: float) -> None:
    found = first_model.better_than_guessing(right, [total - 1, 1], 0.025)
    assert found.measured == pytest.approx(low, abs=6e-5)


def test_share_of_the_most_frequent_class_must_lie_below() -> None:
    found = first_model.better_than_guessing(60, [50, 30, 20], 0.05)
    assert found.passed
    assert found.limit == 0.5
    assert found.sentence == (
        "It has 60 of 100 test images right, so at least 51.78% as far as they tell (95% sure): "
        "above the 50.00% that always naming the most frequent class gives."
    )
    assert not first_model.better_than_guessing(57, [50, 30, 20], 0.05).passed


@pytest.mark.parametrize("counts", [[1, 0], [10, 0]])
def test_data_of_one_class_show_nothing(counts: list[int]) -> None:
    assert not first_model.better_than_guessing(sum(counts), counts, 0.05).passed


def test_accuracy_that_is_demanded_suffices() -> None:
    assert first_model.minimum_accuracy(0.9, 0.9).passed
    found = first_model.minimum_accuracy(0.8999, 0.9)
    assert not found.passed
    assert found.sentence == (
        "Its test accuracy is 89.99%, less than the 90.00% of promotion.minimum_accuracy."
    )
