"""What a model must show where there is none to compare it with."""

from collections.abc import Sequence

from sightline.records import Criterion


def better_than_guessing(right: int, counts: Sequence[int], alpha: float) -> Criterion:
    """Ask for more than calling every image by the name of the most frequent class would give.

    The lower end of Wilson's interval (E. B. Wilson, "Probable inference, the law of succession,
    and statistical inference", 1927) must lie above the share of that class.

    Args:
        right: How many test images it has right.
        counts: Test images of each class; at least one in all.
        alpha: Probability of an accuracy below the interval.
    """
    from scipy.stats import binomtest

    images = sum(counts)
    interval = binomtest(right, images).proportion_ci(1 - 2 * alpha, method="wilson")
    low, share = float(interval.low), max(counts) / images
    verdict = "above" if low > share else "not above"
    help_ = "" if low > share else "; train longer, or look at the data"
    return Criterion(
        name="guessing",
        passed=low > share,
        measured=low,
        limit=share,
        sentence=f"It has {right:,} of {images:,} test images right, so at least {low:.2%} as far "
        f"as they tell ({100 * (1 - alpha):g}% sure): {verdict} the {share:.2%} that always naming "
        f"the most frequent class gives{help_}.",
    )


def minimum_accuracy(accuracy: float, minimum: float) -> Criterion:
    """Ask for the accuracy that the config demands of a first model.

    Args:
        accuracy: Test accuracy, in [0, 1].
        minimum: What is demanded, in [0, 1].
    """
    passed = accuracy >= minimum
    verdict = "at least" if passed else "less than"
    return Criterion(
        name="minimum_accuracy",
        passed=passed,
        measured=accuracy,
        limit=minimum,
        sentence=f"Its test accuracy is {accuracy:.2%}, {verdict} the {minimum:.2%} of "
        "promotion.minimum_accuracy.",
    )
