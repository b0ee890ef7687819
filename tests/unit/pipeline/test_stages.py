from importlib import import_module

import pytest

from declared_stages import STAGES
from sightline.config import loading
from sightline.data.ingest import INGEST
from sightline.data.preprocess import PREPROCESS
from sightline.evaluation.evaluate import EVALUATE
from sightline.models.build import BUILD
from sightline.pipeline import provenance, stages
from sightline.records import FileRecord, ModelBlueprint, Record
from sightline.reporting.report import REPORT
from sightline.training.train import TRAIN


def file(digit, path="a/file"):
    return FileRecord(path=path, sha256=digit * 64, bytes=1)


def blueprint(**changes):
    stored = {"architecture": file("1"), "summary": file("2")} | changes
    return ModelBlueprint(
        **stored, layers=(), parameters=330, image_shape=(28, 28, 1), num_classes=10
    )


def test_key_follows_content_but_not_paths_and_incidental_files():
    key = TRAIN.key(blueprint())
    assert key == TRAIN.key(blueprint(architecture=file("1", "b"), summary=file("2", "b")))
    assert key == TRAIN.key(blueprint(summary=file("5")))
    assert key != TRAIN.key(blueprint(architecture=file("4")))


def test_only_the_key_of_the_report_follows_what_ingest_found(files):
    inspected = (files.inspection.model_copy(update={"findings": file(digit)}) for digit in "12")
    one, other = (files.model_copy(update={"inspection": found}) for found in inspected)
    for stage in (PREPROCESS, EVALUATE):
        assert stage.key(one) == stage.key(other)
    assert REPORT.key(one) != REPORT.key(other)


def test_key_follows_the_config_but_not_the_path_of_the_data():
    settings = loading.load().training
    assert TRAIN.key(settings) != TRAIN.key(settings.model_copy(update={"epochs": 99}))
    assert TRAIN.key(settings) != BUILD.key(settings)
    here, there = (loading.load(dataset=path).data for path in ("/a/images", "/b/images"))
    assert INGEST.key(here) == INGEST.key(there)
    assert INGEST.key(here) != INGEST.key(here.model_copy(update={"channels": 3}))


@pytest.mark.parametrize(("name", "found"), [("code_digest", "0"), ("versions", {"keras": "99"})])
def test_key_follows_the_source_of_the_stage_and_library_versions(name, found, monkeypatch):
    before = TRAIN.key(blueprint())
    monkeypatch.setattr(provenance, name, lambda *_: found)
    assert TRAIN.key(blueprint()) != before


def test_key_of_keras_stages_follows_the_backend(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    train, ingest = TRAIN.key(blueprint()), INGEST.key(blueprint())
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert TRAIN.key(blueprint()) != train
    assert INGEST.key(blueprint()) == ingest


def test_every_stage_is_declared_in_the_module_of_its_function():
    assert tuple(stage.name for stage in STAGES) == stages.STAGE_NAMES
    for stage in STAGES:
        assert getattr(import_module(stage.function.__module__), stage.name) is stage.function
        assert issubclass(stage.result, Record)
