import math

import numpy as np
import pytest
from scipy import optimize, stats

from sightline.registry.gate import paired_tests
from sightline.registry.gate.paired_tests import Pairs


@pytest.mark.parametrize(
    ("fixed", "broken", "two_sided"),
    [
        # Fagerland, Lydersen, Laake, "Statistical analysis of contingency tables" (2017), chapter
        # 8, Cavo's table
        (16, 6, 0.052479),
        # by hand: 1 + 8 of 2^8 cases twice
        (7, 1, 18 / 2**8),
        # by hand: (1/2)^5 twice
        (5, 0, 2 / 2**5),
    ],
)
def test_p_value_is_half_of_the_published_two_sided_one(
    fixed: int, broken: int, two_sided: float
) -> None:
    assert 2 * paired_tests.mcnemar(fixed, broken) == pytest.approx(two_sided, abs=6e-7)


def test_p_value_without_any_difference_is_one() -> None:
    assert paired_tests.mcnemar(0, 0) == 1.0


def test_p_values_of_both_directions_add_up_to_one_and_what_was_found() -> None:
    both = paired_tests.mcnemar(12, 9) + paired_tests.mcnemar(9, 12)
    assert both == pytest.approx(1 + stats.binom.pmf(12, 21, 0.5))


@pytest.mark.parametrize(
    ("pairs", "alpha", "low"),
    [
        # Fagerland, Lydersen, Laake (2017), chapter 8, Cavo's table: from -0.1240 to -0.0054
        (Pairs(6, 16, 161), 0.025, pytest.approx(-0.1240, abs=6e-5)),
        (Pairs(16, 6, 161), 0.025, pytest.approx(0.0054, abs=6e-5)),
        # by hand: with no difference it is -z^2 / (n + z^2)
        (Pairs(0, 0, 10), 0.025, pytest.approx(-(1.959964**2) / (10 + 1.959964**2))),
        (Pairs(0, 0, 0), 0.05, -1),
        (Pairs(0, 7, 7), 0.05, -1),
    ],
)
def test_lower_end_is_that_of_the_published_two_sided_intervals(
    pairs: Pairs[int], alpha: float, low: object
) -> None:
    assert float(paired_tests.lower_ends(pairs, alpha)) == low


def test_score_of_no_difference_is_that_of_mcnemars_asymptotic_test() -> None:
    assert paired_tests.score(Pairs(16, 6, 161), 0.0) == pytest.approx(10 / math.sqrt(22))


@pytest.mark.parametrize("pairs", [Pairs(3, 9, 50), Pairs(0, 4, 30), Pairs(12, 0, 40)])
@pytest.mark.parametrize("difference", [-0.3, -0.02, 0.0, 0.1])
def test_score_is_that_of_the_likelihood(pairs: Pairs[int], difference: float) -> None:
    def log_likelihood(difference: float, broken: float) -> float:
        fixed = broken + difference
        terms = ((pairs.fixed, fixed), (pairs.broken, broken))
        alike = pairs.images - pairs.fixed - pairs.broken
        return sum(n * math.log(share) for n, share in (*terms, (alike, 1 - fixed - broken)) if n)

    lowest, highest = max(0.0, -difference), (1 - difference) / 2
    share = optimize.minimize_scalar(
        lambda broken: -log_likelihood(difference, broken),
        bounds=(lowest, highest),
        method="bounded",
        options={"xatol": 1e-12},
    ).x
    variance = (2 * share + difference - difference**2) / pairs.images
    excess = (pairs.fixed - pairs.broken) / pairs.images - difference
    found = paired_tests.score(pairs, difference)
    assert found == pytest.approx(excess / math.sqrt(variance), rel=1e-3)


def test_lower_ends_of_many_classes_are_those_of_each() -> None:
    counts = np.array([[3, 0, 9], [1, 0, 12], [40, 0, 100]])
    together = paired_tests.lower_ends(Pairs(*counts), 0.05)
    alone = [float(paired_tests.lower_ends(Pairs(*one), 0.05)) for one in counts.T]
    assert together == pytest.approx(alone)


