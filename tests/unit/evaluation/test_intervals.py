import pytest

from sightline.evaluation.intervals import wilson


@pytest.mark.parametrize(
    ("successes", "total", "published"),
    [
        # Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0000, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
        # the tutorial's result, by hand from Wilson's formula
        (9_852, 10_000, (0.98264, 0.98739)),
        (0, 0, None),
    ],
)
def test_interval_agrees_with_published_values(successes, total, published):
    assert wilson(successes, total) == pytest.approx(published, abs=6e-5)
