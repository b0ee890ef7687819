"""How far the images of a data set moved since an earlier run, from the two profiles."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sightline.records import DatasetFiles, ProfileChange, SplitProfile

_DEVIATIONS = 2
_NOTICEABLE_LEVELS = 1.0
"""Pixel values, of 0 to 255."""

_NOTICEABLE_SHARE = 0.01
_SHARE_OF = "share of class "
_MOST_CLASSES = 20
"""How many classes whose share moved are listed."""


class Drift(NamedTuple):
    """The distribution that moved most.

    Attributes:
        value: Its population stability index beyond chance.
        subject: Which it is, such as "the brightness of the test images".
    """

    value: float
    subject: str


def largest(before: DatasetFiles, now: DatasetFiles) -> Drift:
    """Compare classes, pixels and brightness of the splits that both have.

    Args:
        before: The data set as an earlier run read it; inspected.
        now: The data set as it is; inspected.

    Returns:
        What moved most.
    """
    return max(_drifts(before, now), key=lambda drift: drift.value)


def stability_index(
    before: Sequence[float], now: Sequence[float], images_before: int, images_now: int
) -> float:
    """Compute the population stability index of two distributions, less what chance alone makes.

    Half an image is added to each bin, so that an empty one weighs as much as it should. Where
    nothing changed, the index of two samples is chi-square times (1/n + 1/m) (B. Yurdakul,
    "Statistical properties of population stability index", 2018): its mean and two standard
    deviations are taken off.

    Args:
        before: Share of the images in each of at least two bins.
        now: The same for the other sample.
        images_before: Number of images n, at least 1.
        images_now: Number of images m, at least 1.

    Returns:
        0 or more; 0.1 is a little, 0.25 is much.
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


def moves(before: DatasetFiles, now: DatasetFiles) -> tuple[ProfileChange, ...]:
    """List the figures that moved noticeably: shape, counts, pixel values, shares of classes.

    Args:
        before: The data set as an earlier run read it; inspected.
        now: The data set as it is; inspected.
    """
    return (*_moves_of_shape(before, now), *_moves_of_splits(before, now))


def in_words(move: ProfileChange) -> tuple[str, str]:
    """Write both figures of a move for people."""
    before, now = (
        f"{100 * value:.2f}%"
        if move.figure.startswith(_SHARE_OF)
        else f"{value:,.2f}".removesuffix(".00")
        for value in (move.before, move.now)
    )
    return before, now


def _drifts(before: DatasetFiles, now: DatasetFiles) -> Iterator[Drift]:
    for split, one, other in _common(before, now):
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


def _moves_of_shape(before: DatasetFiles, now: DatasetFiles) -> Iterator[ProfileChange]:
    figures = ("height", "width", "channels", "classes")
    first = (*before.image_shape, len(before.class_names))
    second = (*now.image_shape, len(now.class_names))
    for figure, one, other in zip(figures, first, second, strict=True):
        if one != other:
            yield ProfileChange(split="all", figure=figure, before=one, now=other)


def _moves_of_splits(before: DatasetFiles, now: DatasetFiles) -> Iterator[ProfileChange]:
    for split, one, other in _common(before, now):
        if one.images != other.images:
            yield ProfileChange(split=split, figure="images", before=one.images, now=other.images)
        for figure, first, second in (
            ("pixel mean", one.pixel_mean, other.pixel_mean),
            ("pixel standard deviation", one.pixel_std, other.pixel_std),
        ):
            if abs(first - second) >= _NOTICEABLE_LEVELS:
                yield ProfileChange(split=split, figure=figure, before=first, now=second)
        yield from _moves_of_classes(split, _shares(before, one), _shares(now, other))


def _moves_of_classes(
    split: str, before: Mapping[str, float], now: Mapping[str, float]
) -> Iterator[ProfileChange]:
    names = {*before, *now}
    distances = {name: abs(before.get(name, 0.0) - now.get(name, 0.0)) for name in names}
    for name in sorted(names, key=lambda name: (-distances[name], name))[:_MOST_CLASSES]:
        if distances[name] >= _NOTICEABLE_SHARE:
            figure = f"{_SHARE_OF}{name}"
            first, second = (round(of.get(name, 0.0), 6) for of in (before, now))
            yield ProfileChange(split=split, figure=figure, before=first, now=second)


def _common(
    before: DatasetFiles, now: DatasetFiles
) -> Iterator[tuple[str, SplitProfile, SplitProfile]]:
    profiles = [files.inspection.profiles for files in (before, now) if files.inspection]
    for split in profiles[-1]:
        if split in profiles[0]:
            yield split, profiles[0][split], profiles[-1][split]


def _shares(files: DatasetFiles, profile: SplitProfile) -> dict[str, float]:
    counts = zip(files.class_names, profile.per_class, strict=True)
    return {name: count / profile.images for name, count in counts}
