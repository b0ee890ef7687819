"""A small untrained model, measured as in a run: the input of the export stage."""

from dataclasses import dataclass
from pathlib import Path

import keras

import made_runs
from reading import prepare_textures
from sightline.config import CnnConfig, Convolution, EvaluationConfig, ExportConfig
from sightline.evaluation import evaluate
from sightline.export.export import export
from sightline.models import cnn, keras_files
from sightline.records import (
    Certificate,
    DatasetFiles,
    Evaluation,
    ModelMetadata,
    Run,
    TrainedModel,
)

_SECOND = Convolution(filters=8, stride=2, batch_normalization=True)
LAYERS = CnnConfig(convolutions=(Convolution(filters=4), _SECOND), dense_units=6, dropout=0.2)
_ACCURACY_ONLY = EvaluationConfig(robustness_images=0, saliency_images=0, label_error_threshold=1)


@dataclass(frozen=True)
class Measured:
    """The arguments of the export stage."""

    run: Run
    files: DatasetFiles
    trained: TrainedModel
    evaluation: Evaluation

    @property
    def model(self) -> Path:
        return self.run.workspace.root / self.trained.model.path

    def export(self, settings: ExportConfig) -> Certificate:
        return export(self.run, self.files, self.trained, self.evaluation, settings)


def measured(folder: Path) -> Measured:
    """Ingest textures, build a model and measure it."""
    run, files, arrays = prepare_textures(folder, validation_fraction=0)
    path = run.workspace.root / "made" / "model.keras"
    path.parent.mkdir(parents=True)
    keras_files.export(classifier((12, 12, 1), 4), path, ModelMetadata.of(files))
    record = made_runs.file_record(path, "made/")
    trained = made_runs.trained(model=record, history=record)
    evaluation = evaluate.evaluate(run, files, arrays, trained, _ACCURACY_ONLY)
    return Measured(run, files, trained, evaluation)


def classifier(shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build an untrained model whose probabilities differ from image to image."""
    keras.utils.set_random_seed(7)
    model = cnn.classifier(shape, classes, LAYERS, ((1, 1), (2, 0)))
    kernel = model.get_layer("probabilities").kernel
    kernel.assign(30 * kernel)
    return model
