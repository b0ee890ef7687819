"""Read WebDataset tar files: samples whose members share a name, such as 01.jpg and 01.cls."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sightline.config import DataConfig
from sightline.data.decoding import image_kinds
from sightline.data.decoding.encoded_splits import open_encoded
from sightline.data.decoding.images import EncodedImage
from sightline.data.labelling import csv_labels, name_file
from sightline.data.labelling.label_columns import DEFAULT
from sightline.data.labelling.labels import FoundLabels
from sightline.data.labelling.record_labels import RecordLabels, collect_labels, to_splits
from sightline.data.layout import Layout
from sightline.data.readers.base import Origin, RawDataset
from sightline.data.readers.webdataset.webdataset_samples import Tally, read_samples
from sightline.errors import DataError

_EXPECTED = (
    "a member of the same name that ends in .cls, .json or .txt right before or after it, or set "
    "data.label_column; if its folder is its class, unpack the tar file and give the folder."
)


def read(layout: Layout, settings: DataConfig) -> RawDataset:
    """Read tar files, plain or gzip, in three passes: labels, headers, images.

    The label is the text of the member .cls, the value of `label` or another column of labels in
    .json, or the text of .txt; `settings.label_column` is another ending or key. Integers are
    positions in the names of a file such as classnames.txt beside the tar files, if there is one.
    Raises DataError if a file is damaged, an image cannot be read, or only some have a label.
    """
    tally = Tally()

    def labels_of(path: Path) -> Iterator[tuple[str, str | None]]:
        return ((one.image.name, one.label) for one in read_samples(path, settings, tally))

    parts = collect_labels(layout, labels_of, _EXPECTED)
    _check_captions(parts, tally)
    found = csv_labels.as_integers([_as_found(part) for part in parts])
    names, found, name_notes = name_file.apply(layout, found)
    kinds = dict(tally.left_out.most_common())
    layout = replace(
        layout,
        notes=(*layout.notes, *name_notes, *image_kinds.describe_left_out(kinds)),
        left_out=kinds,
    )
    splits = to_splits(layout, parts, found, lambda paths: _images(paths, settings))
    return open_encoded(layout, settings, splits, _origin(layout, settings), names)


def _origin(layout: Layout, settings: DataConfig) -> Origin:
    place = "members .cls, .json or .txt"
    if settings.label_column != DEFAULT:
        place = f"members .{settings.label_column}, or this key of .json"
    return Origin("WebDataset", f"{place}{name_file.describe(layout)}")


def _images(paths: Sequence[Path], settings: DataConfig) -> Iterator[EncodedImage]:
    for path in paths:
        for sample in read_samples(path, settings, Tally()):
            yield sample.image


def _as_found(part: RecordLabels) -> FoundLabels:
    return FoundLabels(part.subject, tuple(map(str, part.values)), part.codes)


def _check_captions(parts: list[RecordLabels], tally: Tally) -> None:
    """Refuse texts that hardly repeat: they describe the images instead of classifying them."""
    first = parts[0]
    if tally.captions and 2 * len(first.values) > len(first.codes):
        raise DataError(
            f"{first.subject}: the .txt members have {len(first.values):,} different texts for "
            f"{len(first.codes):,} images, which look like captions; expected labels that repeat, "
            "in a .cls or .json member."
        )
