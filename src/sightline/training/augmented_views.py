"""What the network sees: training images and augmented views of them. Runs in the Keras process."""

import math

import keras
import numpy as np
from numpy.typing import NDArray

from sightline.config import TrainingConfig
from sightline.data.scaling import to_float
from sightline.data.split_arrays import open_split, read_split_labels
from sightline.pipeline.cache import Draft
from sightline.records import ArrayFile, ArraySplit
from sightline.storage.npy import ArrayWriter
from sightline.storage.workspace import Workspace
from sightline.training.augmentation import augmentation
from sightline.training.ghost_batches import side_by_side
from sightline.training.mixing import draw_patches

MOST_BYTES = 8 << 20
"""Most bytes of all images; with large images there are fewer."""

_IMAGES, _VIEWS = 8, 4
_FILE = "augmented_views.npy"


def write(
    workspace: Workspace, split: ArraySplit, settings: TrainingConfig, draft: Draft
) -> ArrayFile | None:
    """Augment training images of all classes and write them; None if images are not changed.

    The views depend on `training.seed` alone, and nothing of the training depends on them.
    """
    changes = settings.augmentation
    mixed = bool(changes.mixup or changes.cutmix)
    layer = augmentation(changes, settings.seed, split.images.shape[-1])
    if layer is None and not mixed:
        return None
    images = _choose(workspace, split)
    batch, shape = np.concatenate([images] * _VIEWS), images.shape[1:]
    pixels = keras.Input(shape)
    unchanged = keras.Model(pixels, keras.layers.Identity()(pixels))
    inputs = [batch]
    if mixed:
        rng = np.random.default_rng(settings.seed)
        inputs.append(draw_patches(changes, len(batch), shape[:2], rng))
    with keras.device("cpu:0"):
        network = side_by_side(unchanged, 1, layer, mixed)
        seen = network(inputs if mixed else batch, training=True)
        views = keras.ops.convert_to_numpy(seen).reshape(_VIEWS, *images.shape)
    with ArrayWriter(draft.path(_FILE), (1 + _VIEWS, *images.shape), "uint8") as writer:
        for block in (images[np.newaxis], views):
            writer.append(np.rint(np.clip(block, 0, 1) * 255).astype(np.uint8))
    return draft.array_record(writer)


def _choose(workspace: Workspace, split: ArraySplit) -> NDArray[np.float32]:
    """Read images evenly spaced over the split, class by class."""
    most = MOST_BYTES // ((1 + _VIEWS) * math.prod(split.images.shape[1:]))
    by_class = np.argsort(read_split_labels(workspace, split), kind="stable")
    count = min(max(1, min(_IMAGES, most)), len(by_class))
    places = np.arange(count) * len(by_class) // count
    return to_float(open_split(workspace, split)[by_class[places]])
