"""What is known of a data set before its images are decoded, and what was decided."""

import json
import math
import time

from sightline.config import DataConfig
from sightline.data.layout import UNSPLIT, Detail
from sightline.data.readers.base import WHITES, Form, RawDataset
from sightline.data.splits import Split, roles
from sightline.records import DatasetFacts
from sightline.records.unlabelled import PREDICTIONS

_PER_IMAGE = 2e-5  # Seconds to inspect, digest and write an image, whatever its size
_PER_BYTE = 5e-9  # Seconds for each byte of the pixels


def describe(
    dataset: str,
    source: str,
    raw: RawDataset,
    splits: list[Split],
    form: Form,
    settings: DataConfig,
) -> DatasetFacts:
    """Describe a data set that was opened, and what was decided.

    `source` describes its origin; `splits` and `form` are those of the images to be stored.
    """
    count = sum(split.count for split in splits)
    notes = (*raw.notes, *_notes(raw, splits, form))
    names = roles([split.name for split in raw.splits])
    return DatasetFacts(
        dataset=dataset,
        source=source,
        format=raw.origin.format,
        label_source=raw.origin.labels,
        places={names[one.name]: one.place for one in raw.splits if one.name != UNSPLIT},
        class_names=raw.class_names,
        image_shape=form.shape,
        resize=form.resize,
        white=raw.white,
        stored_bytes=raw.encoded_bytes or count * math.prod(form.shape),
        counts={split.name: split.counts(len(raw.class_names)) for split in splits},
        notes=notes,
        decisions=tuple(note for note in notes if not isinstance(note, Detail)),
        chosen=_list_chosen(raw, form, settings),
        left_out=dict(raw.left_out),
        unreadable=raw.unreadable,
        unlabelled={split.name: len(split.labels) for split in raw.unlabelled},
    )


def estimate_seconds(raw: RawDataset) -> float:
    """Estimate how long ingest will take, from the time that the first images take."""
    split = raw.splits[0]
    started = time.monotonic()
    images = len(next(split.images()))
    measured = (time.monotonic() - started) / images
    total = sum(len(one.labels) for one in raw.splits)
    return total * (measured + _PER_IMAGE + _PER_BYTE * math.prod(raw.image_shape))


def _notes(raw: RawDataset, splits: list[Split], form: Form) -> list[str]:
    notes = [
        f"Without labels: {len(split.labels):,} image(s) of the {split.name} split; a training "
        f"writes what its model predicts for them to {PREDICTIONS}."
        for split in raw.unlabelled
    ]
    shape = form.shape
    if raw.image_shape[:2] != shape[:2]:
        before, after = (f"{height}x{width}" for height, width, _ in (raw.image_shape, shape))
        text = f"All images were resized from {before} to {after} pixels."
        notes.append(Detail(text) if form.resize == "stretch" else text)
    if raw.image_shape[2] != shape[2]:
        text = f"All images were converted to {'grey' if shape[2] == 1 else 'RGB'}."
        notes.append(Detail(text) if shape[2] > 1 else text)
    if raw.splits[0].name == UNSPLIT:
        notes.append(
            Detail(
                f"{splits[-1].count:,} examples, the same share of each class, were set aside for "
                "testing."
            )
        )
    elif all(split.name != "test" for split in raw.splits):
        notes.append("The validation split of the data set is the test split, since it has none.")
    return notes


def _list_chosen(raw: RawDataset, form: Form, settings: DataConfig) -> tuple[str, ...]:
    """List the settings that were left open, with their values, as `--set` takes them."""
    height, width, channels = form.shape
    is_resized = raw.resize is not None or raw.image_shape[:2] != form.shape[:2]
    values = {
        "label_column": raw.origin.label_column,
        "image_column": raw.origin.image_column,
        "image_size": [height, width] if settings.image_size is None else None,
        "channels": channels if settings.channels is None else None,
        "resize": form.resize if settings.resize == "auto" and is_resized else None,
        "white": raw.white if settings.white == "auto" and raw.white < WHITES[-1] else None,
        "store": "encoded" if settings.store == "auto" and raw.encoded_bytes else None,
        "test_fraction": settings.test_fraction if raw.splits[0].name == UNSPLIT else None,
    }
    return tuple(f"data.{key}={_toml(value)}" for key, value in values.items() if value is not None)


def _toml(value: object) -> str:
    if isinstance(value, str) and value.isdecimal():
        return value  # a number of a column, which the config takes as text
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
