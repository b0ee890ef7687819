import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from model_to_export import LAYERS, Measured, classifier
from sightline.config import ExportConfig, Format
from sightline.errors import ConfigError, ModelFileError, StageError
from sightline.export import certify, child_process
from sightline.export.export import EXPORT, shipped_name
from sightline.export.golden import Golden
from sightline.models import keras_files
from sightline.pipeline import cache
from sightline.records import Certificate, ExportCheck, FileRecord
from sightline.reporting import exports
from sightline.storage import digests, json_digest

MODULES: dict[Format, str] = {"litert": "ai_edge_litert", "onnx": "onnxruntime"}


def check_of(certificate: Certificate, form: Format) -> ExportCheck:
    """Find the check of a form; skip where its runtime is not installed."""
    if form in MODULES and find_spec(MODULES[form]) is None:
        pytest.skip(f"{MODULES[form]} is not installed (extra export)")
    return next(check for check in certificate.exports if check.format == form)


FORMS = pytest.mark.parametrize("form", ["keras", "saved_model", "litert", "onnx"])


@FORMS
def test_form_answers_as_the_measured_model_did(certificate: Certificate, form: Format) -> None:
    check = check_of(certificate, form)
    assert check.problem is None
    assert check.passed
    assert check.difference < 1e-6
    assert check.agreement == 1
    assert min(check.load_seconds, check.latency_1, check.latency_256) > 0
    assert check.runtime.split()[0] in {"keras", "tensorflow", "ai-edge-litert", "onnxruntime"}


@FORMS
def test_every_file_of_a_form_is_recorded(
    measured: Measured, certificate: Certificate, form: Format, entry: Path
) -> None:
    check = check_of(certificate, form)
    for record in check.files:
        path = measured.run.workspace.root / record.path
        assert digests.sha256(path) == record.sha256
        assert path.stat().st_size == record.bytes
    if form == "keras":
        assert check.files == (measured.trained.model,)
    else:
        names = {shipped_name(record) for record in check.files}
        on_disk = [path for path in (entry / "exports").rglob("*") if path.is_file()]
        first = {name.split("/")[0] for name in names}
        assert names == {
            path.relative_to(entry / "exports").as_posix()
            for path in on_disk
            if path.relative_to(entry / "exports").parts[0] in first
        }


def test_certificate_is_the_record_as_sealed_json(
    measured: Measured, certificate: Certificate
) -> None:
    content = json.loads(
        json_digest.verify(
            (measured.run.workspace.root / certificate.certificate.path).read_bytes()
        )
    )
    assert Certificate(**content, certificate=certificate.certificate) == certificate
    assert certificate.passed
    assert certificate.golden_images == 20
    assert certificate.model_sha256 == measured.trained.model.sha256


def test_entry_holds_what_is_shipped_and_nothing_else(entry: Path) -> None:
    assert {path.name for path in entry.iterdir()} == {
        "certificate.json",
        "exports",
        "manifest.json",
    }


def test_second_export_finds_the_first(measured: Measured, certificate: Certificate) -> None:
    assert measured.export(ExportConfig(golden_images=20)) == certificate


def test_damaged_file_in_a_folder_of_an_entry_is_noticed(
    measured: Measured, entry: Path, tmp_path: Path
) -> None:
    copied = measured.run.model_copy(update={"root": tmp_path})
    target = tmp_path / "cache" / "export" / entry.name
    shutil.copytree(entry, target)
    assert cache.find(copied, EXPORT, entry.name) is not None
    index = target / "exports" / "saved_model" / "variables" / "variables.index"
    index.write_bytes(index.read_bytes()[:-1])
    assert cache.find(copied, EXPORT, entry.name) is None


def test_names_that_are_shipped() -> None:
    def name(path: str) -> str:
        return shipped_name(FileRecord(path=path, sha256="0" * 64, bytes=1))

    assert name("cache/train/0/model.keras") == "model.keras"
    assert name("cache/export/0/exports/model.onnx") == "model.onnx"
    assert name("exports/cache/export/0/exports/saved_model/a/b") == "saved_model/a/b"


def test_table_has_a_row_a_form(certificate: Certificate) -> None:
    table = exports.rows(certificate)
    assert [row["format"] for row in table] == [check.format for check in certificate.exports]
    saved_model = table[1]
    assert saved_model["bytes"] == sum(record.bytes for record in certificate.exports[1].files)
    assert saved_model["passed"] is True
    assert "agree with the measured model on 20 test images" in exports.headline(certificate)


def test_table_says_what_is_wrong(certificate: Certificate) -> None:
    bad = certificate.exports[0].model_copy(update={"passed": False, "problem": "It fell over."})
    failed = certificate.model_copy(update={"exports": (bad, *certificate.exports[1:])})
    assert not failed.passed
    assert exports.rows(failed)[0]["problem"] == "It fell over."
    assert exports.headline(failed).startswith("keras does not agree with the measured model")


