"""Stage 4: fit the model, in the Keras process here or on a deployment."""

from sightline.config import TrainingConfig
from sightline.pipeline.progress import listening
from sightline.records import ArraySet, ModelBlueprint, Run, TrainedModel
from sightline.tasks.base import stage_task
from sightline.tasks.progress import EpochArtifacts, logged_progress
from sightline.tasks.remote import fit_elsewhere
from sightline.training.device import process_of_training
from sightline.training.train import TRAIN


@stage_task(TRAIN, retries=2, timeout_seconds=24 * 3600)
def train(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: TrainingConfig
) -> TrainedModel:
    """Fit the weights and save the model; each epoch updates the Prefect artifacts."""
    if settings.deployment is not None:
        return fit_elsewhere(run, arrays, blueprint, settings)
    artifacts = EpochArtifacts()
    with listening(artifacts.update), logged_progress(), process_of_training() as process:
        trained = process.run(TRAIN.function, run, arrays, blueprint, settings)
    artifacts.finish()
    return trained
