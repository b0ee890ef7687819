"""Stage 4: fit the model in the Keras process."""

from prefect import task
from prefect.tasks import exponential_backoff

from sightline.config import FitConfig
from sightline.keras_process import keras_process
from sightline.progress import listening
from sightline.records import ArraySet, ModelBlueprint, Run, TrainedModel
from sightline.stages import TRAIN
from tasks.caching import CheckedEntries
from tasks.epochs import EpochArtifacts
from tasks.retries import is_passing_fault


@task(
    name="train",
    retries=2,
    retry_delay_seconds=exponential_backoff(backoff_factor=5),
    retry_jitter_factor=0.5,
    retry_condition_fn=is_passing_fault,
    timeout_seconds=24 * 3600,
    cache_policy=CheckedEntries(stage=TRAIN),
    result_serializer="json",
    tags=["sightline", "model"],
)
def train(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: FitConfig
) -> TrainedModel:
    """Fit the weights and export the model; each epoch updates the Prefect artifacts."""
    artifacts = EpochArtifacts()
    with listening(artifacts.update):
        trained = keras_process().run(TRAIN, run, arrays, blueprint, settings)
    artifacts.finish()
    return trained
