"""The stage embed: features of the frozen layers of a backbone, computed once for each image."""

from collections.abc import Iterator, Sequence

from sightline.config import EmbeddingConfig
from sightline.data.sharding.processes import in_process
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.process import keras_process
from sightline.pipeline.provenance import keras_backend
from sightline.pipeline.stages import KERAS, Stage
from sightline.records import ArraySet, EmbeddedShard, FeatureShard, ModelBlueprint, Run
from sightline.training import feature_shards
from sightline.training.embed_shard import embed_shard
from sightline.training.feature_shards import ComputeShards


def embed(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: EmbeddingConfig
) -> ArraySet:
    """Compute the output of the frozen layers for each image. Runs in the Keras process.

    Returns the same splits with features of shape (n, views, ...) instead of images: float32 of the
    test split, float16 of the others; only the training split has more than one view. Raises
    ConfigError if the configured engine is not installed, StageError if it does not agree with
    Keras, and StorageError if there is too little room.
    """

    def make(draft: Draft) -> ArraySet:
        from sightline.training import features  # imports Keras

        return features.compute(run, arrays, blueprint, settings, draft)

    return find_or_make(run, EMBED, EMBED.key(arrays, blueprint, settings), make)


def embed_here(run: Run, shard: FeatureShard) -> EmbeddedShard:
    """Compute a shard in the Keras process."""
    return in_process(keras_process(), embed_shard, run, shard)


def compute_here(run: Run, shards: Sequence[FeatureShard]) -> Iterator[EmbeddedShard]:
    """Compute shards in the Keras process, one by one: each keeps all cores or the GPU busy."""
    return (embed_here(run, shard) for shard in shards)


def embed_in_shards(
    run: Run,
    arrays: ArraySet,
    blueprint: ModelBlueprint,
    settings: EmbeddingConfig,
    images: int,
    compute: ComputeShards = compute_here,
) -> ArraySet:
    """Call `embed` in the Keras process or, for more than so many images, compute them in shards.

    The files are the same, byte for byte. Raises errors as `embed` and `compute`.
    """
    if sum(split.count for split in arrays.splits.values()) <= images:
        return keras_process().run(embed, run, arrays, blueprint, settings)

    def make(draft: Draft) -> ArraySet:
        shards = feature_shards.divide(run, arrays, blueprint, settings, images)
        return feature_shards.merge(run, arrays, shards, compute, draft)

    return find_or_make(run, EMBED, EMBED.key(arrays, blueprint, settings), make)


def _may_use_onnxruntime(
    arrays: ArraySet, blueprint: ModelBlueprint, settings: EmbeddingConfig
) -> bool:
    """Return whether ONNX Runtime may compute the features; on a GPU, Keras does all the same."""
    return settings.engine != "keras" and keras_backend() == "tensorflow"


EMBED = Stage(
    embed,
    (*KERAS, "pillow"),
    optional=dict.fromkeys(("onnxruntime", "tf2onnx"), _may_use_onnxruntime),
)
