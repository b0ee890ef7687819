"""The stage embed: features of the frozen layers of a backbone, computed once for each image."""

from sightline.config import EmbeddingConfig
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.provenance import keras_backend
from sightline.pipeline.stages import KERAS, Stage
from sightline.records import ArraySet, ModelBlueprint, Run


def embed(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: EmbeddingConfig
) -> ArraySet:
    """Compute the output of the frozen layers for each image. Runs in the Keras process.

    Returns the same splits with float16 features of shape (n, views, ...) instead of images; only
    the training split has more than one view. Raises ConfigError if the configured engine is not
    installed, StageError if it does not agree with Keras, and StorageError if there is too little
    room.
    """

    def make(draft: Draft) -> ArraySet:
        from sightline.training import features  # imports Keras

        return features.compute(run, arrays, blueprint, settings, draft)

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
