"""The stage ingest_shard: decode and examine the images of a shard."""

import hashlib
import json
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.data.decoding import images
from sightline.data.decoding.images import EncodedImage
from sightline.data.image_files import EncodedWriter, ImageWriter, PixelWriter
from sightline.data.readers.base import Form
from sightline.data.remote.listing import RemoteFile
from sightline.data.sharding import places
from sightline.data.sharding.places import Row
from sightline.data.validation.examination import EXAMINED, ROW, examine
from sightline.errors import ChangedDataError, StageError
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import Stage
from sightline.records import IngestedShard, Run, Shard
from sightline.storage import digests
from sightline.storage.store_url import is_url
from sightline.storage.workspace import Workspace

_ROWS = "rows.npy"
_EXAMINED = list(EXAMINED.names or ())


def ingest_shard(run: Run, shard: Shard) -> IngestedShard:
    """Decode and examine the images of a shard, or reuse the cached result.

    Raises DataError, naming the image, if one cannot be read; ChangedDataError if one changed;
    StageError if the list of its images is not below the artifacts root; and StorageError if there
    is too little room.
    """

    def make(draft: Draft) -> IngestedShard:
        form = Form(shard.shape, shard.resize, shard.encoded, shard.white)
        writer: ImageWriter = (
            EncodedWriter(draft, "shard", form)
            if form.encoded
            else PixelWriter(draft, "shard", shard.images, form)
        )
        rows = np.zeros(shard.images, ROW)
        start = 0
        with images.silence_bomb_warnings(), writer:
            for block in images.decode(_encoded(run.workspace, shard), form):
                pixels = writer.append(block)
                part = rows[start : start + len(block)]
                part["content"], part["histogram"] = block.digests, histograms(pixels)
                part[_EXAMINED] = examine(pixels)
                start += len(block)
        found = hashlib.sha256(rows["content"].tobytes()).hexdigest()
        if found != shard.content and not is_url(shard.folder):  # which is read by version
            raise ChangedDataError(
                f"{shard.folder} changed while it was read; run again when it is complete."
            )
        np.save(draft.path(_ROWS), rows)
        return IngestedShard(images=writer.record(), rows=draft.record(_ROWS))

    return find_or_make(run, INGEST_SHARD, INGEST_SHARD.key(shard), make)


INGEST_SHARD = Stage(
    ingest_shard,
    ("numpy", "pillow", "pyarrow", "simplejpeg"),
    optional={"pi-heif": lambda shard: shard.heic},
)


def histograms(pixels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Count the values of each image, uint8 (m, ...): uint32 of shape (m, 256)."""
    flat = pixels.reshape(len(pixels), 1, -1)
    return np.array([Image.fromarray(one).histogram() for one in flat], np.uint32)


def _encoded(workspace: Workspace, shard: Shard) -> Iterator[EncodedImage]:
    path = workspace.path(shard.names.path)
    if not path.exists() or digests.sha256(path) != shard.names.sha256:
        raise StageError(
            f"The list of the images of a shard, {path}, is missing or damaged; all workers must "
            "mount the same artifacts root (SIGHTLINE_ARTIFACTS). If they do, run again."
        )
    described = json.loads(path.read_bytes())
    files = {name: RemoteFile(*file) for name, file in described["files"].items()}
    found = (one if isinstance(one, str) else Row(*one) for one in described["images"])
    yield from places.read(shard.folder, found, files, shard.column)