@pytest.mark.parametrize("form", ["litert", "onnx"])
def test_form_whose_library_is_missing_is_refused_and_left_out_where_unnamed(
    measured: Measured, form: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sightline.export import formats

    monkeypatch.setitem(sys.modules, MODULES[form], None)  # as if not installed
    needed = MODULES[form].replace("_", "-")
    with pytest.raises(ConfigError, match=rf"{form}.*{needed}.*sightline\[export\]"):
        measured.export(ExportConfig(formats=("keras", form)))
    assert form not in formats.chosen(ExportConfig())


def test_named_forms_come_once_and_in_order() -> None:
    from sightline.export import formats

    chosen = formats.chosen(ExportConfig(formats=("saved_model", "keras", "saved_model")))
    assert chosen == ("keras", "saved_model")


def test_model_that_is_not_the_measured_one_is_refused(measured: Measured) -> None:
    other = measured.trained.model.model_copy(update={"sha256": "0" * 64})
    trained = measured.trained.model_copy(update={"model": other})
    changed = Measured(measured.run, measured.files, trained, measured.evaluation)
    with pytest.raises(ModelFileError, match="is not the file that was measured"):
        changed.export(ExportConfig(formats=("keras",)))
    with pytest.raises(StageError, match=r"cannot be exported as saved_model.*SHA-256"):
        changed.export(ExportConfig(formats=("saved_model",)))


def test_equal_models_give_equal_bytes(measured: Measured, entry: Path, tmp_path: Path) -> None:
    digest = measured.trained.model.sha256
    forms = [form for form, name in FILES.items() if (entry / "exports" / name).exists()]
    with ThreadPoolExecutor() as pool:
        what = (str(measured.model), digest, str(tmp_path))
        list(pool.map(lambda form: child_process.run("convert", *what, form), forms))
    assert digest_by_name(tmp_path) == digest_by_name(entry / "exports")


FILES = {"saved_model": "saved_model", "litert": "model.tflite", "onnx": "model.onnx"}


def digest_by_name(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): digests.sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@FORMS
def test_changed_weight_is_found(
    measured: Measured, certificate: Certificate, form: Format, tmp_path: Path
) -> None:
    check = check_of(certificate, form)
    tampered = [record for record in check.files if change_a_weight(measured, record, tmp_path)]
    assert tampered, "no file holds the weights"
    path = tmp_path / shipped_name(check.files[0]).split("/")[0]
    images, probabilities = some_answers(measured)
    np.save(tmp_path / "golden.npy", images)
    golden = Golden(tmp_path / "golden.npy", "0" * 64, probabilities)
    found = certify.check(form, path, check.files, golden, 1e-5)
    assert not found.passed
    assert found.problem or found.difference > 1e-3


def change_a_weight(measured: Measured, record: FileRecord, folder: Path) -> bool:
    """Copy a file of a form; make the weights of the last layer in it others."""
    content = (measured.run.workspace.root / record.path).read_bytes()
    kernel = last_kernel(measured)
    for weights in (kernel.tobytes(), kernel.T.tobytes()):
        changed = content.replace(weights, b"\x00\x00\x80\x3f" + weights[4:])
        if changed != content:
            break
    path = folder / shipped_name(record)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(changed)
    return changed != content


def last_kernel(measured: Measured) -> np.ndarray:
    network = keras_files.without_preprocessing(keras_files.read_model(measured.model))
    return np.asarray(network.get_layer("probabilities").kernel)


def some_answers(measured: Measured) -> tuple[np.ndarray, np.ndarray]:
    images = np.load(measured.run.workspace.root / measured.files.images["test"].path)[:5]
    return images, keras_files.read_model(measured.model).predict_on_batch(images)


@pytest.mark.parametrize("form", ["litert", "onnx"])
def test_large_colour_images_of_any_batch_size(
    certificate: Certificate, form: Format, tmp_path: Path
) -> None:
    check_of(certificate, form)  # or skip
    network = classifier((40, 32, 3), 5, LAYERS)
    keras_files.export(network, tmp_path / "model.keras")
    digest = digests.sha256(tmp_path / "model.keras")
    child_process.run("convert", str(tmp_path / "model.keras"), digest, str(tmp_path), form)
    images = np.random.default_rng(1).integers(0, 256, (6, 40, 32, 3), dtype=np.uint8)
    np.save(tmp_path / "golden.npy", images)
    expected = keras_files.read_model(tmp_path / "model.keras").predict_on_batch(images)
    golden = Golden(tmp_path / "golden.npy", "0" * 64, expected)
    found = certify.check(
        form, tmp_path / FILES[form], check_of(certificate, form).files, golden, 1
    )
    assert found.problem is None
    assert found.difference < 1e-6
