"""The recipes that train from scratch, from the images to the exported model."""

import numpy as np
import pytest

from examples import pictures, write_folders
from sightline.config import loading
from sightline.data import ingest, locate, preprocess
from sightline.evaluation import evaluate
from sightline.models import build, cnn, keras_files
from sightline.training import train


def run_stages(run, config):
    files = ingest.ingest(run, locate.locate(config.data), config.data)
    arrays = preprocess.preprocess(run, files, config.preprocessing)
    blueprint = build.build(run, arrays, config.model)
    trained = train.train(run, arrays, blueprint, config.training)
    return blueprint, trained, evaluate.evaluate(run, files, arrays, trained, config.evaluation)


def test_cropping_is_exported_and_ghost_batches_are_not(run, tmp_path):
    sides = ((0, 0), (3, 3), (3, 3), (0, 0))  # three black pixels around the textures
    (x_train, y_train), (x_test, y_test) = pictures(160, 1), pictures(40, 2)
    padded = {"x_train": np.pad(x_train, sides), "x_test": np.pad(x_test, sides)}
    np.savez(tmp_path / "bordered.npz", y_train=y_train, y_test=y_test, **padded)
    model = "{convolutions=[{filters=8}, {filters=8}], dense_units=8, crop_borders=0.99}"
    fit = "{epochs=3, batch_size=16, learning_rate=0.02, ghost_batches=2}"
    settings = [f"model={model}", f"training={fit}", "preprocessing={}", "evaluation={}"]
    config = loading.load(overrides=settings, dataset=str(tmp_path / "bordered.npz"))
    blueprint, trained, measured = run_stages(run, config)
    shapes = {layer.name: layer.output_shape for layer in blueprint.layers}
    assert shapes["crop_borders"] == (12, 12, 1)
    exported = keras_files.read_model(run.workspace.root / trained.model.path)
    assert exported.input_shape == (None, 18, 18, 1)
    assert "ghost_batches" not in exported.to_json()
    assert measured.accuracy > 0.6  # chance: 0.25


@pytest.mark.parametrize("recipe", ["fast", "accurate"])
def test_recipe_has_the_tutorials_convolutions_and_no_more_parameters(recipe):
    models = [loading.load(name).model for name in (recipe, "tutorial")]
    shapes = [[(step.filters, step.stride) for step in model.convolutions] for model in models]
    assert shapes[0] == shapes[1]
    parameters = [cnn.classifier((28, 28, 1), 10, model).count_params() for model in models]
    assert 0.99 * parameters[1] < parameters[0] <= parameters[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        ("fast", ["training.examples_per_epoch=7200"]),
        ("cifar", ["model.widths=[16, 32]", "training.batch_size=20", "training.epochs=4"]),
        pytest.param(
            "accurate",
            ["training.examples_per_epoch=1000", "training.epochs=20"],
            marks=pytest.mark.campaign,
        ),
    ],
)
def test_recipe_learns_a_few_small_colour_images(recipe, changes, run, tmp_path):
    folders = write_folders(tmp_path / "colours", train=160, test=80, shape=(20, 16, 3))
    config = loading.load(recipe, overrides=changes, dataset=str(folders))
    _, _, measured = run_stages(run, config)
    assert measured.accuracy > 0.95  # chance: 0.25
