import importlib.metadata
from importlib import import_module
from importlib.metadata import PackageNotFoundError

import pytest

from declared_stages import STAGES
from sightline.config import EmbeddingConfig, ExportConfig, loading
from sightline.data.ingest import INGEST
from sightline.data.preprocess import PREPROCESS
from sightline.evaluation.evaluate import EVALUATE
from sightline.export.export import EXPORT
from sightline.models.build import BUILD
from sightline.pipeline import provenance, stages
from sightline.records import FileRecord, ModelBlueprint, Record, Source
from sightline.reporting.report import REPORT
from sightline.training.embed import EMBED
from sightline.training.train import TRAIN

IDX = Source(dataset="digits", kind="idx", path="/a/images", sha256="0" * 64)


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
    assert INGEST.key(IDX, here) == INGEST.key(IDX, there)
    assert INGEST.key(IDX, here) != INGEST.key(IDX, here.model_copy(update={"channels": 3}))


@pytest.mark.parametrize(("name", "found"), [("code_digest", "0"), ("versions", {"keras": "99"})])
def test_key_follows_the_source_of_the_stage_and_library_versions(name, found, monkeypatch):
    before = TRAIN.key(blueprint())
    monkeypatch.setattr(provenance, name, lambda *_: found)
    assert TRAIN.key(blueprint()) != before


def test_key_of_keras_stages_follows_the_backend(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    train, preprocess = TRAIN.key(blueprint()), PREPROCESS.key(blueprint())
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert TRAIN.key(blueprint()) != train
    assert PREPROCESS.key(blueprint()) == preprocess


@pytest.fixture
def installed(monkeypatch):
    """The versions of the installed distributions, to be changed."""
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    versions = {"keras": "3", "tensorflow": "2", "jax": "0.7", "onnxruntime": "1", "numpy": "2"}

    def version(name):
        if name not in versions:
            raise PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    return versions


@pytest.mark.parametrize("name", ["jax", "torch", "onnxruntime", "tf2onnx", "pi-heif"])
def test_key_of_train_ignores_libraries_that_come_and_go_without_being_used(name, installed):
    before = TRAIN.key(blueprint())
    installed.pop(name, None)
    assert TRAIN.key(blueprint()) == before
    installed[name] = "99"
    assert TRAIN.key(blueprint()) == before


@pytest.mark.parametrize(("backend", "other"), [("tensorflow", "jax"), ("jax", "tensorflow")])
def test_key_of_train_follows_the_version_of_the_chosen_backend_alone(
    backend, other, installed, monkeypatch
):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    before = TRAIN.key(blueprint())
    installed[other] = "99"
    assert TRAIN.key(blueprint()) == before
    installed[backend] = "99"
    assert TRAIN.key(blueprint()) != before


@pytest.mark.parametrize(
    ("engine", "backend", "matters"),
    [("auto", "tensorflow", True), ("keras", "tensorflow", False), ("auto", "jax", False)],
)
def test_key_of_embed_follows_onnxruntime_where_it_may_compute(
    engine, backend, matters, installed, monkeypatch
):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    settings = EmbeddingConfig(engine=engine)
    before = EMBED.key(blueprint(), blueprint(), settings)
    installed["onnxruntime"] = "99"
    assert (EMBED.key(blueprint(), blueprint(), settings) != before) is matters


@pytest.mark.parametrize(("formats", "matters"), [(("keras",), False), (("onnx",), True)])
def test_key_of_export_follows_the_libraries_of_its_formats(formats, matters, installed):
    inputs = (blueprint(), blueprint(), blueprint(), ExportConfig(formats=formats))
    before = EXPORT.key(*inputs)
    installed["onnxruntime"] = "99"
    assert (EXPORT.key(*inputs) != before) is matters


@pytest.mark.parametrize("matters", [False, True])
def test_key_of_ingest_follows_the_decoder_of_heic_where_there_may_be_such_images(
    matters, installed
):
    source, settings = IDX.model_copy(update={"heic": matters}), loading.load().data
    before = INGEST.key(source, settings)
    installed["pi-heif"] = "99"
    assert (INGEST.key(source, settings) != before) is matters


def test_every_stage_is_declared_in_the_module_of_its_function():
    assert tuple(stage.name for stage in STAGES) == stages.STAGE_NAMES
    for stage in STAGES:
        assert getattr(import_module(stage.function.__module__), stage.name) is stage.function
        assert issubclass(stage.result, Record)
