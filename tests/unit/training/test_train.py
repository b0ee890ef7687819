import json
import random
import sys
import zipfile
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from examples import pictures
from sightline.data.scaling import to_float
from sightline.data.split_arrays import open_split, read_split_labels
from sightline.errors import DeviceError, DivergenceError
from sightline.models import keras_files
from sightline.records import ModelMetadata
from sightline.training import backend, fit, train
from sightline.training.epoch_plan import EpochPlan
from sightline.training.input_pipeline import Batches
from trained_textures import FIT


def test_blueprint_describes_the_model(textures):
    root, blueprint = textures.run.workspace.root, textures.blueprint
    assert blueprint.parameters == sum(layer.parameters for layer in blueprint.layers)
    architecture = json.loads((root / blueprint.architecture.path).read_text())
    assert architecture["class_name"] == "Functional"
    assert f"{blueprint.parameters:,}" in (root / blueprint.summary.path).read_text()


def test_model_learns_as_history_and_progress_show(textures):
    trained = textures.trained
    history = pd.read_parquet(textures.run.workspace.root / trained.history.path)
    assert history["epoch"].tolist() == [1, 2, 3]
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert history["val_accuracy"].iloc[-1] > 0.9
    assert history["learning_rate"].tolist() == [pytest.approx(0.02)] * 3
    assert (history["images_per_second"] > 0).all()
    steps = pd.read_parquet(textures.run.workspace.root / trained.steps.path)
    assert steps["step"].tolist() == list(range(1, 3 * 8 + 1))
    assert steps["epoch"].iloc[-1] == 3
    for name in ("loss", "accuracy"):  # 128 images in batches of 16
        means = steps[name].to_numpy().reshape(3, 8).mean(axis=1)
        assert means == pytest.approx(history[name].to_numpy(), rel=1e-4)
    assert steps["learning_rate"].tolist() == [pytest.approx(0.02)] * 24
    assert trained.fit_seconds is not None
    assert trained.fit_seconds > history["seconds"].sum()
    assert 0 <= trained.waiting < 1
    assert trained.peak_memory_bytes > 50_000_000
    closing = [progress for progress in textures.progress if progress.epoch_done]
    assert [progress.epoch for progress in closing] == [1, 2, 3]
    assert all(progress.done == progress.total == 8 for progress in closing)
    assert {"loss", "accuracy", "val_loss", "images_per_second"} <= set(closing[-1].facts)


def test_same_inputs_give_the_same_bytes_and_each_epoch_its_own_order(textures, monkeypatch):
    epochs: list[int] = []
    fed: list[tuple[int, int]] = []
    start_epoch, get = Batches.start_epoch, Batches.__getitem__

    def note_epoch(self, epoch):
        epochs.append(epoch)
        start_epoch(self, epoch)

    def note_batch(self, index):
        if len(self._images) == 128:  # not the validation split
            fed.append((epochs[-1], index))
        return get(self, index)

    monkeypatch.setattr(Batches, "start_epoch", note_epoch)
    monkeypatch.setattr(Batches, "__getitem__", note_batch)
    again = train.train(textures.refreshed, textures.arrays, textures.blueprint, FIT)
    assert again.weights_sha256 == textures.trained.weights_sha256
    assert again.model.sha256 == textures.trained.model.sha256
    assert fed[-24:] == [(epoch, index) for epoch in range(3) for index in range(8)]


def test_model_is_compiled_as_configured(textures):
    root, architecture = textures.run.workspace.root, textures.blueprint.architecture
    settings = FIT.model_copy(update={"label_smoothing": 0.3, "steps_per_execution": 2})
    network = keras_files.read_architecture(root / architecture.path)
    rng = random.Random(0)  # noqa: S311 - no secret
    compiled = fit._compile(network, EpochPlan(128, 16), settings, rng)
    assert compiled.loss.label_smoothing == 0.3
    assert compiled.steps_per_execution == 2


def test_exported_model_takes_raw_images_and_holds_no_training_state(textures):
    path = textures.run.workspace.root / textures.trained.model.path
    exported = keras_files.read_model(path)
    images, labels = pictures(40, 2)
    assert exported.input_shape == (None, 12, 12, 1)
    assert exported.inputs[0].dtype == "uint8"
    probabilities = exported.predict(images, verbose=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.9
    assert path.stat().st_size < 200_000
    with zipfile.ZipFile(path) as archive:
        assert "date_saved" not in json.loads(archive.read("metadata.json"))


def test_exported_model_says_what_its_classes_and_images_are(textures):
    path = textures.run.workspace.root / textures.trained.model.path
    _, metadata = keras_files.read_with_metadata(path)
    assert metadata == ModelMetadata.of(textures.arrays)
    assert metadata.class_names == textures.arrays.class_names


def test_required_gpu_that_is_missing_is_an_error(textures, monkeypatch):
    monkeypatch.setattr(keras.distribution, "list_devices", lambda kind: [])
    settings = FIT.model_copy(update={"device": "gpu"})
    with pytest.raises(DeviceError, match=r"training\.device.*sightline\[gpu\]"):
        train.train(textures.run, textures.arrays, textures.blueprint, settings)


@pytest.mark.parametrize(("count", "expected"), [(0, "cpu"), (2, "gpu")])
def test_torch_is_asked_itself_for_gpus(count, expected, monkeypatch):
    torch = SimpleNamespace(cuda=SimpleNamespace(device_count=lambda: count))
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    assert backend.resolve_device("auto") == expected


def test_exploding_weights_are_an_error(textures):
    settings = FIT.model_copy(update={"learning_rate": 1e38, "epochs": 1})
    with pytest.raises(DivergenceError, match=r"training\.learning_rate"):
        train.train(textures.run, textures.arrays, textures.blueprint, settings)


def test_averages_of_the_weights_are_validated_and_exported_but_not_trained_on(textures):
    settings = FIT.model_copy(update={"ema": 0.9})
    averaged = train.train(textures.run, textures.arrays, textures.blueprint, settings)
    root = textures.run.workspace.root
    plain, history = (
        pd.read_parquet(root / one.history.path) for one in (textures.trained, averaged)
    )
    assert history["loss"].tolist() == plain["loss"].tolist()
    assert (history["val_loss"] != plain["val_loss"]).all()
    split = textures.arrays.splits["validation"]
    workspace = textures.run.workspace
    images = to_float(open_split(workspace, split)[:])
    labels = np.eye(4)[read_split_labels(workspace, split)]
    exported = keras_files.without_preprocessing(keras_files.read_model(root / averaged.model.path))
    exported.compile(loss="categorical_crossentropy")
    found = exported.evaluate(images, labels, batch_size=16, verbose=0)
    assert found == pytest.approx(history["val_loss"].iloc[-1], rel=1e-5)
