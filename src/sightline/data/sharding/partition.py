"""The stage partition: divide the images of a folder into shards.

A shard ends where the digest of an image says so, as in content-defined chunking (A.
Muthitacharoen, B. Chen, D. Mazieres, "A low-bandwidth network file system", 2001), not after a
fixed number. So an image that is added, removed or changed changes its own shard, and at times the
next ones up to the next common end; all others keep their content, and with it their cache key.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from sightline.config import DataConfig
from sightline.data.decoding.parallel import ordered_map
from sightline.data.readers.base import Form, RawDataset, RawSplit
from sightline.errors import DataError
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.progress import Counter
from sightline.pipeline.stages import Stage
from sightline.records import Partition, Run, Shard, Source
from sightline.storage import digests

_LEAST, _MOST = 1 / 4, 4  # Smallest and largest shard, as multiples of the configured size

Named = tuple[str, bytes]  # Path of an image below its folder, and the SHA-256 of its file


def partition(run: Run, source: Source, settings: DataConfig, raw: RawDataset) -> Partition:
    """Divide the images of each split into shards of about `data.shard_images`, in their order.

    `raw` is the opened source, a folder of images. Raises DataError if a file cannot be read, and
    StorageError if the disk has too little room.
    """
    key = PARTITION.key(source, settings, str(settings.shard_images))

    def make(draft: Draft) -> Partition:
        counter = Counter("digests", sum(len(split.labels) for split in raw.splits))
        found = {}
        for split in raw.splits:
            parts = cut(_digests(split, Path(source.path), counter), settings.shard_images)
            found[split.name] = tuple(
                _shard(draft, f"{split.name}-{number:06}.json", part, source, raw)
                for number, part in enumerate(parts)
            )
        return Partition(splits=found)

    found = find_or_make(run, PARTITION, key, make)
    return Partition(  # a cached one may come from another folder
        splits={
            name: tuple(one.model_copy(update={"folder": source.path}) for one in shards)
            for name, shards in found.splits.items()
        }
    )


PARTITION = Stage(partition, ("numpy", "pillow"))


def cut(images: Iterable[Named], size: int) -> Iterator[list[Named]]:
    """Cut a stream of images where their digests say so, on average after `size` images.

    A shard has at least a quarter and, except for the last one, at most four times as many.
    """
    least, most = max(1, round(_LEAST * size)), _MOST * size
    wait = max(1, size - least)  # Mean number of images to the next possible end
    part: list[Named] = []
    for image in images:
        part.append(image)
        ends = int.from_bytes(image[1][:8]) % wait == 0
        if (ends and len(part) >= least) or len(part) >= most:
            yield part
            part = []
    if part:
        yield part


def _digests(split: RawSplit, folder: Path, counter: Counter) -> Iterator[Named]:
    assert split.encoded is not None  # noqa: S101 - a folder of images has them
    paths = (image.data for image in split.encoded())

    def digest(path: Path) -> Named:
        try:
            content = bytes.fromhex(digests.sha256(path))
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}.") from None
        return path.relative_to(folder).as_posix(), content

    for named in ordered_map(digest, paths):
        yield named
        counter.advance(1)


def _shard(draft: Draft, name: str, part: list[Named], source: Source, raw: RawDataset) -> Shard:
    draft.path(name).write_text(json.dumps([path for path, _ in part]), encoding="ascii")
    form = form_of(raw)
    return Shard(
        folder=source.path,
        names=draft.record(name),
        images=len(part),
        content=hashlib.sha256(b"".join(digest for _, digest in part)).hexdigest(),
        shape=form.shape,
        resize=form.resize,
        white=form.white,
        encoded=form.encoded,
        heic=source.heic,
    )


def form_of(raw: RawDataset) -> Form:
    """Return the form in which an opened folder of images gives its images."""
    assert raw.resize is not None  # noqa: S101 - encoded images are resized when they are decoded
    return Form(raw.image_shape, raw.resize, raw.encoded_bytes is not None, raw.white)
