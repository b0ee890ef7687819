"""Measure how much the images of a data set changed since an earlier run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sightline.records import DatasetFiles, ProfileChange, SplitProfile

_DEVIATIONS = 2
_MIN_LEVELS = 1.0  # Smaller changes of a pixel statistic, on a scale of 0 to 255, are not listed
_MIN_SHARE = 0.01
_SHARE_OF = "share of class "
_MAX_CLASSES = 20  # Number of classes whose changed share is listed


class Drift(NamedTuple):
    """The drift of one distribution."""

    value: float  # Population stability index, less what chance explains
    subject: str  # The distribution, such as "the brightness of the test images"


def largest_drift(before: DatasetFiles, now: DatasetFiles) -> Drift:
    """Return the largest drift of classes, pixels or brightness; both must be inspected."""
    return max(_drifts(before, now), key=lambda drift: drift.value)


def stability_index(
    before: Sequence[float], now: Sequence[float], images_before: int, images_now: int
) -> float:
    """Compute the population stability index of two distributions, less what chance explains.

    Half an image is added to each bin, so that empty bins have a finite weight. For two samples
    of one distribution, the index is chi-square times (1/n + 1/m) (B. Yurdakul, "Statistical
    properties of population stability index", 2018): its mean plus two standard deviations is
    subtracted.

    Args:
        before: Share of the images in each of at least two bins; `now` likewise.
        images_before: Number of images n, at least 1; `images_now` is m.

    Returns:
        0 or more; 0.1 is small, 0.25 is large.
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
    return tuple(_changes(before, now))


def format_change(change: ProfileChange) -> tuple[str, str]:
    """Format the values before and now of a change."""
    before, now = (
        f"{100 * value:.2f}%"
        if change.figure.startswith(_SHARE_OF)
        else f"{value:,.2f}".removesuffix(".00")
        for value in (change.before, change.now)
    )
    return before, now


def _drifts(before: DatasetFiles, now: DatasetFiles) -> Iterator[Drift]:
    for split, one, other in _common_splits(before, now):
        shares = _shares(before, one), _shares(now, other)
        names = sorted({*shares[0], *shares[1]})
        classes = [tuple(of.get(name, 0.0) for name in names) for of in shares]
        for subject, first, second in (
            ("classes", classes[0], classes[1]),
            ("pixels", one.pixels, other.pixels),
            ("brightness", one.brightness, other.brightness),
        ):
            index = stability_index(first, second, one.images, other.images)
            yield Drift(index, f"the {subject} of the {split} images")


def _changes(before: DatasetFiles, now: DatasetFiles) -> Iterator[ProfileChange]:
    figures = ("height", "width", "channels", "classes")
    first = (*before.image_shape, len(before.class_names))
    second = (*now.image_shape, len(now.class_names))
    for figure, one, other in zip(figures, first, second, strict=True):
        if one != other:
            yield ProfileChange(split="all", figure=figure, before=one, now=other)
    for split, old, new in _common_splits(before, now):
        for figure, was, is_now, least in (
            ("images", old.images, new.images, 1),
            ("pixel mean", old.pixel_mean, new.pixel_mean, _MIN_LEVELS),
            ("pixel standard deviation", old.pixel_std, new.pixel_std, _MIN_LEVELS),
        ):
            if abs(was - is_now) >= least:
                yield ProfileChange(split=split, figure=figure, before=was, now=is_now)
        yield from _class_changes(split, _shares(before, old), _shares(now, new))


def _class_changes(
    split: str, before: Mapping[str, float], now: Mapping[str, float]
) -> Iterator[ProfileChange]:
    distances = {name: abs(before.get(name, 0.0) - now.get(name, 0.0)) for name in {*before, *now}}
    for name in sorted(distances, key=lambda name: (-distances[name], name))[:_MAX_CLASSES]:
        if distances[name] >= _MIN_SHARE:
            first, second = (round(of.get(name, 0.0), 6) for of in (before, now))
            yield ProfileChange(split=split, figure=f"{_SHARE_OF}{name}", before=first, now=second)


def _common_splits(
    before: DatasetFiles, now: DatasetFiles
) -> Iterator[tuple[str, SplitProfile, SplitProfile]]:
    profiles = [files.inspection.profiles for files in (before, now) if files.inspection]
    for split in profiles[-1]:
        if split in profiles[0]:
            yield split, profiles[0][split], profiles[-1][split]


def _shares(files: DatasetFiles, profile: SplitProfile) -> dict[str, float]:
    counts = zip(files.class_names, profile.per_class, strict=True)
    return {name: count / profile.images for name, count in counts}
