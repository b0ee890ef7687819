"""What an ingested data set looks like, in numbers."""

import numpy as np

from sightline import arrays
from sightline.records import ArrayFile, DatasetFiles, Record, Run


class SplitInspection(Record):
    """One split: examples of each class in label order, and its pixel values (0 to 255)."""

    examples: int
    per_class: tuple[int, ...]
    pixel_min: int
    pixel_max: int
    pixel_mean: float


class Inspection(Record):
    """A data set: names, shape, splits, and the digest of its canonical label table.

    Attributes:
        name: The data set's name.
        source: Where it came from.
        image_shape: Height, width and channels.
        class_names: Names in label order.
        splits: Split name to what it holds.
        sha256: Digest of the label table, which holds the digest of every image.
        notes: Sentences on what was changed while reading.
    """

    name: str
    source: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    splits: dict[str, SplitInspection]
    sha256: str
    notes: tuple[str, ...]


def inspect(run: Run, files: DatasetFiles) -> Inspection:
    """Count and measure an ingested data set, reading it in blocks.

    Args:
        run: Gives the artifacts root.
        files: What ingest made.

    Returns:
        The numbers.
    """
    splits = {
        name: _inspect_split(run, images, files.counts[name])
        for name, images in files.images.items()
    }
    return Inspection(
        name=files.dataset,
        source=files.source,
        image_shape=files.image_shape,
        class_names=files.class_names,
        splits=splits,
        sha256=files.labels.sha256,
        notes=files.notes,
    )


def _inspect_split(run: Run, images: ArrayFile, counts: tuple[int, ...]) -> SplitInspection:
    low, high, total = 255, 0, 0
    for block in arrays.read_blocks(run.root / images.path):
        low = min(low, int(block.min()))
        high = max(high, int(block.max()))
        total += int(block.sum(dtype=np.int64))
    return SplitInspection(
        examples=images.shape[0],
        per_class=counts,
        pixel_min=low,
        pixel_max=high,
        pixel_mean=round(total / int(np.prod(images.shape, dtype=np.int64)), 4),
    )