@pytest.mark.parametrize(("fixed", "broken"), [(0.01, 0.01), (0.005, 0.025), (0.02, 0.05)])
def test_lower_end_is_above_the_true_difference_in_5_of_100_cases_at_most(
    fixed: float, broken: float
) -> None:
    shares = [fixed, broken, 1 - fixed - broken]
    drawn = np.random.default_rng(0).multinomial(1000, shares, 20_000)
    low = paired_tests.lower_ends(Pairs(drawn[:, 0], drawn[:, 1], np.full(20_000, 1000)), 0.05)
    assert 0.03 < (low > fixed - broken).mean() < 0.052


def test_bootstrap_of_counts_is_that_of_images() -> None:
    images = np.repeat([1, -1, 0], [30, 14, 456])
    low, high = paired_tests.bootstrap(Pairs(30, 14, 500), 0.05)
    theirs = stats.bootstrap(
        (images,),
        np.mean,
        confidence_level=0.9,
        method="percentile",
        n_resamples=10_000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1.01 / 500)


def test_bootstrap_of_equal_counts_is_equal() -> None:
    assert paired_tests.bootstrap(Pairs(3, 1, 50), 0.05) == paired_tests.bootstrap(
        Pairs(3, 1, 50), 0.05
    )


@pytest.mark.parametrize(
    ("pairs", "interval"),
    [
        (Pairs(0, 0, 40), (0, 0)),
        (Pairs(1, 0, 1), (1, 1)),
        (Pairs(0, 1, 1), (-1, -1)),
        (Pairs(7, 0, 7), (1, 1)),
    ],
)
def test_bootstrap_of_what_cannot_come_out_otherwise_has_no_width(
    pairs: Pairs[int], interval: tuple[float, float]
) -> None:
    assert paired_tests.bootstrap(pairs, 0.05) == interval


@pytest.mark.parametrize("pairs", [Pairs(0, 0, 0), Pairs(0, 0, 20), Pairs(1, 2, 100)])
def test_images_that_would_tell_are_the_fewest_that_do(pairs: Pairs[int]) -> None:
    needed = paired_tests.images_to_tell(pairs, 0.05, 0.02)
    assert needed is not None
    shares = [count / max(1, pairs.images) for count in (pairs.fixed, pairs.broken)]
    ends = [
        float(paired_tests.lower_ends(Pairs(*(share * images for share in shares), images), 0.05))
        for images in (needed - 1, needed)
    ]
    assert ends[0] <= -0.02 < ends[1]


def test_images_without_any_difference_that_would_tell_are_known_by_hand() -> None:
    # z^2 / (n + z^2) < 0.02
    by_hand = math.ceil(stats.norm.ppf(0.95) ** 2 * (1 / 0.02 - 1))
    assert paired_tests.images_to_tell(Pairs(0, 0, 5), 0.05, 0.02) == by_hand == 133


def test_no_number_of_images_tells_of_what_was_lost_for_sure() -> None:
    assert paired_tests.images_to_tell(Pairs(0, 4, 100), 0.05, 0.02) is None


@pytest.mark.parametrize("pairs", [Pairs(30, 25, 1000), Pairs(9, 6, 1000)])
def test_images_that_would_show_a_gain_are_about_those_that_do(pairs: Pairs[int]) -> None:
    needed = paired_tests.images_to_show(pairs, 0.05)
    assert needed is not None
    times = needed / pairs.images
    p_value = paired_tests.mcnemar(round(times * pairs.fixed), round(times * pairs.broken))
    assert 0.04 < p_value < 0.065


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.49])
def test_more_images_than_there_are_would_show_a_gain_that_these_do_not(alpha: float) -> None:
    asked = [(fixed, broken) for fixed in range(40) for broken in range(fixed)]
    unclear = [pairs for pairs in asked if paired_tests.mcnemar(*pairs) > alpha]
    assert len(unclear) > 30
    for fixed, broken in unclear:
        needed = paired_tests.images_to_show(Pairs(fixed, broken, 100), alpha)
        assert needed is not None
        assert needed > 100, (fixed, broken)


def test_no_number_of_images_shows_a_gain_that_there_is_not() -> None:
    assert paired_tests.images_to_show(Pairs(4, 4, 100), 0.05) is None
    assert paired_tests.images_to_show(Pairs(3, 4, 100), 0.05) is None
