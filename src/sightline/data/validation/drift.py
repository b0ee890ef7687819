"""Measure how much the images of a data set changed since an earlier run."""

from collections.abc import Iterator, Sequence

import numpy as np

from sightline.records import DatasetFiles, ProfileChange, SplitProfile

_DEVIATIONS = 2
_MIN_LEVELS = 1.0  # Smaller changes of a pixel statistic, on a scale of 0 to 255, are not listed
_MIN_SHARE = 0.01
_SHARE_OF = "share of class "
_MAX_CLASSES = 20  # Number of classes whose changed share is listed


def largest_drift(before: DatasetFiles, now: DatasetFiles) -> tuple[float, str]:
    """Return the largest stability index of classes, pixels or brightness, and its subject.

    A subject is, for example, "the brightness of the test images". Both must be inspected. Without
    `same_form`, only the classes are compared.
    """
    found = []
    for split, one, other, classes in _common_splits(before, now):
        first, second = zip(*classes.values(), strict=True)
        measured = [("classes", first, second)]
        if same_form(before, now):
            measured.append(("pixels", one.pixels, other.pixels))
            measured.append(("brightness", one.brightness, other.brightness))
        for subject, shares, shares_now in measured:
            index = stability_index(shares, shares_now, one.images, other.images)
            found.append((index, f"the {subject} of the {split} images"))
    return max(found, key=lambda drift: drift[0])


def same_form(before: DatasetFiles, now: DatasetFiles) -> bool:
    """Return whether images were brought to one shape in the same way.

    Otherwise their pixels differ anyway: a letterbox is black, and resizing averages.
    """
    return _form(before) == _form(now)


def _form(files: DatasetFiles) -> tuple[object, ...]:
    return files.image_shape, files.resize, files.white


def stability_index(
    before: Sequence[float], now: Sequence[float], images_before: int, images_now: int
) -> float:
    """Compute the population stability index of two distributions, less what chance explains.

    Each has the shares of at least one image in two or more bins. Half an image is added to each
    bin, so that empty bins have a finite weight. For samples of n and m images of one
    distribution, the index is chi-square times (1/n + 1/m) (B. Yurdakul, "Statistical properties
    of population stability index", 2018): its mean plus two standard deviations is subtracted.
    The result is 0 or more; 0.1 is small, 0.25 is large.
    """
    bins = len(before)
    one, other = (
        (np.asarray(shares) * images + 0.5) / (images + 0.5 * bins)
        for shares, images in ((before, images_before), (now, images_now))
    )
    freedom = bins - 1
    by_chance = freedom + _DEVIATIONS * np.sqrt(2 * freedom)
    index = (one - other) @ np.log(one / other) - by_chance * (1 / images_before + 1 / images_now)
    return max(0.0, float(index))


def list_changes(before: DatasetFiles, now: DatasetFiles) -> tuple[ProfileChange, ...]:
    """List noticeable changes of shape, counts, pixel statistics and class shares."""
    figures = ("height", "width", "channels", "classes")
    first = (*before.image_shape, len(before.class_names))
    second = (*now.image_shape, len(now.class_names))
    found = [
        ProfileChange(split="all", figure=figure, before=one, now=other)
        for figure, one, other in zip(figures, first, second, strict=True)
        if one != other
    ]
    for split, old, new, classes in _common_splits(before, now):
        by_change = sorted(classes, key=lambda name: -abs(classes[name][0] - classes[name][1]))
        for figure, was, is_now, least in (
            ("images", old.images, new.images, 1),
            ("pixel mean", old.pixel_mean, new.pixel_mean, _MIN_LEVELS),
            ("pixel standard deviation", old.pixel_std, new.pixel_std, _MIN_LEVELS),
            *(
                (f"{_SHARE_OF}{name}", *classes[name], _MIN_SHARE)
                for name in by_change[:_MAX_CLASSES]
            ),
        ):
            if abs(was - is_now) >= least:
                one, other = round(was, 6), round(is_now, 6)
                found.append(ProfileChange(split=split, figure=figure, before=one, now=other))
    return tuple(found)


def format_change(change: ProfileChange) -> tuple[str, str]:
    """Format the values before and now of a change."""
    before, now = (
        f"{100 * value:.2f}%"
        if change.figure.startswith(_SHARE_OF)
        else f"{value:,.2f}".removesuffix(".00")
        for value in (change.before, change.now)
    )
    return before, now


def _common_splits(
    before: DatasetFiles, now: DatasetFiles
) -> Iterator[tuple[str, SplitProfile, SplitProfile, dict[str, tuple[float, float]]]]:
    """Yield each split of both with its profiles and, by class name, the shares of both."""
    profiles = [files.inspection.profiles for files in (before, now) if files.inspection]
    for split in profiles[-1]:
        if split in profiles[0]:
            one, other = profiles[0][split], profiles[-1][split]
            first, second = _shares(before, one), _shares(now, other)
            names = sorted({*first, *second})
            yield (
                split,
                one,
                other,
                {name: (first.get(name, 0.0), second.get(name, 0.0)) for name in names},
            )


def _shares(files: DatasetFiles, profile: SplitProfile) -> dict[str, float]:
    counts = zip(files.class_names, profile.per_class, strict=True)
    return {name: count / profile.images for name, count in counts}
