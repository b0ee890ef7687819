import math

import numpy as np
import pytest
from scipy import optimize, stats

from sightline.registry.gate import paired_tests
from sightline.registry.gate.paired_tests import Pairs


@pytest.mark.parametrize(
    ("fixed", "broken", "p_value"),
    [
        # Fagerland, Lydersen, Laake, "Statistical analysis of contingency tables" (2017), chapter
        # 8, Cavo's table: half of the two-sided one
        (16, 6, 0.052479 / 2),
        (7, 1, (1 + 8) / 2**8),  # by hand, as those below
        (5, 0, 1 / 2**5),
        (0, 0, 1),
    ],
)
def test_p_value_is_the_published_one(fixed, broken, p_value):
    assert paired_tests.mcnemar(fixed, broken) == pytest.approx(p_value, abs=3e-7)


def test_lower_end_is_known_by_hand():
    pairs = Pairs(np.zeros(3), np.array([0, 0, 7]), np.array([10, 0, 7]))
    low = paired_tests.lower_ends(pairs, 0.025)
    square = stats.norm.ppf(0.975) ** 2  # with no difference it is -z^2 / (n + z^2)
    assert low == pytest.approx([-square / (10 + square), -1, -1])


@pytest.mark.parametrize("pairs", [Pairs(3, 9, 50), Pairs(0, 4, 30), Pairs(12, 0, 40)])
@pytest.mark.parametrize("difference", [-0.3, -0.02, 0.0, 0.1])
def test_score_uses_the_maximum_likelihood_variance(pairs, difference):
    def log_likelihood(difference, broken):
        fixed = broken + difference
        terms = ((pairs.fixed, fixed), (pairs.broken, broken))
        equal = pairs.images - pairs.fixed - pairs.broken
        return sum(n * math.log(share) for n, share in (*terms, (equal, 1 - fixed - broken)) if n)

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


@pytest.mark.parametrize(("fixed", "broken"), [(0.01, 0.01), (0.005, 0.025), (0.02, 0.05)])
def test_lower_end_exceeds_the_difference_in_5_of_100_cases(fixed, broken):
    shares = [fixed, broken, 1 - fixed - broken]
    drawn = np.random.default_rng(0).multinomial(1000, shares, 20_000)
    low = paired_tests.lower_ends(Pairs(drawn[:, 0], drawn[:, 1], np.full(20_000, 1000)), 0.05)
    assert 0.03 < (low > fixed - broken).mean() < 0.052


def test_interval_is_the_published_one():
    # Fagerland, Lydersen, Laake (2017), chapter 8, Cavo's table
    expected = pytest.approx((-0.1240, -0.0054), abs=6e-5)
    assert paired_tests.interval(Pairs(6, 16, 161), 0.025) == expected


@pytest.mark.parametrize("pairs", [Pairs(0, 0, 0), Pairs(0, 0, 20), Pairs(1, 2, 100)])
def test_fewest_images_that_rule_out_a_loss_are_found(pairs):
    needed = paired_tests.images_to_rule_out(pairs, 0.05, 0.02)
    shares = [count / max(1, pairs.images) for count in (pairs.fixed, pairs.broken)]
    ends = [
        float(paired_tests.lower_ends(Pairs(*(share * images for share in shares), images), 0.05))
        for images in (needed - 1, needed)
    ]
    assert ends[0] <= -0.02 < ends[1]


def test_images_to_rule_out_no_or_a_large_difference_are_known_by_hand():
    by_hand = math.ceil(stats.norm.ppf(0.95) ** 2 * (1 / 0.02 - 1))  # z^2 / (n + z^2) < 0.02
    assert paired_tests.images_to_rule_out(Pairs(0, 0, 5), 0.05, 0.02) == by_hand == 133
    assert paired_tests.images_to_rule_out(Pairs(0, 4, 100), 0.05, 0.02) is None


@pytest.mark.parametrize("pairs", [Pairs(30, 25, 1000), Pairs(9, 6, 1000)])
def test_estimated_images_about_suffice_to_show_a_gain(pairs):
    times = paired_tests.images_to_show(pairs, 0.05) / pairs.images
    p_value = paired_tests.mcnemar(round(times * pairs.fixed), round(times * pairs.broken))
    assert 0.04 < p_value < 0.065


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.49])
def test_estimate_exceeds_the_images_that_do_not_show_a_gain(alpha):
    counts = [(fixed, broken) for fixed in range(40) for broken in range(fixed)]
    unclear = [pairs for pairs in counts if paired_tests.mcnemar(*pairs) > alpha]
    assert len(unclear) > 30
    for fixed, broken in unclear:
        assert paired_tests.images_to_show(Pairs(fixed, broken, 100), alpha) > 100, (fixed, broken)
    for fixed in (3, 4):  # no number of images shows a missing gain
        assert paired_tests.images_to_show(Pairs(fixed, 4, 100), alpha) is None


@pytest.mark.parametrize(("images", "share"), [(100, 0.01), (300, 0.02), (1000, 0.005)])
def test_equal_models_keep_all_classes_above_the_losses_they_can_tell(images, share):
    """Ten classes of two models that are equally good pass in nine of ten cases."""
    rng = np.random.default_rng(3)
    passed = 0
    for _ in range(400):
        fixed, broken, _ = rng.multinomial(images, [share, share, 1 - 2 * share], 10).T
        by_class = Pairs(fixed, broken, np.full(10, images))
        lows = paired_tests.lower_ends(by_class, 0.05)
        passed += bool((lows > -paired_tests.losses_to_tell(by_class, 0.05, 0.9)).all())
    assert stats.binomtest(passed, 400, 0.9, alternative="less").pvalue > 0.01
