"""Stage between build and train: features of a backbone's frozen layers."""

from sightline.config import EmbeddingConfig
from sightline.pipeline.process import keras_process
from sightline.records import ArraySet, ModelBlueprint, Run
from sightline.tasks.base import stage_task
from sightline.training.embed import EMBED


@stage_task(EMBED, retries=2, timeout_seconds=24 * 3600)
def embed(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: EmbeddingConfig
) -> ArraySet:
    """Compute the output of the frozen layers for each image."""
    return keras_process().run(EMBED.function, run, arrays, blueprint, settings)
