"""Stage 3: the untrained model."""

from sightline.config import ModelConfig
from sightline.models.build import BUILD
from sightline.pipeline.process import keras_process
from sightline.records import ArraySet, ModelBlueprint, Run
from sightline.tasks.artifacts import show_table
from sightline.tasks.base import stage_task


@stage_task(BUILD, retries=2, timeout_seconds=600)
def build(run: Run, arrays: ArraySet, settings: ModelConfig) -> ModelBlueprint:
    """Build the network for the shape of the data."""
    blueprint = keras_process().run(BUILD.function, run, arrays, settings)
    rows = [layer.model_dump(mode="json") for layer in blueprint.layers]
    show_table(rows, key="model", description=f"{blueprint.parameters:,} parameters")
    return blueprint
