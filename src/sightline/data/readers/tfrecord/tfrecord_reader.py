"""Read TFRecord files of `tf.train.Example`, as TensorFlow's examples and data sets write them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.decoding.encoded_splits import (
    EncodedSplit,
    describe_files,
    open_encoded,
)
from sightline.data.decoding.images import EncodedImage
from sightline.data.labelling import labels, name_file, unlabelled
from sightline.data.labelling.record_labels import collect_labels, to_splits
from sightline.data.layout import Layout
from sightline.data.readers.base import Origin, RawDataset, RawSplit, Shape, raw_blocks
from sightline.data.readers.pixel_layout import find_row_layout
from sightline.data.readers.tfrecord import tfrecord_info
from sightline.data.readers.tfrecord.tfrecord_example import EMPTY, Feature
from sightline.data.readers.tfrecord.tfrecord_frames import read_records
from sightline.data.readers.tfrecord.tfrecord_keys import (
    Keys,
    find_keys,
    first_values,
    name_record,
    parse_record,
)
from sightline.data.readers.tfrecord.tfrecord_labels import Label, apply_texts, read_label
from sightline.data.readers.tfrecord.tfrecord_pixels import PixelSurvey, read_pixels
from sightline.errors import DataError


def read(layout: Layout, settings: DataConfig) -> RawDataset:
    """Read TFRecord files, plain or gzip, in three passes: labels, headers, images.

    Image and label are the features that `settings` names, by default the usual ones (`image`,
    `image/encoded`, `label`, `image/class/label`). Images are encoded, or 8-bit pixels beside their
    height, width and depth. Class names are in `image/class/text`, or in a file beside the records,
    such as label.labels.txt. Raises DataError, naming file and record, for wrong checksums, records
    that are no examples, and images or labels that cannot be read.
    """
    keys = find_keys([path for paths in layout.files.values() for path in paths], settings)
    survey = PixelSurvey(keys, settings)

    def labels_of(path: Path) -> Iterator[tuple[str, Label | None]]:
        for record in _records(path, keys, survey):
            yield record.image.name, record.label

    expected = f"a value of the feature {keys.label!r}: add it, or set data.label_column."
    parts = collect_labels(layout, labels_of, expected)
    layout = replace(layout, notes=(*layout.notes, *tfrecord_info.describe_counts(layout, parts)))
    found, names = apply_texts(parts)
    origin = _origin(layout, keys, names, settings)
    if names is None:
        names, found, notes = name_file.apply(layout, found, keys.label)
        layout = replace(layout, notes=(*layout.notes, *notes))
    splits = to_splits(layout, parts, found, lambda paths: _images(paths, keys))
    if shape := survey.shape():
        return _open_pixels(layout, splits, shape, origin, names)
    return open_encoded(layout, settings, splits, origin, names)


class _Record(NamedTuple):
    """The image and the label of an example."""

    image: EncodedImage
    label: Label | None


def _records(path: Path, keys: Keys, survey: PixelSurvey | None = None) -> Iterator[_Record]:
    for number, record in enumerate(read_records(path)):
        name = name_record(path, number)
        features = parse_record(record, name)
        image = _image(features.get(keys.image, EMPTY), name, keys)
        if survey and isinstance(image.data, bytes):
            survey.add(name, features, image.data)
        yield _Record(image, read_label(features, keys, name) if survey else None)


def _image(feature: Feature, name: str, keys: Keys) -> EncodedImage:
    """Take the image from its feature, or the error that there is none."""
    values = first_values(feature, name)
    if len(values) == 1 and isinstance(values[0], bytes) and values[0]:
        return EncodedImage(name, values[0])
    found = f"{len(values)} or more values" if len(values) > 1 else "none"
    problem = f"{name}: expected one image in the feature {keys.image!r}, found {found}; fix it."
    return EncodedImage(name, DataError(problem))


def _images(paths: Sequence[Path], keys: Keys) -> Iterator[EncodedImage]:
    return (record.image for path in paths for record in _records(path, keys))


def _origin(
    layout: Layout, keys: Keys, names: Sequence[str] | None, settings: DataConfig
) -> Origin:
    stated = f", with the class names of {keys.text}" if names else ""
    stated = stated or name_file.describe(layout, keys.label)
    label = keys.label if keys.label != settings.label_column else None
    image = keys.image if keys.image != settings.image_column else None
    return Origin("TFRecord", f"feature {keys.label}{stated}", label, image)


def _open_pixels(
    layout: Layout,
    given: Sequence[EncodedSplit],
    shape: Shape,
    origin: Origin,
    names: Sequence[str] | None,
) -> RawDataset:
    """Return images that are raw pixels, as those of IDX and NPZ files are."""
    found = unlabelled.leave_out({split.name: split.labels for split in given})
    class_names, numbers = labels.encode([*found.values()], names)
    order = find_row_layout(read_pixels(given[0].images(), shape), shape)

    def raw_split(split: EncodedSplit, split_labels: NDArray[np.int64]) -> RawSplit:
        return RawSplit(
            split.name,
            split_labels,
            place=describe_files(layout, split.paths),
            images=lambda: raw_blocks(order.arrange(read_pixels(split.images(), shape))),
            source=split.source,
        )

    kept = (split for split in given if split.name in found)
    return RawDataset(
        class_names,
        shape,
        tuple(map(raw_split, kept, numbers)),
        origin,
        (*layout.notes, *labels.describe_normalized(found.values()), *order.notes),
        unlabelled=tuple(
            raw_split(split, unlabelled.no_labels(len(split.labels.codes)))
            for split in given
            if split.name not in found
        ),
    )
