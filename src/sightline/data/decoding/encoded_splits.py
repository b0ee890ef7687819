"""Open splits of encoded images: choose their form, leave out those that cannot be read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.decoding import images
from sightline.data.decoding.form import choose_form
from sightline.data.decoding.images import EncodedImage
from sightline.data.decoding.survey import Surveyed, survey
from sightline.data.decoding.unreadable import Mask, Readable, find_readable
from sightline.data.labelling import labels, unlabelled
from sightline.data.labelling.labels import FoundLabels
from sightline.data.layout import Layout
from sightline.data.readers.base import (
    Form,
    Metadata,
    Origin,
    RawDataset,
    RawSplit,
    RowGroup,
    check_count,
)


@dataclass(frozen=True)
class EncodedSplit:
    """The images of a split as its files hold them, and their labels."""

    name: str
    labels: FoundLabels
    images: Callable[[], Iterator[EncodedImage]]  # Starts a stream, in the order of the labels
    source: Callable[[int], str]  # Returns where an image, counted from 0, comes from
    paths: Sequence[Path]  # The files
    # Starts a stream of the metadata of those images where a bool array of shape (n,) is true
    metadata: Callable[[Mask], Metadata] | None = None
    groups: Sequence[RowGroup] = ()  # The row groups of all images, if its files have some
    # Starts a stream of what is known of all images, if that need not read them
    surveyed: Callable[[], Iterator[Surveyed]] | None = None


def open_encoded(
    layout: Layout,
    settings: DataConfig,
    given: Sequence[EncodedSplit],
    origin: Origin,
    names: Sequence[str] | None = None,
) -> RawDataset:
    """Choose the form of all images and encode their labels; `names` are the stated class names.

    With `data.unreadable = "skip"`, images of splits with labels that cannot be read are left out.
    Raises DataError if an image cannot be read otherwise, or the splits have different
    classes.
    """
    found = unlabelled.leave_out({split.name: split.labels for split in given})
    splits = [split for split in given if split.name in found]
    class_names, numbers = labels.encode([*found.values()], names)
    readable = _find_readable(layout, settings, splits)
    everything = chain.from_iterable(map(_surveyed, splits, readable.masks))
    total = sum(int(mask.sum()) for mask in readable.masks)
    form, notes = choose_form(everything, total, settings, layout)
    renamed = labels.describe_normalized(found.values())
    paths = [path for split in splits for path in split.paths]
    return RawDataset(
        class_names,
        form.shape,
        tuple(
            _raw_split(layout, split, one, mask, form)
            for split, one, mask in zip(splits, numbers, readable.masks, strict=True)
        ),
        origin,
        (*layout.notes, *renamed, *readable.notes, *notes),
        form.resize,
        sum(path.stat().st_size for path in paths) if form.encoded else None,
        form.white,
        left_out=layout.left_out,
        unreadable=len(readable.skipped),
        unlabelled=tuple(
            _raw_split(layout, split, unlabelled.no_labels(count), np.ones(count, np.bool_), form)
            for split in given
            if split.name not in found and (count := len(split.labels.codes))
        ),
    )


def describe_files(layout: Layout, paths: Sequence[Path]) -> str:
    """Return the place of a split: its first file, and how many more it has."""
    more = f" and {len(paths) - 1:,} more" if len(paths) > 1 else ""
    return f"file {layout.relative(paths[0])}{more}"


def numbered_source(
    layout: Layout, paths: Sequence[Path], counts: Sequence[int]
) -> Callable[[int], str]:
    """Return a function that names the file of an image and its position in it, from 0.

    `counts` are the images of each file.
    """
    ends = np.cumsum(counts)

    def source(number: int) -> str:
        file = int(np.searchsorted(ends, number, side="right"))
        first = int(ends[file - 1]) if file else 0
        return f"{layout.relative(paths[file])}#{number - first}"

    return source


def _find_readable(
    layout: Layout, settings: DataConfig, splits: Sequence[EncodedSplit]
) -> Readable:
    readable = find_readable(
        chain.from_iterable(split.images() for split in splits),
        [len(split.labels.codes) for split in splits],
        layout,
        skip=settings.unreadable == "skip",
    )
    for split, mask in zip(splits, readable.masks, strict=True):
        check_count(f"{layout.path} ({split.name})", int(mask.sum()))
    return readable


def _surveyed(split: EncodedSplit, mask: Mask) -> Iterator[Surveyed]:
    """Survey the images that can be read."""
    return split.surveyed() if split.surveyed and mask.all() else survey(_kept(split, mask))


def _kept(split: EncodedSplit, mask: Mask) -> Iterator[EncodedImage]:
    return compress(split.images(), mask)


def _raw_split(
    layout: Layout, split: EncodedSplit, numbers: NDArray[np.int64], mask: Mask, form: Form
) -> RawSplit:
    rows = np.flatnonzero(mask)
    stream = split.metadata
    return RawSplit(
        split.name,
        numbers[mask],
        place=describe_files(layout, split.paths),
        images=lambda: images.decode(_kept(split, mask), form),
        source=lambda number: split.source(int(rows[number])),
        metadata=(lambda: stream(mask)) if stream else None,
        encoded=lambda: _kept(split, mask),
        places=[*_kept_groups(split, mask)],
    )


def _kept_groups(split: EncodedSplit, mask: Mask) -> Iterator[RowGroup]:
    start = 0
    for group in split.groups:
        kept = mask[start : start + len(group.rows)]
        start += len(group.rows)
        if kept.any():
            yield replace(group, rows=group.rows[kept])
