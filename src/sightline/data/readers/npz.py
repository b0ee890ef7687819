"""Reads `.npz` archives member by member as a stream; nothing is ever unpickled."""

import sys

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.layout import WHOLE, Layout
from sightline.data.readers import archive, content, labels
from sightline.data.readers.base import MAX_IMAGE_BYTES, Blocks, Examples, Reading, exact_pixels
from sightline.errors import DataError
from sightline.storage.text import quoted

_MAX_LABEL_BYTES = 4 << 10
_SURROGATES = range(0xD800, 0xE000)
_GREY_DIMENSIONS, _COLOUR_DIMENSIONS = 3, 4


def read(layout: Layout, settings: DataConfig) -> Reading:
    """Read `x_train, y_train, x_test, y_test`; without a test split the first two.

    Args:
        layout: The one file.
        settings: Not used.

    Returns:
        Images of shape (n, h, w), (n, h, w, 1) or (n, h, w, 3), grey or RGB.

    Raises:
        DataError: The archive is damaged or pickled, an array is missing or of a wrong shape
            or type, or a value is not a whole number from 0 to 255.
    """
    path = layout.files[WHOLE][0]
    content.check_head(path)
    names = archive.array_names(path)
    splits = ["train", "test"] if {"x_test", "y_test"} & names else ["train"]
    images, found = [], []
    for split in splits:
        images.append(_images(archive.find_member(path, f"x_{split}", names, MAX_IMAGE_BYTES)))
        member = archive.find_member(path, f"y_{split}", names, _MAX_LABEL_BYTES)
        found.append(_labels(member, images[-1]))
    shapes = {_image_shape(member) for member in images}
    if len(shapes) > 1:
        raise DataError(f"{path}: x_train and x_test differ in their image shape: {shapes}.")
    class_names, numbers = labels.encode(found)
    examples = tuple(
        _examples(member, split_labels, split if len(splits) > 1 else WHOLE)
        for member, split_labels, split in zip(images, numbers, splits, strict=True)
    )
    return Reading(class_names, shapes.pop(), examples, layout.notes)


def _examples(member: archive.Member, split_labels: NDArray[np.int64], split: str) -> Examples:
    shape = _image_shape(member)

    def blocks() -> Blocks:
        row = 0
        for block in archive.blocks(member):
            yield exact_pixels(block, member.subject, row).reshape(len(block), *shape)
            row += len(block)

    return Examples(split, split_labels, blocks, lambda row: f"{member.name}#{row}")


def _images(member: archive.Member) -> archive.Member:
    plain = len(member.shape) == _GREY_DIMENSIONS
    coloured = len(member.shape) == _COLOUR_DIMENSIONS and member.shape[-1] in (1, 3)
    if not (plain or coloured) or 0 in member.shape:
        raise DataError(
            f"{member.subject}: expected the shape (n, height, width), (n, height, width, 1) or "
            f"(n, height, width, 3), found {member.shape}."
        )
    if member.dtype.kind not in "iuf":
        raise DataError(
            f"{member.subject}: expected whole numbers from 0 to 255, found {quoted(member.dtype)}."
        )
    return member


def _image_shape(member: archive.Member) -> tuple[int, int, int]:
    channels = member.shape[3] if len(member.shape) == _COLOUR_DIMENSIONS else 1
    return member.shape[1], member.shape[2], channels


def _labels(member: archive.Member, images: archive.Member) -> labels.FoundLabels:
    if member.shape[0] != images.shape[0]:
        raise DataError(
            f"{member.path}: {images.name} holds {images.shape[0]:,} images, but {member.name} "
            f"{member.shape[0]:,} labels."
        )
    if member.shape[1:] not in {(), (1,)}:
        raise DataError(
            f"{member.subject}: expected one label an image, of shape (n,) or (n, 1), found "
            f"{member.shape}; one-hot labels become numbers by .argmax(axis=1)."
        )
    if member.dtype.kind not in "iuU":
        raise DataError(
            f"{member.subject}: expected integers or strings as labels, found "
            f"{quoted(member.dtype)}."
        )
    native = member.dtype.newbyteorder("=")
    collector = labels.LabelCollector(member.subject)
    row = 0
    for block in archive.blocks(member):
        values = block.reshape(-1).astype(native)
        if native.kind == "U":
            _check_text(values, member.subject, row)
        collector.add(pa.array(values))
        row += len(values)
    return collector.found()


def _check_text(words: NDArray[np.str_], subject: str, first_row: int) -> None:
    """Refuse code points that are no characters, of which NumPy makes no Python string."""
    points = words.view(np.uint32).reshape(len(words), -1)
    surrogate = (points >= _SURROGATES.start) & (points < _SURROGATES.stop)
    wrong = (surrogate | (points > sys.maxunicode)).any(axis=1)
    if wrong.any():
        raise DataError(
            f"{subject}, row {first_row + int(wrong.argmax())} (counted from 0): the label is no "
            "text; save the labels again."
        )
