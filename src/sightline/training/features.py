"""Compute the features of the frozen layers of a backbone. Runs in the Keras process."""

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from sightline.config import EmbeddingConfig
from sightline.data.decoding.parallel import ordered_map
from sightline.data.split_arrays import SelectedImages, StoredImages, open_split
from sightline.errors import StageError
from sightline.models import backbone, keras_files
from sightline.pipeline.cache import Draft
from sightline.pipeline.progress import Counter
from sightline.records import (
    ArrayFile,
    ArraySet,
    ArraySplit,
    EmbeddedShard,
    FeatureShard,
    ModelBlueprint,
    Run,
)
from sightline.storage.npy import ArrayWriter
from sightline.storage.workspace import Workspace
from sightline.training import crops, state
from sightline.training.crops import Pixels, as_pixels
from sightline.training.embed import EMBED
from sightline.training.feature_engine import Engine, Floats, check_agreement, choose_engine
from sightline.training.feature_shards import (
    FRONT,
    count_views,
    dtype_of,
    feature_bytes,
    settings_of,
    with_features,
)
from sightline.training.known_features import Known, find_known

_CHECKED = 16  # Images on which the engine is compared with Keras


def compute(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: EmbeddingConfig, draft: Draft
) -> ArraySet:
    """Write the features of all splits to a draft; see `embed.embed`."""
    front = _open_front(run.workspace, blueprint, settings)
    counter = Counter("views", count_views(arrays, settings), "embed")
    _check_room(run, front, arrays, settings)
    splits: dict[str, ArraySplit] = {}
    for name, own in settings_of(arrays, settings).items():
        images = open_split(run.workspace, arrays.splits[name])
        if not splits:
            _check_engine(front, images)
        found = np.concatenate([*crops.digests(images)])
        source = _Source(front, images, found, own, dtype_of(name))
        file, _ = source.write(run, draft, name, counter)
        splits[name] = with_features(arrays.splits[name], file)
    return arrays.model_copy(update={"splits": splits, "last_frozen": blueprint.last_frozen})


def compute_shard(run: Run, shard: FeatureShard, draft: Draft) -> EmbeddedShard:
    """Write the features of a shard to a draft; see `embed_shard.embed_shard`."""
    any_views = shard.settings.model_copy(update={"views": 1})
    front = _kept_front(run.workspace, shard.blueprint, any_views)
    rows = np.arange(shard.first, shard.first + shard.images)
    images = SelectedImages(open_split(run.workspace, shard.split), rows)
    digests = np.concatenate([*crops.digests(images)])
    if hashlib.sha256(digests.tobytes()).hexdigest() != shard.content:
        raise StageError(
            f"{shard.split.images.path} has other images than those of the shard; all workers must "
            "mount the same artifacts root (SIGHTLINE_ARTIFACTS). If they do, run again."
        )
    shape = (shard.images, shard.settings.views, *front.shape)
    run.workspace.check_room(feature_bytes(shape, shard.dtype), "The features")
    _check_engine(front, images)
    counter = Counter("views", shard.total, "embed", shard.done)
    source = _Source(front, images, digests, shard.settings, shard.dtype)
    features, own = source.write(run, draft, "shard", counter)
    return EmbeddedShard(features=features, digests=own, front=front.id)


@dataclass(frozen=True)
class _Front:
    """The frozen layers and what computes them."""

    model: keras.Model  # From uint8 images to float32 features
    engine: Engine
    id: str  # Digest of the weights and of the settings, without the number of views

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the features of a view."""
        return tuple(self.model.output_shape[1:])


def _open_front(
    workspace: Workspace, blueprint: ModelBlueprint, settings: EmbeddingConfig
) -> _Front:
    model = _front(workspace, blueprint)
    any_views = settings.model_copy(update={"views": 1})  # a crop does not depend on their number
    key = EMBED.key(state.digest(model, "weights"), str(blueprint.last_frozen), any_views)
    return _Front(model, choose_engine(model, settings.engine), key)


_kept_front = functools.lru_cache(maxsize=1)(_open_front)  # for the next shard


def _front(workspace: Workspace, blueprint: ModelBlueprint) -> keras.Model:
    """Return the frozen layers, from uint8 images to float32 features."""
    pretrained, last_frozen = blueprint.pretrained, blueprint.last_frozen
    if pretrained is None or last_frozen is None:
        raise ValueError("The model has no frozen layers.")
    model = keras_files.read_model(workspace.root / pretrained.path, pretrained.sha256)
    frozen = backbone.front(keras_files.without_preprocessing(model), last_frozen)
    return keras_files.with_preprocessing(frozen)


def _check_room(run: Run, front: _Front, arrays: ArraySet, settings: EmbeddingConfig) -> None:
    """Raise StorageError if there is no room for the features of all splits together."""
    needed = sum(
        feature_bytes((arrays.splits[name].count, own.views, *front.shape), dtype_of(name))
        for name, own in settings_of(arrays, settings).items()
    )
    run.workspace.check_room(needed, "The features")


def _check_engine(front: _Front, images: StoredImages) -> None:
    check_agreement(front.model, front.engine.calculate, as_pixels(images[:_CHECKED]))


@dataclass(frozen=True)
class _Source:
    """Images (n, ...) whose features come from the cache, or else from the engine."""

    front: _Front
    images: StoredImages
    digests: NDArray[np.uint8]  # SHA-256 of the pixels of each image, (n, 32)
    settings: EmbeddingConfig
    dtype: str  # Of the features

    def write(
        self, run: Run, draft: Draft, name: str, counter: Counter
    ) -> tuple[ArrayFile, ArrayFile]:
        """Write features and digests, and what computed them, to a draft; return both records."""
        views = self.settings.views
        shape = (len(self.images), views, *self.front.shape)
        draft.path(FRONT).write_text(self.front.id, encoding="ascii")
        known = find_known(run, self.front.id, self.digests, views, np.dtype(self.dtype))
        with (
            ArrayWriter(draft.path(f"features_{name}.npy"), shape, self.dtype) as features,
            ArrayWriter(draft.path(f"digests_{name}.npy"), self.digests.shape, "uint8") as digests,
        ):
            digests.append(self.digests)
            for block in self._blocks(known):
                features.append(block)
                counter.advance(block.shape[0] * block.shape[1])
        return draft.array_record(features), draft.array_record(digests)

    def _blocks(self, known: Known) -> Iterator[Floats]:
        """Yield blocks (m, views, ...)."""
        views, engine = self.settings.views, self.front.engine
        size = max(1, engine.batch // views)

        def prepare(start: int) -> tuple[list[Floats | None], list[Pixels]]:
            rows = slice(start, start + size)
            found = [known.get(digest.tobytes()) for digest in self.digests[rows]]
            pairs = zip(as_pixels(self.images[rows]), found, strict=True)
            new = [image for image, one in pairs if one is None]
            return found, [crops.view(one, n, self.settings) for one in new for n in range(views)]

        def calculate(prepared: tuple[list[Floats | None], list[Pixels]]) -> Floats:
            found, new = prepared
            computed = iter(())
            if new:
                features = engine.calculate(np.stack(new))
                computed = iter(features.reshape(-1, views, *features.shape[1:]))
            every = [next(computed) if one is None else one for one in found]
            return np.stack(every, dtype=self.dtype, casting="same_kind")

        prepared = ordered_map(prepare, range(0, len(self.images), size), batch_size=1)
        threads = engine.threads
        return ordered_map(calculate, prepared, 1, ahead=threads + 2, threads=threads)
