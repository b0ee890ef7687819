"""The stage partition: divide the images of a data set into shards.

A shard ends where the digest of an image says so, as in content-defined chunking (A.
Muthitacharoen, B. Chen, D. Mazieres, "A low-bandwidth network file system", 2001), not after a
fixed number. So an image that is added, removed or changed changes its own shard, and at times the
next ones up to the next common end; all others keep their content, and with it their cache key.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from sightline.config import DataConfig
from sightline.data.readers.base import Form, RawDataset, RawSplit
from sightline.data.sharding import places
from sightline.data.sharding.places import Named, Row
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.progress import Counter
from sightline.pipeline.stages import Stage
from sightline.records import Partition, Run, Shard, Source

P = TypeVar("P")

_LEAST, _MOST = 1 / 4, 4  # Smallest and largest shard, as multiples of the configured size


def partition(run: Run, source: Source, settings: DataConfig, raw: RawDataset) -> Partition:
    """Divide the images of each split into shards of about `data.shard_images`, in their order.

    `raw` is the opened source, whose splits have places. Raises DataError if a file cannot be read,
    and StorageError if the disk has too little room.
    """
    key = PARTITION.key(source, settings, str(settings.shard_images))
    root = places.root_of(raw.splits[0], source.path)
    column = raw.origin.image_column or settings.image_column

    def make(draft: Draft) -> Partition:
        counter = Counter("digests", sum(len(split.labels) for split in raw.splits))
        divided = _Divided(draft, source, raw, root, column if source.kind == "parquet" else "")
        found = {}
        for split in raw.splits:
            images = _counted(places.identify(split, root, column), counter)
            parts = cut(images, settings.shard_images)
            found[split.name] = tuple(divided.shards(split, parts))
        return Partition(splits=found)

    found = find_or_make(run, PARTITION, key, make)
    return Partition(  # a cached one may come from another folder
        splits={
            name: tuple(one.model_copy(update={"folder": root}) for one in shards)
            for name, shards in found.splits.items()
        }
    )


PARTITION = Stage(partition, ("numpy", "pillow", "pyarrow"))


def cut(images: Iterable[tuple[P, bytes]], size: int) -> Iterator[list[tuple[P, bytes]]]:
    """Cut a stream of images where their digests say so, on average after `size` images.

    A shard has at least a quarter and, except for the last one, at most four times as many. It has
    whole row groups, which may be larger, since reading a part of one takes as long as all of it.
    """
    least, most = max(1, round(_LEAST * size)), _MOST * size
    wait = max(1, size - least)  # Mean number of images to the next possible end
    part: list[tuple[P, bytes]] = []
    ends = False
    for image in images:
        part.append(image)
        ends |= int.from_bytes(image[1][:8]) % wait == 0
        if isinstance(image[0], Row) and not image[0].is_last:
            continue
        if (ends and len(part) >= least) or len(part) >= most:
            yield part
            part = []
        ends = False
    if part:
        yield part


def _counted(images: Iterable[Named], counter: Counter) -> Iterator[Named]:
    for image in images:
        yield image
        counter.advance(1)


@dataclass(frozen=True)
class _Divided:
    """Where the shards of a data set are described."""

    draft: Draft
    source: Source
    raw: RawDataset
    root: str
    column: str

    def shards(self, split: RawSplit, parts: Iterable[list[Named]]) -> Iterator[Shard]:
        """Describe the shards of a split, in files of the draft."""
        files = places.files_of(split)
        for number, part in enumerate(parts):
            own = {name: files[name] for name in map(_file, part) if name in files}
            described = {"images": [place for place, _ in part], "files": own}
            name = f"{split.name}-{number:06}.json"
            self.draft.path(name).write_text(json.dumps(described), encoding="ascii")
            form = form_of(self.raw)
            yield Shard(
                folder=self.root,
                names=self.draft.record(name),
                column=self.column,
                images=len(part),
                content=hashlib.sha256(b"".join(digest for _, digest in part)).hexdigest(),
                shape=form.shape,
                resize=form.resize,
                white=form.white,
                encoded=form.encoded,
                heic=self.source.heic,
            )


def _file(image: Named) -> str:
    place = image[0]
    return place.file if isinstance(place, Row) else place


def form_of(raw: RawDataset) -> Form:
    """Return the form in which an opened source of encoded images gives them."""
    assert raw.resize is not None  # noqa: S101 - encoded images are resized when they are decoded
    return Form(raw.image_shape, raw.resize, raw.encoded_bytes is not None, raw.white)
