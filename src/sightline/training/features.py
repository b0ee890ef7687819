"""Compute the features of the frozen layers of a backbone. Runs in the Keras process."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from sightline.config import EmbeddingConfig
from sightline.data.decoding.parallel import ordered_map
from sightline.data.split_arrays import StoredImages, blocks, open_split
from sightline.models import backbone, keras_files
from sightline.pipeline import cache
from sightline.pipeline.cache import Draft
from sightline.pipeline.progress import Counter
from sightline.records import ArrayFile, ArraySet, ArraySplit, ModelBlueprint, Run
from sightline.storage.npy import ArrayWriter, open_mapped
from sightline.storage.workspace import Workspace
from sightline.training import crops, state
from sightline.training.crops import Pixels, digest_of
from sightline.training.embed import EMBED
from sightline.training.feature_engine import Engine, Floats, check_agreement, choose_engine

_CHECKED = 16  # Images on which the engine is compared with Keras
_FLOAT16_BYTES = 2
_FRONT = "front.txt"  # Names the layers and settings that computed the features of an entry
_DIGESTS = "digests"  # SHA-256 of the images of a split, in the order of its features


def compute(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: EmbeddingConfig, draft: Draft
) -> ArraySet:
    """Write the features of all splits to a draft; see `embed.embed`."""
    front = _front(run.workspace, blueprint)
    shape = tuple(front.output_shape[1:])
    views = {name: settings.views if name == "train" else 1 for name in arrays.splits}
    total = sum(arrays.splits[name].count * count for name, count in views.items())
    run.workspace.check_room(total * math.prod(shape) * _FLOAT16_BYTES, "The features")
    any_views = settings.model_copy(update={"views": 1})  # a crop does not depend on their number
    front_id = EMBED.key(state.digest(front, "weights"), str(blueprint.last_frozen), any_views)
    draft.path(_FRONT).write_text(front_id, encoding="ascii")
    engine = choose_engine(front, settings.engine)
    source = _Source(engine, _Known(run, front_id), settings)
    counter = Counter("views", total, "embed")
    splits: dict[str, ArraySplit] = {}
    for name, split in arrays.splits.items():
        images = open_split(run.workspace, split)
        check_agreement(front, engine.calculate, _pixels(images[:_CHECKED]))
        computed = source.blocks(images, views[name])
        np.save(draft.path(f"{_DIGESTS}_{name}.npy"), _digests(images))
        file = _write(draft, name, (len(images), views[name], *shape), computed, counter)
        update = {"images": file, "rows": None, "views": views[name]}
        splits[name] = split.model_copy(update=update)
    return arrays.model_copy(update={"splits": splits, "last_frozen": blueprint.last_frozen})


def _front(workspace: Workspace, blueprint: ModelBlueprint) -> keras.Model:
    """Return the frozen layers, from uint8 images to float32 features."""
    pretrained, last_frozen = blueprint.pretrained, blueprint.last_frozen
    if pretrained is None or last_frozen is None:
        raise ValueError("The model has no frozen layers.")
    model = keras_files.read_model(workspace.root / pretrained.path, pretrained.sha256)
    frozen = backbone.front(keras_files.without_preprocessing(model), last_frozen)
    return keras_files.with_preprocessing(frozen)


class _Known:
    """Features in the cache that the same layers computed with the same settings, by image."""

    def __init__(self, run: Run, front_id: str) -> None:
        self._rows: dict[bytes, tuple[Floats, int]] = {}
        for folder in sorted((run.workspace.root / "cache" / EMBED.name).glob(f"[!.]*/{_FRONT}")):
            same = folder.read_text(encoding="ascii", errors="replace") == front_id
            entry = cache.find(run, EMBED, folder.parent.name) if same and not run.refresh else None
            for name, split in entry.record.splits.items() if entry else ():
                features = open_mapped(run.workspace.root / split.images.path)
                for row, digest in enumerate(np.load(folder.parent / f"{_DIGESTS}_{name}.npy")):
                    others, _ = self._rows.get(digest.tobytes(), (features[:, :0], 0))
                    if others.shape[1] < features.shape[1]:
                        self._rows[digest.tobytes()] = (features, row)

    def get(self, digest: bytes, views: int) -> Floats | None:
        """Return the features of an image with so many views, (views, ...), or None."""
        if digest not in self._rows:
            return None
        features, row = self._rows[digest]
        return features[row, :views] if features.shape[1] >= views else None


@dataclass(frozen=True)
class _Source:
    """Where features come from: the cache, or else the engine."""

    engine: Engine
    known: _Known
    settings: EmbeddingConfig

    def blocks(self, images: StoredImages, views: int) -> Iterator[Floats]:
        """Yield float16 blocks (m, views, ...) of images, uint8 or float32."""
        size = max(1, self.engine.batch // views)

        def prepare(start: int) -> tuple[list[Floats | None], list[Pixels]]:
            block = _pixels(images[start : start + size])
            known = [self.known.get(digest_of(image), views) for image in block]
            new = [image for image, found in zip(block, known, strict=True) if found is None]
            return known, [crops.view(one, n, self.settings) for one in new for n in range(views)]

        def calculate(prepared: tuple[list[Floats | None], list[Pixels]]) -> Floats:
            known, new = prepared
            computed = iter(())
            if new:
                found = self.engine.calculate(np.stack(new)).astype(np.float16)
                computed = iter(found.reshape(-1, views, *found.shape[1:]))
            return np.stack([next(computed) if one is None else one for one in known])

        prepared = ordered_map(prepare, range(0, len(images), size), batch_size=1)
        threads = self.engine.threads
        return ordered_map(calculate, prepared, 1, ahead=threads + 2, threads=threads)


def _digests(images: StoredImages) -> NDArray[np.uint8]:
    """Return the SHA-256 of the pixels of each image, (n, 32)."""
    rows = (digest_of(image) for part in blocks(images) for image in _pixels(images[part]))
    return np.array([np.frombuffer(row, np.uint8) for row in rows])


def _pixels(images: NDArray[Any]) -> Pixels:
    """Return images as uint8; preprocessing may have scaled them to [0, 1]."""
    return images if images.dtype == np.uint8 else np.rint(images * 255).astype(np.uint8)


def _write(
    draft: Draft, name: str, shape: tuple[int, ...], blocks: Iterator[Floats], counter: Counter
) -> ArrayFile:
    with ArrayWriter(draft.path(f"features_{name}.npy"), shape, "float16") as writer:
        for block in blocks:
            writer.append(block)
            counter.advance(block.shape[0] * block.shape[1])
    return draft.array_record(writer)
