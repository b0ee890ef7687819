import json

import numpy as np
import pandas as pd
import pytest

from examples import CLASSES, pictures
from sightline.config import EvaluationConfig
from sightline.data import split_arrays
from sightline.errors import StageError
from sightline.evaluation import evaluate, model_under_test, profile_sample
from sightline.evaluation.intervals import wilson
from sightline.evaluation.overall import overall
from sightline.models import keras_files


def measure(textures, run=None, **settings):
    return evaluate.evaluate(
        run or textures.run,
        textures.files,
        textures.arrays,
        textures.trained,
        EvaluationConfig.model_validate(settings),
    )


def test_evaluation_counts_what_the_predictions_say(textures):
    result = measure(textures, batch_size=7)
    table = pd.read_parquet(textures.run.workspace.root / result.predictions.path)
    assert table["index"].tolist() == list(range(40))
    assert table["label"].tolist() == pictures(40, 2)[1].tolist()
    labels = pd.read_parquet(textures.run.workspace.root / textures.files.labels.path)
    assert table["source"].tolist() == labels["source"][labels["split"] == "test"].tolist()
    probabilities = table[[f"probability_{number}" for number in range(CLASSES)]].to_numpy()
    assert (probabilities.argmax(axis=1) == table["predicted"]).all()
    assert result.accuracy == (table["label"] == table["predicted"]).mean()
    expected_loss = -np.log(probabilities[np.arange(40), table["label"]]).mean()
    assert result.loss == pytest.approx(expected_loss, rel=1e-4)
    recalls = (table["predicted"] == table["label"]).groupby(table["label"]).mean()
    assert result.balanced_accuracy == pytest.approx(recalls.mean())
    assert result.macro_f1 == pytest.approx(np.mean([row.f1 for row in result.classes]))
    assert result.linear_reference.training_images == 128, "32 are held out"
    assert 0.25 < result.linear_reference.accuracy <= 1
    assert 0.5 < result.threshold_curves.roc_auc <= 1
    low, high = result.accuracy_interval
    assert 0 <= low <= result.accuracy <= high <= 1
    assert np.sum(result.confusion) == 40
    for row in result.classes:
        assert row.support == 10
        assert row.recall_interval == wilson(round(row.recall * 10), 10)
    assert {"loss", "top-2 accuracy", "top-3 accuracy"} <= result.intervals.keys()
    for name, (low, high) in result.intervals.items():
        assert low <= overall(result)[name][0] <= high
    assert result.top_k.keys() == {2, 3}
    assert result.accuracy <= result.top_k[2] <= result.top_k[3] <= 1
    assert sum(found.images for found in result.calibration.bins) == 40
    assert result.calibration.temperature is not None, "there is a validation split"
    assert result.calibration.temperature.validation_images == 32
    assert result.coverage[0].accuracy == result.accuracy
    sample = profile_sample.read(textures.run.workspace.root / result.profile.path)
    assert sorted(sample.predicted) == sorted(table["predicted"])
    np.testing.assert_allclose(sample.confidence, probabilities.max(axis=1))
    assert sample.features.shape == (40, 8), "the units of the layer before the last"
    assert sample.brightness.mean() == pytest.approx(pictures(40, 2)[0].mean(), rel=1e-4)
    assert result.slices == ()
    written = json.loads((textures.run.workspace.root / result.metrics.path).read_text())
    found = result.model_dump(mode="json", exclude={"metrics", "predictions"})
    assert found["linear_reference"].pop("entry").startswith("cache/"), "and nothing of the model"
    assert written == found


def test_optional_measures_are_taken_as_configured(textures):
    result = measure(
        textures, slices=("class_name",), robustness_images=20, label_error_threshold=0.3
    )
    assert [row.images for row in result.slices] == [10] * CLASSES
    recalls = [row.recall for row in result.classes]
    assert sorted(row.accuracy for row in result.slices) == pytest.approx(sorted(recalls))
    assert (result.robustness.images, len(result.robustness.corruptions)) == (20, 7)
    assert result.label_errors.examined == 160
    errors = pd.read_parquet(textures.run.workspace.root / result.label_errors.table.path)
    assert len(errors) == result.label_errors.found
    assert (errors["label"] == pictures(160, 1)[1][errors["index"]]).all()
    wrong = 40 - round(40 * result.accuracy)
    assert (result.saliency is None) == (wrong == 0)
    if result.saliency is not None:
        assert result.saliency.maps.shape == (min(wrong, 8), 12, 12)
        assert result.saliency.completeness < 0.1
    plain = measure(textures, robustness_images=0, saliency_images=0, label_error_threshold=1)
    assert (plain.robustness, plain.saliency, plain.label_errors) == (None, None, None)
    assert plain.accuracy == result.accuracy


def test_evaluation_in_blocks_equals_evaluation_at_once(textures, monkeypatch):
    at_once = measure(textures)
    monkeypatch.setattr(split_arrays, "BLOCK_BYTES", 9 * 12 * 12)
    monkeypatch.setattr(model_under_test, "_BATCH_BYTES", 2 * 12 * 12 * 4)
    in_blocks = measure(textures, textures.refreshed)
    assert in_blocks.confusion == at_once.confusion
    assert in_blocks.loss == pytest.approx(at_once.loss, rel=1e-5)


def test_export_that_differs_from_the_trained_model_is_refused(textures, monkeypatch):
    read_model = keras_files.read_model

    def read_badly_scaled(path, expected_sha256):
        exported = read_model(path, expected_sha256)
        exported.get_layer("scale").scale = 1 / 200
        return exported

    monkeypatch.setattr(keras_files, "read_model", read_badly_scaled)
    with pytest.raises(StageError, match="preprocessing"):
        measure(textures, textures.refreshed)
