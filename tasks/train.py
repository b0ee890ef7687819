"""Stage 4: fit the model in the Keras process, here or on a deployment."""

from sightline.config import FitConfig
from sightline.keras_process import keras_process
from sightline.progress import listening
from sightline.records import ArraySet, ModelBlueprint, Run, TrainedModel
from sightline.stages import TRAIN
from tasks.epochs import EpochArtifacts
from tasks.handover import fit_elsewhere
from tasks.progress_log import ProgressLog
from tasks.stage import stage_task


@stage_task(TRAIN, retries=2, timeout_seconds=24 * 3600)
def train(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: FitConfig
) -> TrainedModel:
    """Fit the weights and export the model; each epoch updates the Prefect artifacts."""
    if settings.deployment is not None:
        return fit_elsewhere(run, arrays, blueprint, settings)
    artifacts = EpochArtifacts()
    with listening(artifacts.update), listening(ProgressLog().update):
        trained = keras_process().run(TRAIN, run, arrays, blueprint, settings)
    artifacts.finish()
    return trained
