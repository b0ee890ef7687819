"""The stage embed_shard: features of the images of a shard."""

from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.provenance import keras_backend
from sightline.pipeline.stages import KERAS, Stage
from sightline.records import EmbeddedShard, FeatureShard, Run


def embed_shard(run: Run, shard: FeatureShard) -> EmbeddedShard:
    """Compute the features of a shard, or reuse the cached result. Runs in the Keras process.

    Raises errors as `embed.embed`, and StageError if the images are not those of the shard.
    """

    def make(draft: Draft) -> EmbeddedShard:
        from sightline.training import features  # imports Keras

        return features.compute_shard(run, shard, draft)

    return find_or_make(run, EMBED_SHARD, EMBED_SHARD.key(shard), make)


def _may_use_onnxruntime(shard: FeatureShard) -> bool:
    return shard.settings.engine != "keras" and keras_backend() == "tensorflow"


EMBED_SHARD = Stage(
    embed_shard,
    (*KERAS, "pillow"),
    optional=dict.fromkeys(("onnxruntime", "tf2onnx"), _may_use_onnxruntime),
)
