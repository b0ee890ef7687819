"""A small untrained model, measured as a run would: what there is before it is exported."""

from dataclasses import dataclass
from pathlib import Path

import keras

import made_runs
from examples import write_npz
from sightline.config import (
    Convolution,
    DataConfig,
    EvaluationConfig,
    ExportConfig,
    ModelConfig,
    PreprocessingConfig,
)
from sightline.data import ingest, locate, preprocess
from sightline.evaluation import evaluate
from sightline.export.export import export
from sightline.models import cnn, keras_files
from sightline.records import Certificate, DatasetFiles, Evaluation, FileRecord, Run, TrainedModel
from sightline.storage import digests
from sightline.storage.workspace import Workspace

LAYERS = ModelConfig(
    convolutions=(
        Convolution(filters=4),
        Convolution(filters=8, stride=2, batch_normalization=True),
    ),
    dense_units=6,
    dropout=0.2,
)
_SHALLOW = EvaluationConfig(robustness_images=0, saliency_images=0, label_error_threshold=1)


@dataclass(frozen=True)
class Measured:
    """What export is given."""

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
    """Ingest textures, make a model with weights of its own, and measure it."""
    run = Run(id="shipping", workspace=Workspace(folder / "artifacts"))
    settings = DataConfig(dataset=str(write_npz(folder / "textures.npz")))
    ingested = ingest.ingest(run, locate.locate(settings), settings)
    arrays = preprocess.preprocess(run, ingested, PreprocessingConfig())
    trained = _trained(run.workspace.root, classifier((12, 12, 1), 4, LAYERS))
    found = evaluate.evaluate(run, ingested, arrays, trained, _SHALLOW)
    return Measured(run, ingested, trained, found)


def classifier(shape: tuple[int, int, int], classes: int, layers: ModelConfig) -> keras.Model:
    """Make an untrained model whose probabilities differ from image to image."""
    keras.utils.set_random_seed(7)
    made = cnn.classifier(shape, classes, layers, ((1, 1), (2, 0)))
    last = made.get_layer("probabilities").kernel
    last.assign(30 * last)
    return made


def _trained(root: Path, classifier: keras.Model) -> TrainedModel:
    path = root / "made" / "model.keras"
    path.parent.mkdir(parents=True)
    keras_files.export(classifier, path)
    record = FileRecord(
        path="made/model.keras", sha256=digests.sha256(path), bytes=path.stat().st_size
    )
    return made_runs.trained(model=record, history=record)
