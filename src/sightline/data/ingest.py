"""The ingest stage: convert any source to uint8 arrays and a label table."""

import hashlib
import math
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from sightline.config import DataConfig, Resize
from sightline.data import label_table
from sightline.data.readers import dispatch
from sightline.data.readers import images as raw_images
from sightline.data.readers.base import RawDataset, Shape
from sightline.data.splits import Split, divide
from sightline.data.validation.findings import ExampleIndex
from sightline.data.validation.inspect import ImageInspector
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.progress import Counter
from sightline.pipeline.stages import Stage
from sightline.records import ArrayFile, DatasetFiles, Run, Source
from sightline.storage.npy import ArrayWriter

_LABELS_FILE = "labels.parquet"


def ingest(run: Run, source: Source, settings: DataConfig) -> DatasetFiles:
    """Convert a source to uint8 images and a label table, or reuse the cached result.

    Peak memory does not grow with the images; per example, only the label and about 130 bytes
    of digests and findings are held in memory. Raises ConfigError for a metadata column named like
    a column of every label table, DataError for a damaged or malformed source, DownloadError if no
    mirror delivered a named data set, and StorageError if the disk has too little room.
    """
    key = INGEST.key(source, settings)
    return find_or_make(run, INGEST, key, lambda draft: _ingest(run, source, settings, draft))


INGEST = Stage(ingest, ("numpy", "pillow", "pyarrow"))


def _ingest(run: Run, source: Source, settings: DataConfig, draft: Draft) -> DatasetFiles:
    schema = label_table.table_schema(settings)
    raw, origin = dispatch.open_source(run, source, settings)
    shape = raw_images.target_shape(raw.image_shape, settings)
    splits = divide(raw, settings)
    examples = sum(split.count for split in splits)
    run.workspace.check_room(examples * math.prod(shape), "The images")
    table = draft.path(_LABELS_FILE)
    sizes = {split.name: split.count for split in splits}
    index = ExampleIndex(sizes, np.concatenate([split.labels for split in splits]), table)
    paths = {split.name: draft.path(f"images_{split.name}.npy") for split in splits}
    inspector = ImageInspector(index, paths)
    images, contents = _write_images(draft, raw, splits, shape, settings.resize, inspector)
    content = np.concatenate(list(contents.values()))
    label_table.write_table(table, schema, splits, raw.class_names, content, inspector.digests)
    counts = {split.name: split.counts(len(raw.class_names)) for split in splits}
    return DatasetFiles(
        dataset=source.dataset,
        source=origin,
        class_names=raw.class_names,
        image_shape=shape,
        resize=settings.resize,
        images=images,
        labels=draft.record(_LABELS_FILE),
        label_digests={
            split.name: hashlib.sha256(split.labels.astype("<i2").tobytes()).hexdigest()
            for split in splits
        },
        content_digests={
            name: hashlib.sha256(found.tobytes()).hexdigest() for name, found in contents.items()
        },
        counts=counts,
        notes=(*raw.notes, *_notes(raw, splits, shape)),
        inspection=inspector.summarize(draft, counts),
    )


def _write_images(
    draft: Draft,
    raw: RawDataset,
    splits: list[Split],
    shape: Shape,
    resize: Resize,
    inspector: ImageInspector,
) -> tuple[dict[str, ArrayFile], dict[str, NDArray[np.bytes_]]]:
    """Read every example once; write it to its split's file and inspect it on the way.

    Returns, for each split, its file and the digests of its images in the source.
    """
    contents: dict[str, list[NDArray[np.bytes_]]] = {split.name: [] for split in splits}
    counter = Counter("images", sum(len(split.labels) for split in raw.splits))
    with ExitStack() as stack:
        writers = {
            split.name: stack.enter_context(
                ArrayWriter(draft.path(f"images_{split.name}.npy"), (split.count, *shape), "uint8")
            )
            for split in splits
        }
        for source in raw.splits:
            start = 0
            for block in label_table.check_length(source.images(), source, "images"):
                for split in splits:
                    if split.raw is source:
                        chosen = block.select(split.selected[start : start + len(block)])
                        images = raw_images.conform(chosen.images, shape, resize)
                        writers[split.name].append(images)
                        inspector.add(split.name, images)
                        contents[split.name].append(chosen.digests)
                start += len(block)
                counter.advance(len(block))
    files = {name: draft.array_record(writer) for name, writer in writers.items()}
    return files, {name: np.concatenate(digests) for name, digests in contents.items()}


def _notes(raw: RawDataset, splits: list[Split], shape: Shape) -> tuple[str, ...]:
    notes = []
    if raw.image_shape[:2] != shape[:2]:
        before, after = (f"{height}x{width}" for height, width, _ in (raw.image_shape, shape))
        notes.append(f"All images were resized from {before} to {after} pixels.")
    if raw.image_shape[2] != shape[2]:
        notes.append(f"All images were converted to {'grey' if shape[2] == 1 else 'RGB'}.")
    if not any(split.name == "test" for split in raw.splits):
        notes.append(
            f"{splits[-1].count:,} examples, the same share of each class, were set aside for "
            "testing."
        )
    return tuple(notes)
