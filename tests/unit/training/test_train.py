import json
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from examples import CLASSES, pictures
from sightline.config import Convolution, EvaluationConfig, ModelConfig, TrainingConfig, loading
from sightline.errors import DeviceError, StageError
from sightline.evaluation import evaluate, model_under_test, predictions
from sightline.models import build, cnn, keras_files
from sightline.pipeline.progress import Progress, listening
from sightline.records import ArraySet, DatasetFiles, ModelBlueprint, Run, TrainedModel
from sightline.training import backend, input_pipeline, optimizer, train

SMALL = ModelConfig(convolutions=(Convolution(filters=8), Convolution(filters=8)), dense_units=8)
FIT = TrainingConfig(epochs=3, batch_size=16, learning_rate=0.02)


@pytest.fixture
def blueprint(run: Run, prepared: ArraySet) -> ModelBlueprint:
    return build.build(run, prepared, SMALL)


@pytest.fixture
def trained(run: Run, prepared: ArraySet, blueprint: ModelBlueprint) -> TrainedModel:
    return train.train(run, prepared, blueprint, FIT)


def test_tutorial_network_has_141258_parameters() -> None:
    network = cnn.classifier((28, 28, 1), 10, loading.load("tutorial").model)
    assert network.count_params() == 141_258
    kinds = [type(layer).__name__ for layer in network.layers]
    expected = ["InputLayer", *["Conv2D", "ReLU"] * 6, "GlobalAveragePooling2D", "Dense", "Dense"]
    assert kinds == expected
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
    assert {layer.padding for layer in convolutions} == {"same"}
    assert [layer.strides[0] for layer in convolutions] == [1, 2, 1, 2, 1, 1]


def test_normalised_network_has_no_biases_and_can_be_stored(tmp_path: Path) -> None:
    convolutions = (Convolution(filters=8, batch_normalization=True),) * 2
    settings = SMALL.model_copy(update={"convolutions": convolutions})
    network = cnn.classifier((12, 12, 1), 4, settings)
    kinds = [type(layer).__name__ for layer in network.layers[1:7]]
    assert kinds == ["Conv2D", "BatchNormalization", "ReLU"] * 2
    assert not any(layer.use_bias for layer in network.layers if layer.name[:4] == "conv")
    network.get_layer("normalization_1").moving_mean.assign(np.arange(8))
    keras_files.export(network, tmp_path / "model.keras")
    stored = keras_files.without_preprocessing(keras_files.read_model(tmp_path / "model.keras"))
    for ours, theirs in zip(network.weights, stored.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("shape", "classes"), [((8, 8, 1), 2), ((31, 17, 3), 7), ((28, 28, 1), 1000)]
)
def test_network_adapts_to_images_and_classes(shape: tuple[int, int, int], classes: int) -> None:
    network = cnn.classifier(shape, classes, loading.load("tutorial").model)
    assert network.output_shape == (None, classes)
    assert network.input_shape == (None, *shape)


def test_blueprint_describes_the_network(run: Run, blueprint: ModelBlueprint) -> None:
    assert blueprint.parameters == sum(layer.parameters for layer in blueprint.layers)
    architecture = json.loads((run.workspace.root / blueprint.architecture.path).read_text())
    assert architecture["class_name"] == "Functional"
    summary = (run.workspace.root / blueprint.summary.path).read_text()
    assert f"{blueprint.parameters:,}" in summary


def test_network_learns_and_the_history_tells(run: Run, trained: TrainedModel) -> None:
    history = pd.read_parquet(run.workspace.root / trained.history.path)
    assert history["epoch"].tolist() == [1, 2, 3]
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert history["val_accuracy"].iloc[-1] > 0.9
    assert (history["images_per_second"] > 0).all()
    assert trained.fit_seconds is not None
    assert trained.fit_seconds > history["seconds"].sum()
    assert trained.peak_memory_bytes > 50_000_000


def test_same_inputs_give_the_same_bytes(
    run: Run, prepared: ArraySet, blueprint: ModelBlueprint, trained: TrainedModel
) -> None:
    fresh = run.model_copy(update={"id": "fresh", "refresh": True})
    again = train.train(fresh, prepared, blueprint, FIT)
    assert again.weights_sha256 == trained.weights_sha256
    assert again.model.sha256 == trained.model.sha256
    other = train.train(fresh, prepared, blueprint, FIT.model_copy(update={"seed": 1}))
    assert other.weights_sha256 != trained.weights_sha256


def test_cosine_schedule_ends_at_zero() -> None:
    settings = FIT.model_copy(update={"schedule": "cosine"})
    schedule = optimizer.learning_rate(settings, steps=24)
    assert not isinstance(schedule, float)
    rates = [float(schedule(step)) for step in (0, 12, 24)]
    assert rates == pytest.approx([0.02, 0.01, 0.0])
    assert optimizer.learning_rate(FIT, steps=24) == 0.02


