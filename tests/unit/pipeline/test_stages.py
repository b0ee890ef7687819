import pytest

from declared_stages import STAGES
from sightline.config import loading
from sightline.data.ingest import INGEST
from sightline.data.preprocess import PREPROCESS
from sightline.evaluation.evaluate import EVALUATE
from sightline.models.build import BUILD
from sightline.pipeline import provenance, stages
from sightline.records import DatasetFiles, FileRecord, Inspection, Layer, ModelBlueprint, Record
from sightline.reporting.report import REPORT
from sightline.training.train import TRAIN


def blueprint(path: str = "a", architecture: str = "1", summary: str = "2") -> ModelBlueprint:
    def record(digit: str) -> FileRecord:
        return FileRecord(path=f"{path}/{digit}", sha256=digit * 64, bytes=1)

    return ModelBlueprint(
        architecture=record(architecture),
        summary=record(summary),
        layers=(Layer(name="dense", kind="Dense", output_shape=(10,), parameters=330),),
        parameters=330,
        image_shape=(28, 28, 1),
        num_classes=10,
    )


def test_key_follows_content_and_not_paths() -> None:
    assert TRAIN.key(blueprint(path="a")) == TRAIN.key(blueprint(path="b"))
    assert TRAIN.key(blueprint(architecture="1")) != TRAIN.key(blueprint(architecture="4"))


def test_key_ignores_incidental_files() -> None:
    assert TRAIN.key(blueprint(summary="2")) == TRAIN.key(blueprint(summary="5"))


def test_only_the_report_is_made_anew_where_ingest_found_something_else() -> None:
    def ingested(digit: str) -> DatasetFiles:
        file = FileRecord(path="a/findings.parquet", sha256=digit * 64, bytes=1)
        return DatasetFiles(
            dataset="d",
            source="s",
            class_names=("a", "b"),
            image_shape=(8, 8, 1),
            images={},
            labels=file.model_copy(update={"sha256": "0" * 64}),
            counts={},
            inspection=Inspection(profiles={}, affected={}, findings=file),
        )

    for stage in (PREPROCESS, EVALUATE):
        assert stage.key(ingested("1")) == stage.key(ingested("2"))
    assert REPORT.key(ingested("1")) != REPORT.key(ingested("2"))


def test_key_follows_the_config() -> None:
    few, many = (
        loading.load(overrides=[f"training.epochs={epochs}"]).training for epochs in (1, 2)
    )
    assert TRAIN.key(few) != TRAIN.key(many)
    assert TRAIN.key(few) != BUILD.key(few)


def test_key_ignores_where_a_data_set_lies() -> None:
    here, there = (loading.load(dataset=path).data for path in ("/a/images", "/b/images"))
    assert INGEST.key(here) == INGEST.key(there)
    assert INGEST.key(here) != INGEST.key(here.model_copy(update={"channels": 3}))


def test_key_follows_the_source_of_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    before = TRAIN.key(blueprint())
    monkeypatch.setattr(provenance, "code_digest", lambda module: f"changed {module}")
    assert TRAIN.key(blueprint()) != before


def test_key_follows_library_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    before = TRAIN.key(blueprint())
    monkeypatch.setattr(provenance, "versions", lambda *names: {"keras": "99"})
    assert TRAIN.key(blueprint()) != before


def test_key_of_keras_stages_follows_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = set()
    for backend in ("tensorflow", "jax"):
        monkeypatch.setenv("KERAS_BACKEND", backend)
        keys.add((TRAIN.key(blueprint()), INGEST.key(blueprint())))
    assert len({train for train, _ in keys}) == 2
    assert len({ingest for _, ingest in keys}) == 1


def test_every_stage_is_declared_in_the_module_of_its_function() -> None:
    from importlib import import_module

    assert tuple(stage.name for stage in STAGES) == stages.STAGE_NAMES
    for stage in STAGES:
        assert getattr(import_module(stage.function.__module__), stage.name) is stage.function
        assert issubclass(stage.result, Record)
