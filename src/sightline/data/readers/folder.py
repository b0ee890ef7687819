"""Read folders of images."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.decoding import images
from sightline.data.decoding.form import choose_form
from sightline.data.decoding.images import EncodedImage
from sightline.data.decoding.survey import Surveyed, survey
from sightline.data.decoding.unreadable import Readable, find_readable
from sightline.data.labelling import csv_labels, image_labels, labels, unlabelled
from sightline.data.labelling.class_names import MAX_CLASSES
from sightline.data.labelling.image_labels import SplitLabels
from sightline.data.layout import Layout
from sightline.data.readers.base import RawDataset, RawSplit, check_count
from sightline.data.remote.headers import surveyed
from sightline.data.remote.remote_path import HEADER, WHOLE, RemotePath, read_ahead
from sightline.data.sharding.partition import cut
from sightline.errors import DataError

_PART = 1000  # Remote files whose headers are kept together, about


def read(layout: Layout, settings: DataConfig) -> RawDataset:
    """Read the images of all splits; see `image_labels.find_labels` for their labels.

    `settings` can set size and channels. Raises DataError if an image cannot be read or has no
    label, or the splits have different classes.
    """
    given, label_notes = image_labels.find_labels(layout, settings)
    given, files, readable = _leave_out_unreadable(layout, given, settings)
    stated = [_encode(str(layout.roots[split]), one) for split, one in given.items()]
    if any(layout.tables.values()) and not settings.label_pattern:
        stated = csv_labels.as_integers(stated)
    found = unlabelled.leave_out(dict(zip(given, stated, strict=True)))
    class_names, numbers = labels.encode([*found.values()])
    paths = [path for split in found for path in files[split]]
    form, notes = choose_form(_surveyed(paths), len(paths), settings, layout)

    def split(name: str, split_labels: NDArray[np.int64]) -> RawSplit:
        own = files.get(name, layout.files[name])
        return RawSplit(
            name,
            split_labels,
            place=f"folder {layout.relative(layout.roots[name])}",
            images=lambda: images.decode(encoded(own), form),
            source=lambda row: layout.relative(own[row]),
            encoded=lambda: encoded(own),
            places=own,
        )

    splits = tuple(map(split, found, numbers))
    size = sum(path.stat().st_size for path in paths) if form.encoded else None
    renamed = labels.describe_normalized(found.values())
    notes = (*layout.notes, *label_notes, *renamed, *readable.notes, *notes)
    return RawDataset(
        *(class_names, form.shape, splits, image_labels.describe(layout, settings)),
        *(notes, form.resize, size, form.white),
        left_out=layout.left_out,
        unreadable=len(readable.skipped),
        unlabelled=tuple(
            split(name, unlabelled.no_labels(len(files.get(name, own))))
            for name, own in layout.files.items()
            if own and name not in found
        ),
    )


def _leave_out_unreadable(
    layout: Layout, given: SplitLabels, settings: DataConfig
) -> tuple[SplitLabels, dict[str, list[Path]], Readable]:
    """Return the labels and the files of each split, if wanted only of images that can be read."""
    everything = encoded([path for split in given for path in layout.files[split]])
    sizes = [len(one) for one in given.values()]
    readable = find_readable(everything, sizes, layout, skip=settings.unreadable == "skip")
    kept = dict(zip(given, readable.masks, strict=True))
    files = {split: [*compress(layout.files[split], mask)] for split, mask in kept.items()}
    return {name: [*compress(one, kept[name])] for name, one in given.items()}, files, readable


def encoded(paths: Iterable[Path], size: int = WHOLE) -> Iterator[EncodedImage]:
    """Yield images; of remote ones, the first bytes, up to `size`, are read ahead."""
    return (EncodedImage(str(path), path) for path in read_ahead(paths, size))


def _surveyed(paths: Sequence[Path]) -> Iterator[Surveyed]:
    """Survey the images; remote ones in parts, so that a changed file has only its own read."""
    remote = [path for path in paths if isinstance(path, RemotePath)]
    if not remote:
        yield from survey(encoded(paths, HEADER))
    for part in cut(((path, path.version) for path in remote), _PART):
        files = [path for path, _ in part]
        yield from surveyed(files, map(str, files), partial(encoded, files, HEADER))


def _encode(subject: str, given: Sequence[str]) -> labels.FoundLabels:
    check_count(subject, len(given))
    codes: dict[str, int] = {}
    rows = [codes.setdefault(label, len(codes)) for label in given]
    if len(codes) > MAX_CLASSES:
        raise DataError(
            f"{subject}: expected at most {MAX_CLASSES:,} classes, found {len(codes):,}."
        )
    return labels.FoundLabels(subject, tuple(codes), np.asarray(rows, dtype=np.int16))
