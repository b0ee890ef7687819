"""Compare the number of records with what TensorFlow Datasets states in dataset_info.json."""

import json
from collections.abc import Sequence

from sightline.data.labelling.record_labels import RecordLabels
from sightline.data.layout import Layout
from sightline.data.split_names import split_of

FILE = "dataset_info.json"
_MAX_BYTES = 8 << 20


def describe_counts(layout: Layout, parts: Sequence[RecordLabels]) -> tuple[str, ...]:
    """Return a note on each split that has another number of records than stated."""
    stated = _stated(layout)
    notes = []
    for part in parts:
        found, expected = sum(part.counts), stated.get(part.split)
        if expected is not None and found != expected:
            notes.append(
                f"{FILE} states {expected:,} records in the {part.split} split, but its files have "
                f"{found:,}; get a fresh copy if this is not intended."
            )
    return tuple(notes)


def _stated(layout: Layout) -> dict[str, int]:
    """Return the stated number of records of each split; none if the file is missing or damaged."""
    path = next((path for path in layout.names if path.name == FILE), None)
    if path is None or path.stat().st_size > _MAX_BYTES:
        return {}
    try:
        splits = json.loads(path.read_bytes())["splits"]
        counts = {one["name"]: sum(map(int, one["shardLengths"])) for one in splits}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {split_of(name) or "": count for name, count in counts.items()}
