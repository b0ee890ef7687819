"""The ingest stage: convert any source to uint8 arrays and a label table."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data import announcement, label_table
from sightline.data.decoding.form import choose_resize, target_shape
from sightline.data.facts import describe, estimate_seconds
from sightline.data.image_files import EncodedWriter, ImageWriter, PixelWriter
from sightline.data.locate import unchanged
from sightline.data.readers import dispatch
from sightline.data.readers.base import Blocks, Form, RawDataset
from sightline.data.sharding.processes import in_processes
from sightline.data.sharding.stream import IngestShards, open_shards
from sightline.data.splits import Split, divide
from sightline.data.validation.findings import ExampleIndex
from sightline.data.validation.inspect import ImageInspector
from sightline.errors import ConfigError
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.progress import Counter
from sightline.pipeline.stages import Stage
from sightline.records import DatasetFacts, DatasetFiles, Run, Source

_LABELS_FILE = "labels.parquet"


def ingest(
    run: Run,
    source: Source,
    settings: DataConfig,
    ingest_shards: IngestShards = in_processes,
) -> DatasetFiles:
    """Convert a source to uint8 images and a label table, or reuse the cached result.

    More than `data.shard_images` images in a folder or in Parquet files are ingested in shards, by
    `ingest_shards`; the files are the same, byte for byte. What is known is announced before all
    images are decoded, see `announcement`. Peak memory does not grow with the images; per example,
    only the label and about 130 bytes of digests and findings are held in memory. Raises
    ConfigError for a metadata column named like a column of every label table, DataError for a
    damaged or malformed source, DownloadError if no mirror delivered a named data set, and
    StorageError if the disk has too little room.
    """
    key = INGEST.key(source, settings)

    def make(draft: Draft) -> DatasetFiles:
        with unchanged(source):
            return _ingest(run, source, settings, draft, ingest_shards)

    files = find_or_make(run, INGEST, key, make)
    announcement.announce(files)
    return files


INGEST = Stage(
    ingest,
    ("numpy", "pillow", "pyarrow", "simplejpeg"),
    optional={"pi-heif": lambda source, _: source.heic},
)


def read_facts(run: Run, source: Source, settings: DataConfig) -> tuple[DatasetFacts, float]:
    """Return what is known before images are decoded, and the seconds that ingest will take.

    A named data set is downloaded if necessary. Raises errors as `ingest`.
    """
    opened = _open(run, source, settings)
    return opened.facts, estimate_seconds(opened.raw)


class Opened(NamedTuple):
    """A data set that was opened and divided, before its images are stored."""

    raw: RawDataset
    splits: list[Split]
    form: Form
    facts: DatasetFacts
    schema: Any  # Of the label table


def _open(run: Run, source: Source, settings: DataConfig) -> Opened:
    raw, origin = dispatch.open_source(run, source, settings)
    return prepare(run, source, settings, raw, origin, divide(raw, settings))


def prepare(
    run: Run,
    source: Source,
    settings: DataConfig,
    raw: RawDataset,
    origin: str,
    splits: list[Split],
) -> Opened:
    """Decide how the images of splits are stored, and check that they can be.

    Raises ConfigError as `label_table.table_schema` and if encoded images are wanted of a source
    without any, and StorageError if the disk has too little room.
    """
    schema = label_table.table_schema(settings)
    shape = target_shape(raw.image_shape, settings)
    resize = raw.resize or choose_resize(settings.resize, {raw.image_shape[:2]: 1}, shape)
    form = Form(shape, resize, white=raw.white)
    facts = describe(source.dataset, origin, raw, splits, form, settings)
    _check(run, facts, raw, settings)
    return Opened(raw, splits, form, facts, schema)


def _ingest(
    run: Run, source: Source, settings: DataConfig, draft: Draft, ingest_shards: IngestShards
) -> DatasetFiles:
    label_table.table_schema(settings)  # an error of the config comes before those of the data
    opened = _open(run, source, settings)
    if announcement.is_awaited():
        announcement.announce(opened.facts, estimate_seconds(opened.raw))
    sharded = open_shards(run, source, settings, opened.raw, ingest_shards)
    files = store(draft, opened, sharded.streams)
    return files.model_copy(update={"shards": sharded.entries})


def store(
    draft: Draft, opened: Opened, streams: Mapping[str, Callable[[], Blocks]] | None = None
) -> DatasetFiles:
    """Write images, label table and findings of an opened data set.

    `streams` are the images of a raw split, where they come from shards instead of their source.
    """
    raw, splits, form, facts, schema = opened
    table = draft.path(_LABELS_FILE)
    sizes = {split.name: split.count for split in splits}
    index = ExampleIndex(sizes, np.concatenate([split.labels for split in splits]), table)
    writers = _writers(draft, raw, splits, form)
    inspector = ImageInspector(index, {name: writer.read for name, writer in writers.items()})
    contents = _write_images(writers, raw, splits, inspector, streams or {})
    content = np.concatenate(list(contents.values()))
    label_table.write_table(table, schema, splits, raw.class_names, content, inspector.digests)
    return DatasetFiles(
        **dict(facts),
        images={name: writer.record() for name, writer in writers.items()},
        labels=draft.record(_LABELS_FILE),
        label_digests={
            split.name: hashlib.sha256(split.labels.astype("<i2").tobytes()).hexdigest()
            for split in splits
        },
        content_digests={
            name: hashlib.sha256(found.tobytes()).hexdigest() for name, found in contents.items()
        },
        inspection=inspector.summarize(draft, facts.counts),
    )


def _check(run: Run, facts: DatasetFacts, raw: RawDataset, settings: DataConfig) -> None:
    """Raise an error if images cannot be stored as wanted, or the disk has too little room."""
    if raw.encoded_bytes is None and settings.store == "encoded":
        raise ConfigError(
            f'data.store is "encoded", but {settings.dataset} holds pixels, no encoded images; '
            'set it to "pixels".'
        )
    run.workspace.check_room(facts.stored_bytes, "The images")


def _writers(
    draft: Draft, raw: RawDataset, splits: list[Split], form: Form
) -> dict[str, ImageWriter]:
    """Return the writer of each split: of pixels, or of encoded images."""
    if raw.encoded_bytes is None:
        return {one.name: PixelWriter(draft, one.name, one.count, form) for one in splits}
    return {one.name: EncodedWriter(draft, one.name, form) for one in splits}


def _write_images(
    writers: Mapping[str, ImageWriter],
    raw: RawDataset,
    splits: list[Split],
    inspector: ImageInspector,
    streams: Mapping[str, Callable[[], Blocks]],
) -> dict[str, NDArray[np.bytes_]]:
    """Read every example once; write it to its split's file and inspect it on the way.

    `streams` are the images of a raw split, where they come from shards instead of their source.
    Returns, for each split, the digests of its images in the source.
    """
    contents: dict[str, list[NDArray[np.bytes_]]] = {split.name: [] for split in splits}
    counter = Counter("images", sum(len(split.labels) for split in raw.splits))
    with ExitStack() as stack:
        for writer in writers.values():
            stack.enter_context(writer)
        for source in raw.splits:
            start = 0
            stream = streams.get(source.name, source.images)
            for block in label_table.check_length(stream(), source, "images"):
                for split in splits:
                    if split.raw is source:
                        chosen = block.select(split.selected[start : start + len(block)])
                        pixels = writers[split.name].append(chosen)
                        if chosen.rows is None:
                            inspector.add(split.name, pixels)
                        else:
                            inspector.add_examined(split.name, chosen.rows)
                        contents[split.name].append(chosen.digests)
                start += len(block)
                counter.advance(len(block))
    return {name: np.concatenate(digests) for name, digests in contents.items()}
