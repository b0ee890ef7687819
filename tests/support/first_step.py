"""Train recipes for a few steps on whatever backend Keras has here; print losses as JSON.

Usage: python first_step.py FOLDER RECIPE ... An epoch is a single batch. Initial weights come from
NumPy, since each backend has its own random number generator.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import pyarrow.parquet as pq

from reading import prepare_textures
from sightline.config import loading
from sightline.models import build
from sightline.training import fit, train

drawn = fit._initial_model


def drawn_by_numpy(*given: object) -> keras.Model:
    """Draw kernels and biases; the initial values of other weights are zeros and ones."""
    network = drawn(*given)
    rng = np.random.default_rng(0)
    for weight in network.weights:
        if weight.name in {"kernel", "bias"}:
            weight.assign(rng.normal(scale=0.1, size=weight.shape))
    return network


def main(folder: Path, recipe: str) -> list[float]:
    """Train a recipe on textures."""
    run, _, arrays = prepare_textures(folder)
    short = {"epochs": 3, "examples_per_epoch": 32, "batch_size": 32, "precision": "float32"}
    config = loading.load(recipe)
    settings = config.training.model_copy(update=short)
    blueprint = build.build(run, arrays, config.model)
    trained = train.train(run, arrays, blueprint, settings)
    losses = pq.read_table(run.workspace.root / trained.history.path)["loss"]
    return [float(loss) for loss in losses.to_pylist()]


if __name__ == "__main__":
    fit._initial_model = drawn_by_numpy
    found = {recipe: main(Path(sys.argv[1]), recipe) for recipe in sys.argv[2:]}
    sys.stdout.write(json.dumps({keras.backend.backend(): found}))
