"""The recipes `fast` and `accurate`, and what they need, from the images to the exported model."""

from pathlib import Path

import numpy as np
import pytest

from examples import pictures, write_folders
from sightline.config import (
    Convolution,
    DataConfig,
    EvaluationConfig,
    ModelConfig,
    PreprocessingConfig,
    TrainingConfig,
    loading,
)
from sightline.data import ingest, locate, preprocess
from sightline.evaluation import evaluate
from sightline.models import build, cnn, keras_files
from sightline.records import ArraySet, DatasetFiles, Run
from sightline.training import train


def bordered(run: Run, path: Path) -> tuple[DatasetFiles, ArraySet]:
    """Prepare the textures with three black pixels around them."""
    sides = ((0, 0), (3, 3), (3, 3), (0, 0))
    (x_train, y_train), (x_test, y_test) = pictures(160, 1), pictures(40, 2)
    padded = {"x_train": np.pad(x_train, sides), "x_test": np.pad(x_test, sides)}
    np.savez(path, y_train=y_train, y_test=y_test, **padded)
    settings = DataConfig(dataset=str(path))
    files = ingest.ingest(run, locate.locate(settings), settings)
    return files, preprocess.preprocess(run, files, PreprocessingConfig())


def test_cropping_is_exported_and_ghost_batches_are_not(run, tmp_path):
    files, arrays = bordered(run, tmp_path / "bordered.npz")
    settings = ModelConfig(
        convolutions=(Convolution(filters=8),) * 2, dense_units=8, crop_borders=0.99
    )
    blueprint = build.build(run, arrays, settings)
    assert {layer.name: layer.output_shape for layer in blueprint.layers}["crop_borders"] == (
        12,
        12,
        1,
    )
    trained = train.train(
        run,
        arrays,
        blueprint,
        TrainingConfig(epochs=3, batch_size=16, learning_rate=0.02, ghost_batches=2),
    )
    exported = keras_files.read_model(run.workspace.root / trained.model.path)
    assert exported.input_shape == (None, 18, 18, 1)
    assert "ghost_batches" not in exported.to_json()
    measured = evaluate.evaluate(run, files, arrays, trained, EvaluationConfig())
    assert measured.accuracy > 0.6  # chance: 0.25


@pytest.mark.parametrize("recipe", ["fast", "accurate"])
def test_recipe_has_the_tutorials_convolutions_and_no_more_parameters(recipe):
    settings, tutorial = loading.load(recipe).model, loading.load("tutorial").model
    shapes = [
        [(step.filters, step.stride) for step in one.convolutions] for one in (settings, tutorial)
    ]
    assert shapes[0] == shapes[1]
    parameters = [
        cnn.classifier((28, 28, 1), 10, one).count_params() for one in (settings, tutorial)
    ]
    assert 0.99 * parameters[1] < parameters[0] <= parameters[1]


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [("fast", []), ("accurate", ["training.examples_per_epoch=1000", "training.epochs=20"])],
)
def test_recipe_learns_a_few_small_colour_images(recipe, changes, run, tmp_path):
    folders = write_folders(tmp_path / "colours", train=160, test=80, shape=(20, 16, 3))
    config = loading.load(recipe, overrides=changes, dataset=str(folders))
    files = ingest.ingest(run, locate.locate(config.data), config.data)
    arrays = preprocess.preprocess(run, files, config.preprocessing)
    blueprint = build.build(run, arrays, config.model)
    trained = train.train(run, arrays, blueprint, config.training)
    measured = evaluate.evaluate(run, files, arrays, trained, config.evaluation)
    assert measured.accuracy > 0.95  # chance: 0.25
