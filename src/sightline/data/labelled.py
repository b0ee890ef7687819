"""Labelled images as one test split in the form of a model that exists already."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Literal

import numpy as np

from sightline.config import DataConfig
from sightline.data.ingest import Opened, prepare, store
from sightline.data.locate import unchanged
from sightline.data.readers import dispatch
from sightline.data.readers.base import WHITES, RawDataset, RawSplit
from sightline.data.splits import Split, roles
from sightline.errors import DataError
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import Stage
from sightline.records import DatasetFiles, ModelMetadata, Run, Source
from sightline.storage.text import quoted

WantedSplit = Literal["all", "train", "validation", "test"]

_MOST_NAMES = 10


def ingest_labelled(
    run: Run, source: Source, settings: DataConfig, split: WantedSplit, model: ModelMetadata
) -> DatasetFiles:
    """Store the images of a data set, or of one of its splits, as the split "test" for a model.

    Sizes, channels and the numbers of the classes are those of the model. Memory is bounded as in
    `ingest`. Raises DataError if the data set has no such split or a class that the model does not
    know, and errors as `ingest`.
    """

    def make(draft: Draft) -> DatasetFiles:
        with unchanged(source):
            return store(draft, _open(run, source, settings, split, model))

    key = INGEST_LABELLED.key(source, settings, split, model)
    return find_or_make(run, INGEST_LABELLED, key, make)


INGEST_LABELLED = Stage(
    ingest_labelled,
    ("numpy", "pillow", "pyarrow", "simplejpeg"),
    optional={"pi-heif": lambda source, *_: source.heic},
)


def _open(
    run: Run, source: Source, settings: DataConfig, split: WantedSplit, model: ModelMetadata
) -> Opened:
    height, width, channels = model.image_shape
    form = {"image_size": (height, width), "channels": channels, "resize": model.resize}
    settings = settings.model_copy(update=form)
    raw, origin = dispatch.open_source(run, source, settings)
    if settings.white == "auto" and _differs_in_white(raw, model):
        settings = settings.model_copy(update={"white": model.white})
        raw, origin = dispatch.open_source(run, source, settings)
    chosen = _join(_choose(raw, split, origin))
    raw = replace(_with_classes(raw, chosen, model.class_names, origin), unlabelled=())
    everything = np.ones(len(chosen.labels), bool)
    tested = Split("test", raw.splits[0], everything)
    return prepare(run, source, settings, raw, origin, [tested])


def _differs_in_white(raw: RawDataset, model: ModelMetadata) -> bool:
    """Return whether 16 bits were scaled differently; a given scale changes arrays of 8 bits."""
    is_deep = raw.white < WHITES[-1] or raw.splits[0].encoded is not None
    return raw.white != model.white and is_deep


def _choose(raw: RawDataset, split: WantedSplit, origin: str) -> list[RawSplit]:
    """Return the splits of the wanted name; raise DataError if there are none."""
    names = roles([one.name for one in raw.splits])
    found = [one for one in raw.splits if split in {"all", names[one.name]}]
    if not found:
        known = ", ".join(names.values()) if len(names) > 1 else "none"
        raise DataError(
            f"{origin} has no {split} split with labels (its splits: {known}); leave --split out "
            "to evaluate all images."
        )
    return found


def _join(splits: Sequence[RawSplit]) -> RawSplit:
    """Return several splits as one, in their order."""
    starts = np.cumsum([0, *(len(one.labels) for one in splits)])

    def source(row: int) -> str:
        number = int(np.searchsorted(starts, row, side="right")) - 1
        return splits[number].source(row - int(starts[number]))

    return replace(
        splits[0],
        name="test",
        labels=np.concatenate([one.labels for one in splits]),
        place=", ".join(one.place for one in splits),
        images=lambda: chain.from_iterable(one.images() for one in splits),
        source=source,
        metadata=(
            (lambda: chain.from_iterable(one.metadata() for one in splits if one.metadata))
            if splits[0].metadata
            else None
        ),
        encoded=(
            (lambda: chain.from_iterable(one.encoded() for one in splits if one.encoded))
            if splits[0].encoded
            else None
        ),
    )


def _with_classes(
    raw: RawDataset, chosen: RawSplit, known: Sequence[str], origin: str
) -> RawDataset:
    """Number the classes as the model does; raise DataError if it lacks one that has images."""
    used = np.unique(chosen.labels)
    unknown = [raw.class_names[number] for number in used if raw.class_names[number] not in known]
    if unknown:
        raise DataError(
            f"{origin} has {_listed('class', unknown)} that the model does not know; it knows "
            f"{_listed('class', known)}. Rename them, leave their images out, or choose the model "
            "with --model."
        )
    numbers = {name: number for number, name in enumerate(known)}
    renumbered = np.array([numbers.get(name, -1) for name in raw.class_names], np.int64)
    split = replace(chosen, labels=renumbered[chosen.labels])
    return replace(raw, class_names=tuple(known), splits=(split,))


def _listed(noun: str, names: Sequence[str]) -> str:
    shown = ", ".join(repr(quoted(name)) for name in names[:_MOST_NAMES])
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return f"the {noun if len(names) == 1 else f'{noun}es'} {shown}{more}"
