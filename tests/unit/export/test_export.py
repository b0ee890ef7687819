import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from model_to_export import classifier
from sightline.config import ExportConfig
from sightline.errors import ConfigError, ModelFileError, StageError
from sightline.export import certify, child_process, convert, formats
from sightline.export.formats import FORMATS, shipped_name
from sightline.export.golden import Golden
from sightline.models import keras_files
from sightline.records import Certificate, FileRecord, ModelMetadata
from sightline.storage import digests, json_digest

EVERY_FORMAT = pytest.mark.parametrize("name", FORMATS)


def check_of(certificate, name):
    """Find the check of a format; skip where its libraries are not installed."""
    if missing := FORMATS[name].missing:
        pytest.skip(f"{missing} not installed (extra export)")
    return next(check for check in certificate.exports if check.format == name)


@pytest.mark.slow
@EVERY_FORMAT
def test_export_predicts_what_was_measured_and_its_files_are_recorded(
    measured, certificate, name, entry
):
    check = check_of(certificate, name)
    assert (check.problem, check.passed, check.agreement) == (None, True, 1)
    assert check.difference < 1e-6
    assert min(check.load_seconds, check.latency_1, check.latency_256) > 0
    assert check.runtime.split()[0] in {"keras", "tensorflow", "ai-edge-litert", "onnxruntime"}
    recorded = {record.path: record.sha256 for record in check.files}
    assert list(digests.mismatches(measured.run.workspace.root, recorded)) == []
    if name == "keras":
        assert check.files == (measured.trained.model,)
    else:
        found = digest_by_name(entry / "exports")
        expected = {path for path in found if path.split("/")[0] == FORMATS[name].file}
        assert {shipped_name(record) for record in check.files} == expected


def test_certificate_is_checksummed_json(measured, certificate):
    assert measured.export(ExportConfig(golden_images=20)) == certificate, "reused"
    path = measured.run.workspace.root / certificate.certificate.path
    content = json.loads(json_digest.verify(path.read_bytes()))
    assert Certificate(**content, certificate=certificate.certificate) == certificate
    assert certificate.passed
    assert certificate.golden_images == 20
    assert certificate.model_sha256 == measured.trained.model.sha256
    found = sorted(file.name for file in path.parent.iterdir())
    assert found == ["certificate.json", "exports", "manifest.json"]


def test_shipped_name_is_relative_to_the_exports():
    path = "exports/cache/export/0/exports/saved_model/a/b"
    assert shipped_name(FileRecord(path=path, sha256="0" * 64, bytes=1)) == "saved_model/a/b"


@pytest.mark.parametrize("name", ["litert", "onnx"])
def test_format_without_its_library_is_refused_if_named_and_else_left_out(
    measured, name, monkeypatch
):
    module = FORMATS[name].requires[0]
    monkeypatch.setitem(sys.modules, module, None)  # as if not installed
    needed = module.replace("_", "-")
    with pytest.raises(ConfigError, match=rf"{name}.*{needed}.*sightline\[export\]"):
        measured.export(ExportConfig(formats=("keras", name)))
    assert name not in formats.chosen(ExportConfig())
    named = formats.chosen(ExportConfig(formats=("saved_model", "keras", "saved_model")))
    assert named == ("keras", "saved_model")


def test_model_that_differs_from_the_measured_one_is_refused(measured, in_process):
    other = measured.trained.model.model_copy(update={"sha256": "0" * 64})
    changed = replace(measured, trained=measured.trained.model_copy(update={"model": other}))
    with pytest.raises(ModelFileError, match=r"model\.keras .*--refresh"):
        changed.export(ExportConfig(formats=("keras",)))
    with pytest.raises(StageError, match=r"saved_model.*SHA-256.*export\.formats"):
        changed.export(ExportConfig(formats=("saved_model",)))


@pytest.mark.slow
def test_equal_models_give_equal_bytes(measured, entry, tmp_path):
    arguments = (str(measured.model), measured.trained.model.sha256, str(tmp_path))
    names = [name for name in formats.chosen(ExportConfig()) if name != "keras"]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: child_process.run("convert", *arguments, name), names))
    for name in names:
        text = ModelMetadata.of(measured.files).model_dump_json()
        FORMATS[name].write_metadata(tmp_path / FORMATS[name].file, text)
    assert digest_by_name(tmp_path) == digest_by_name(entry / "exports")


def digest_by_name(folder):
    return {
        path.relative_to(folder).as_posix(): digests.sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@EVERY_FORMAT
@pytest.mark.usefixtures("in_process")
def test_changed_weight_is_found(measured, certificate, name, tmp_path):
    check = check_of(certificate, name)
    changed = [record for record in check.files if change_a_weight(measured, record, tmp_path)]
    assert changed, "no file holds the weights"
    images = np.load(measured.run.workspace.root / measured.files.images["test"].path)[:5]
    expected = golden(tmp_path, measured.model, images, ModelMetadata.of(measured.files))
    found = certify.check(name, tmp_path / FORMATS[name].file, check.files, expected, 1e-5)
    assert not found.passed
    assert found.problem or found.difference > 1e-3


def change_a_weight(measured, record, folder):
    """Copy a file of an export with one changed weight of the last layer."""
    content = (measured.run.workspace.root / record.path).read_bytes()
    network = keras_files.without_preprocessing(keras_files.read_model(measured.model))
    kernel = np.asarray(network.get_layer("probabilities").kernel)
    changed = content
    for weights in (kernel.tobytes(), kernel.T.tobytes()):
        changed = changed.replace(weights, b"\x00\x00\x80\x3f" + weights[4:])
    path = folder / shipped_name(record)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(changed)
    return changed != content


def golden(folder, model, images, metadata):
    np.save(folder / "golden.npy", images)
    expected = keras_files.read_model(model).predict_on_batch(images)
    return Golden(folder / "golden.npy", "0" * 64, expected, metadata)


@pytest.mark.filterwarnings("ignore:In the future:FutureWarning")  # tf2onnx reads np.object
@pytest.mark.parametrize("name", ["litert", "onnx"])
def test_large_colour_images_of_any_batch_size(name, tmp_path, certificate, in_process):
    files = check_of(certificate, name).files
    model = tmp_path / "model.keras"
    keras_files.export(classifier((40, 32, 3), 5), model)
    convert.main(str(model), digests.sha256(model), str(tmp_path), name)
    metadata = ModelMetadata(class_names=tuple("abcde"), image_shape=(40, 32, 3))
    FORMATS[name].write_metadata(tmp_path / FORMATS[name].file, metadata.model_dump_json())
    images = np.random.default_rng(1).integers(0, 256, (6, 40, 32, 3), dtype=np.uint8)
    expected = golden(tmp_path, model, images, metadata)
    found = certify.check(name, tmp_path / FORMATS[name].file, files, expected, 1)
    assert found.problem is None
    assert found.difference < 1e-6
