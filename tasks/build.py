"""Stage 3: the untrained model."""

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.tasks import exponential_backoff

from sightline.config import ModelConfig
from sightline.keras_process import keras_process
from sightline.records import ArraySet, ModelBlueprint, Run
from sightline.stages import BUILD
from tasks.caching import CheckedEntries
from tasks.retries import is_passing_fault


@task(
    name="build",
    retries=2,
    retry_delay_seconds=exponential_backoff(backoff_factor=2),
    retry_jitter_factor=0.5,
    retry_condition_fn=is_passing_fault,
    timeout_seconds=600,
    cache_policy=CheckedEntries(stage=BUILD),
    result_serializer="json",
    tags=["sightline", "model"],
)
def build(run: Run, arrays: ArraySet, settings: ModelConfig) -> ModelBlueprint:
    """Describe the network for the shape of the data."""
    blueprint = keras_process().run(BUILD, run, arrays, settings)
    rows = [layer.model_dump(mode="json") for layer in blueprint.layers]
    create_table_artifact(rows, key="model", description=f"{blueprint.parameters:,} parameters")
    return blueprint
