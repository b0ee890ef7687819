"""Find which features of a TFRecord example are its image, its label and its size."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sightline.config import DataConfig
from sightline.data.labelling.label_columns import LABEL_COLUMNS
from sightline.data.readers.tfrecord.tfrecord_example import Feature, Value, parse
from sightline.data.readers.tfrecord.tfrecord_frames import read_records
from sightline.errors import DataError
from sightline.storage.text import quoted

_IMAGES = ("image/encoded", "image", "image_raw", "image/raw", "encoded", "jpeg", "png", "img")
_LABELS = (*LABEL_COLUMNS, "image/class/label", "image/label", "image/class/text")
_SIZES = (
    ("height", "image/height", "rows"),
    ("width", "image/width", "cols"),
    ("depth", "channels", "image/channels", "image/depth"),
)
_TEXTS = {"image/class/label": "image/class/text"}  # A number, and the name of its class
_DEFAULT = DataConfig()


class Keys(NamedTuple):
    """Names of features."""

    image: str
    label: str
    text: str | None  # The name of the class beside its number
    sizes: tuple[str | None, ...]  # Height, width and depth of raw pixels


def find_keys(paths: Sequence[Path], settings: DataConfig) -> Keys:
    """Choose the features by the first example; raise DataError if image or label is missing."""
    for path in paths:
        for record in read_records(path):
            return _choose(parse_record(record, name_record(path, 0)), path, settings)
    raise DataError(f"{paths[0]} has no records; expected tf.train.Example with an image.")


def name_record(path: Path, number: int) -> str:
    """Return the name of a record for errors."""
    return f"{path}, record {number} (counted from 0)"


def parse_record(record: bytes, name: str) -> dict[str, Feature]:
    """Parse an example; raise DataError, naming the record, if it is none."""
    try:
        return parse(record)
    except ValueError as error:
        raise DataError(
            f"{name} is no tf.train.Example ({quoted(error)}); write its records as such."
        ) from None


def first_values(feature: Feature, name: str) -> list[Value]:
    """Return up to two values of a feature; raise DataError, naming the record, for damage."""
    try:
        return feature.first(2)
    except ValueError as error:
        raise DataError(f"{name} is no tf.train.Example ({quoted(error)}).") from None


def _choose(features: Mapping[str, Feature], path: Path, settings: DataConfig) -> Keys:
    chosen = []
    for column, usual in (("image_column", _IMAGES), ("label_column", _LABELS)):
        wanted = getattr(settings, column)
        names = usual if wanted == getattr(_DEFAULT, column) else (wanted,)
        found = next((name for name in names if features.get(name)), None)
        if found is None:
            listed = ", ".join(f"{name} ({one.kind or 'empty'})" for name, one in features.items())
            raise DataError(
                f"{path} has no feature {quoted(', '.join(names))}; its features are "
                f"{quoted(listed) or 'none'}: set data.{column}."
            )
        chosen.append(found)
    image, label = chosen
    if features[image].kind not in {"bytes", ""}:
        raise DataError(
            f"{path}: the feature {image!r} has values of the type {features[image].kind}; "
            "expected bytes, an encoded image or 8-bit pixels: set data.image_column."
        )
    text = _TEXTS.get(label)
    sizes = (next((name for name in names if name in features), None) for names in _SIZES)
    return Keys(image, label, text if text in features else None, tuple(sizes))