def test_smoothed_labels_cost_even_where_all_is_right(
    run: Run, prepared: ArraySet, blueprint: ModelBlueprint, trained: TrainedModel
) -> None:
    smoothed = FIT.model_copy(update={"label_smoothing": 0.3})
    other = train.train(run, prepared, blueprint, smoothed)
    losses = [
        pd.read_parquet(run.workspace.root / made.history.path)["loss"].iloc[-1]
        for made in (trained, other)
    ]
    least = -0.775 * np.log(0.775) - 3 * 0.075 * np.log(0.075)  # the labels' own entropy
    assert losses[0] < least <= losses[1]


def test_one_cycle_rises_for_a_quarter_then_falls_to_zero() -> None:
    settings = FIT.model_copy(update={"schedule": "one-cycle"})
    schedule = optimizer.learning_rate(settings, steps=24)
    assert not isinstance(schedule, float)
    rates = [float(schedule(step)) for step in (0, 3, 6, 15, 24)]
    assert rates == pytest.approx([0.0, 0.01, 0.02, 0.01, 0.0])


def test_training_on_some_examples_counts_what_it_saw(
    run: Run, prepared: ArraySet, blueprint: ModelBlueprint
) -> None:
    trained = train.train(
        run, prepared, blueprint, FIT.model_copy(update={"examples_per_epoch": 40})
    )
    history = pd.read_parquet(run.workspace.root / trained.history.path)
    seen = history["images_per_second"] * history["seconds"]
    assert seen.to_list() == pytest.approx([40] * 3)


