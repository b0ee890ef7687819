"""The test images as the champion takes them, if it takes another size or other channels."""

import hashlib
import math
from pathlib import Path
from typing import Any

from sightline.data import locate, splits
from sightline.data.decoding.conform import conform
from sightline.data.label_table import check_length
from sightline.data.readers import dispatch
from sightline.data.splits import Split
from sightline.errors import DataError
from sightline.records import ArrayFile, ImagesFile
from sightline.registry import Version
from sightline.registry.gate.candidate import Candidate
from sightline.storage.npy import ArrayWriter


def prepare(candidate: Candidate, champion: Version, path: Path) -> ImagesFile:
    """Return the candidate's test images in the champion's form, in the same order.

    If the form differs, they are read from their source again and written to `path`, a uint8 NPY
    file of shape (n, *champion.image_shape). Raises DataError if the source no longer exists or
    holds other test images, and StorageError if the disk has too little room.
    """
    run, files, shape = candidate.run, candidate.files, champion.image_shape
    test = files.images["test"]
    wanted = (shape, champion.resize, champion.white)
    if wanted == (files.image_shape, files.resize, files.white):
        return test
    form: dict[str, Any] = {"image_size": shape[:2], "channels": shape[2]}
    form["resize"] = champion.resize
    if champion.white != files.white:  # a given scale would also apply to arrays of 8 bits
        form["white"] = champion.white
    settings = locate.as_ingested(candidate.config.data, files.source).model_copy(update=form)
    source = locate.locate(settings, candidate.source_sha256)  # the images are checked instead
    raw, origin = dispatch.open_source(run, source, settings)
    split = next(one for one in splits.divide(raw, settings) if one.name == "test")
    run.workspace.check_room(split.count * math.prod(shape), "The test images of the champion")
    with ArrayWriter(path, (split.count, *shape), "uint8") as writer:
        content = _write(split, champion, writer)
    if content != files.content_digests.get("test"):
        if champion.white != files.white:  # digests of arrays are those of the scaled pixels
            raise DataError(
                f"{champion.name} takes {champion.white:,} as white and this run {files.white:,}, "
                f"so that the test images differ; set data.white={champion.white} to compare them."
            )
        raise DataError(
            f"{origin} no longer holds the test images of run {run.id}; restore them, or train on "
            "the new ones."
        )
    relative = path.relative_to(run.workspace.root).as_posix()
    described = {"sha256": writer.sha256, "bytes": path.stat().st_size, "dtype": "uint8"}
    return ArrayFile(path=relative, shape=writer.shape, **described)


def _write(split: Split, champion: Version, writer: ArrayWriter) -> str:
    """Write the images of a split and return the digest of their content in the source."""
    content, start = hashlib.sha256(), 0
    for block in check_length(split.raw.images(), split.raw, "images"):
        chosen = block.select(split.selected[start : start + len(block)])
        writer.append(conform(chosen.images, champion.image_shape, champion.resize))
        content.update(chosen.digests.tobytes())
        start += len(block)
    return content.hexdigest()
