import numpy as np
import pandas as pd
import pytest

from examples import pictures
from interrupted_training import FIT
from reading import ingest_arrays
from sightline.config import BackboneConfig, EmbeddingConfig, EvaluationConfig, PreprocessingConfig
from sightline.data import preprocess
from sightline.evaluation import (
    evaluate,
    model_under_test,
    neighbors,
    profile_sample,
    reference,
)
from sightline.models import build
from sightline.records import ModelFile, Run
from sightline.storage.workspace import Workspace
from sightline.training import embed, train

pytestmark = pytest.mark.slow

SETTINGS = EvaluationConfig(robustness_images=0, saliency_images=0, label_error_threshold=0.3)


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    """The inputs of evaluate for a head on frozen layers; its last validation split is held out."""
    folder = tmp_path_factory.mktemp("photos")
    run = Run(id="photos", workspace=Workspace(folder / "artifacts"))
    (x_train, y_train), (x_test, y_test) = (
        pictures(count, seed, (32, 32, 3)) for count, seed in ((80, 1), (24, 2))
    )
    splits = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    files = ingest_arrays(run, folder / "photos.npz", **splits)
    held_out = PreprocessingConfig(validation_fraction=0.2, store="uint8")
    arrays = preprocess.preprocess(run, files, held_out)
    blueprint = build.build(run, arrays, BackboneConfig(finetune="head"))
    features = embed.embed(run, arrays, blueprint, EmbeddingConfig(views=2, engine="keras"))
    trained = train.train(run, features, blueprint, FIT)
    return run, files, arrays, trained, SETTINGS, features


def test_evaluation_by_features_equals_the_evaluation_of_images(stages):
    run, *inputs, features = stages
    quick, slow = evaluate.evaluate(run, *inputs, features), evaluate.evaluate(run, *inputs)
    root = run.workspace.root
    rows, expected = (pd.read_parquet(root / found.predictions.path) for found in (quick, slow))
    pd.testing.assert_frame_equal(rows, expected, rtol=1e-5, atol=1e-5)
    one, other = (profile_sample.read(root / found.profile.path) for found in (quick, slow))
    np.testing.assert_allclose(one.features, other.features, rtol=1e-3, atol=1e-4)
    assert quick.serving_difference < 1e-5
    first, second = quick.calibration.temperature, slow.calibration.temperature
    assert first.validation_images == second.validation_images == 16
    assert first.temperature == pytest.approx(second.temperature, rel=1e-2)
    rows, expected = (
        pd.read_parquet(root / found.label_errors.table.path).set_index("index").sort_index()
        for found in (quick, slow)
    )
    assert len(rows) == quick.label_errors.found > 0
    pd.testing.assert_frame_equal(rows, expected, atol=1e-3)
    assert (quick.neighbors.images, slow.neighbors) == (104, None)
    for table in quick.neighbors.tables.values():
        assert (root / table.path).is_file()


def changed(monkeypatch, factor):
    """Let all features be read multiplied by a factor."""
    read = model_under_test.FrozenFeatures.open
    monkeypatch.setattr(
        model_under_test.FrozenFeatures, "open", lambda self, name: read(self, name)[:] * factor
    )


def test_test_images_are_predicted_again_where_their_features_are_not_exact(stages, monkeypatch):
    run, *inputs, features = stages
    changed(monkeypatch, np.float32(1.001))
    again = run.model_copy(update={"id": "inexact", "refresh": True})
    found = evaluate.evaluate(again, *inputs, features)
    expected = evaluate.evaluate(run, *inputs)
    assert found.predictions.sha256 == expected.predictions.sha256
    assert found.profile.sha256 == expected.profile.sha256
    assert found.neighbors is not None


def test_what_no_model_changes_is_computed_once(stages, monkeypatch):
    run, files, arrays, trained, settings, features = stages
    first = evaluate.evaluate(run, files, arrays, trained, settings, features)
    for module, name in ((neighbors, "find"), (reference, "compare")):
        monkeypatch.setattr(module, name, None)
    other = settings.model_copy(update={"calibration_bins": 5})
    second = evaluate.evaluate(run, files, arrays, trained, other, features)
    assert second.predictions.path != first.predictions.path
    assert second.linear_reference == first.linear_reference
    text = (run.workspace.root / second.metrics.path).read_text()
    assert '"neighbors"' in text
    assert '"entry"' not in text, "it says nothing of the model"
    for found in (second.linear_reference, second.neighbors):
        assert (run.workspace.root / found.entry / "manifest.json").is_file()
    for name, table in second.neighbors.tables.items():
        assert table.sha256 == first.neighbors.tables[name].sha256
        assert table.path.startswith("cache/evaluate/"), "the entry is complete in itself"


def test_features_that_lead_to_other_predictions_are_not_used(stages, monkeypatch, caplog):
    run, *inputs, features = stages
    changed(monkeypatch, -1)
    again = run.model_copy(update={"id": "again", "refresh": True})
    with caplog.at_level("WARNING"):
        found = evaluate.evaluate(again, *inputs, features)
    assert found.neighbors is None
    assert "images are used instead" in caplog.text
    expected = evaluate.evaluate(run, *inputs).label_errors
    assert found.label_errors.table.sha256 == expected.table.sha256


def test_parts_name_the_images_as_they_were_ingested(stages):
    run, files, arrays, trained, settings, features = stages
    path = run.workspace.root / trained.model.path
    exported = ModelFile(path=str(path), sha256=trained.model.sha256)
    tested = model_under_test.load(run, files, arrays, exported, settings, trained, features)
    rows = {}
    for part in tested.features.parts():
        rows.setdefault(part.split, []).extend(part.rows)
    assert {name: sorted(found) for name, found in rows.items()} == {
        "train": list(range(80)),
        "test": list(range(24)),
    }
    copied = preprocess.preprocess(
        run, files, PreprocessingConfig(validation_fraction=0.2, store="float32")
    )
    tested = model_under_test.load(run, files, copied, exported, settings, trained, features)
    assert [part.split for part in tested.features.parts()] == ["test"]
    assert tested.features.open("test")[[3]].shape == (1, 1280)