def test_each_epoch_is_fed_in_its_own_order(
    run: Run, prepared: ArraySet, blueprint: ModelBlueprint, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed: list[tuple[int, int]] = []
    epochs: list[int] = []
    start_epoch, get = input_pipeline.Batches.start_epoch, input_pipeline.Batches.__getitem__

    def note_epoch(self: input_pipeline.Batches, epoch: int) -> None:
        epochs.append(epoch)
        start_epoch(self, epoch)

    def note_batch(self: input_pipeline.Batches, index: int) -> object:
        fed.append((epochs[-1], index))
        return get(self, index)

    monkeypatch.setattr(input_pipeline.Batches, "start_epoch", note_epoch)
    monkeypatch.setattr(input_pipeline.Batches, "__getitem__", note_batch)
    without_validation = prepared.model_copy(update={"splits": {"train": prepared.splits["train"]}})
    train.train(run, without_validation, blueprint, FIT)
    steps = 8  # 128 images in batches of 16
    trained_on = fed[-3 * steps :]
    assert trained_on == [(epoch, index) for epoch in range(3) for index in range(steps)]


def test_progress_counts_every_epoch(
    run: Run, prepared: ArraySet, blueprint: ModelBlueprint
) -> None:
    seen: list[Progress] = []
    with listening(seen.append):
        train.train(run, prepared, blueprint, FIT)
    closing = [progress for progress in seen if progress.epoch_done]
    assert [progress.epoch for progress in closing] == [1, 2, 3]
    assert all(progress.done == progress.total == 8 for progress in closing)
    assert {"loss", "accuracy", "val_loss", "images_per_second"} <= set(closing[-1].facts)


def test_exported_model_takes_raw_images(run: Run, trained: TrainedModel) -> None:
    exported = keras_files.read_model(run.workspace.root / trained.model.path)
    images, labels = pictures(40, 2)
    assert exported.input_shape == (None, 12, 12, 1)
    assert exported.inputs[0].dtype == "uint8"
    probabilities = exported.predict(images, verbose=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.9


def test_exported_model_holds_no_training_state(run: Run, trained: TrainedModel) -> None:
    path = run.workspace.root / trained.model.path
    assert path.stat().st_size < 200_000
    with zipfile.ZipFile(path) as archive:
        assert "date_saved" not in json.loads(archive.read("metadata.json"))


def test_demanded_gpu_that_is_missing_is_an_error(
    run: Run, prepared: ArraySet, blueprint: ModelBlueprint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.distribution, "list_devices", lambda kind: [])
    with pytest.raises(DeviceError, match=r'training\.device is "gpu".*sees no GPU'):
        train.train(run, prepared, blueprint, FIT.model_copy(update={"device": "gpu"}))


@pytest.mark.parametrize(("count", "expected"), [(0, "cpu"), (2, "gpu")])
def test_torch_is_asked_itself_for_gpus(
    count: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = SimpleNamespace(cuda=SimpleNamespace(device_count=lambda: count))
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    assert backend.resolve_device("auto") == expected


def test_exploding_weights_are_an_error(
    run: Run, prepared: ArraySet, blueprint: ModelBlueprint
) -> None:
    with pytest.raises(StageError, match=r"no longer finite.*training\.learning_rate"):
        train.train(run, prepared, blueprint, FIT.model_copy(update={"learning_rate": 1e38}))


def test_evaluation_counts_what_the_predictions_say(
    run: Run, files: DatasetFiles, prepared: ArraySet, trained: TrainedModel
) -> None:
    result = evaluate.evaluate(run, files, prepared, trained, EvaluationConfig(batch_size=7))
    table = pd.read_parquet(run.workspace.root / result.predictions.path)
    assert table["index"].tolist() == list(range(40))
    assert table["label"].tolist() == pictures(40, 2)[1].tolist()
    probabilities = table[[f"probability_{number}" for number in range(CLASSES)]].to_numpy()
    assert (probabilities.argmax(axis=1) == table["predicted"]).all()
    assert result.accuracy == (table["label"] == table["predicted"]).mean()
    expected_loss = -np.log(probabilities[np.arange(40), table["label"]]).mean()
    assert result.loss == pytest.approx(expected_loss, rel=1e-4)
    low, high = result.accuracy_interval
    assert 0 <= low <= result.accuracy <= high <= 1
    assert np.sum(result.confusion) == 40
    assert [metrics.support for metrics in result.classes] == [10] * CLASSES
    for row in result.classes:
        assert row.recall_interval is not None
        assert row.recall_interval[0] <= row.recall <= row.recall_interval[1]
    assert result.top_k.keys() == {2, 3}
    assert result.accuracy <= result.top_k[2] <= result.top_k[3] <= 1
    assert result.calibration is not None
    assert sum(found.images for found in result.calibration.bins) == 40
    assert result.calibration.temperature is not None, "there is a validation split"
    assert result.calibration.temperature.validation_images == 32
    assert result.coverage[0].accuracy == result.accuracy
    assert result.slices == ()
    told = json.loads((run.workspace.root / result.metrics.path).read_text())
    assert told == result.model_dump(mode="json", exclude={"metrics", "predictions"})


def test_evaluation_goes_as_deep_as_it_is_asked_to(
    run: Run, files: DatasetFiles, prepared: ArraySet, trained: TrainedModel
) -> None:
    asked = EvaluationConfig(
        slices=("class_name",), robustness_images=20, label_error_threshold=0.3
    )
    result = evaluate.evaluate(run, files, prepared, trained, asked)
    assert [row.images for row in result.slices] == [10] * CLASSES
    recalls = [row.recall for row in result.classes]
    assert sorted(row.accuracy for row in result.slices) == pytest.approx(sorted(recalls))
    assert result.robustness is not None
    assert (result.robustness.images, len(result.robustness.corruptions)) == (20, 7)
    assert result.label_errors is not None
    assert result.label_errors.examined == 160
    doubts = pd.read_parquet(run.workspace.root / result.label_errors.table.path)
    assert len(doubts) == result.label_errors.found
    assert (doubts["label"] == pictures(160, 1)[1][doubts["index"]]).all()
    wrong = 40 - round(40 * result.accuracy)
    assert (result.saliency is None) == (wrong == 0)
    if result.saliency is not None:
        assert result.saliency.maps.shape == (min(wrong, 8), 12, 12)
        assert result.saliency.completeness < 0.1

    shallow = EvaluationConfig(robustness_images=0, saliency_images=0, label_error_threshold=1)
    plain = evaluate.evaluate(run, files, prepared, trained, shallow)
    assert (plain.robustness, plain.saliency, plain.label_errors) == (None, None, None)
    assert plain.accuracy == result.accuracy


def test_evaluation_in_blocks_equals_evaluation_at_once(
    run: Run,
    files: DatasetFiles,
    prepared: ArraySet,
    trained: TrainedModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = evaluate.evaluate(run, files, prepared, trained, EvaluationConfig())
    monkeypatch.setattr(predictions, "BLOCK_BYTES", 9 * 12 * 12 * 4)
    monkeypatch.setattr(model_under_test, "_BATCH_BYTES", 2 * 12 * 12 * 4)
    fresh = run.model_copy(update={"id": "fresh", "refresh": True})
    blocks = evaluate.evaluate(fresh, files, prepared, trained, EvaluationConfig())
    assert blocks.confusion == whole.confusion
    assert blocks.loss == pytest.approx(whole.loss, rel=1e-5)


def test_model_that_serves_otherwise_than_it_was_trained_is_refused(
    run: Run,
    files: DatasetFiles,
    prepared: ArraySet,
    trained: TrainedModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_model = keras_files.read_model

    def read_badly_scaled(path: Path, expected_sha256: str) -> keras.Model:
        exported = read_model(path, expected_sha256)
        exported.get_layer("scale").scale = 1 / 200
        return exported

    monkeypatch.setattr(keras_files, "read_model", read_badly_scaled)
    with pytest.raises(StageError, match="differs from the trained one"):
        evaluate.evaluate(run, files, prepared, trained, EvaluationConfig())
