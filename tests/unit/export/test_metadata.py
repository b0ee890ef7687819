import json
import zipfile
from dataclasses import replace

import pytest

from sightline.export import certify, metadata
from sightline.export.formats import FORMATS
from sightline.export.golden import gather
from sightline.records import ModelMetadata

EXPORTS = {"litert": "model.tflite", "onnx": "model.onnx", "saved_model": "saved_model"}


def found_by_others(name, path):
    """Read the metadata of an export without Sightline."""
    if name == "onnx":
        onnx = pytest.importorskip("onnx")
        model = onnx.load(path)
        onnx.checker.check_model(model)
        return {entry.key: entry.value for entry in model.metadata_props}["sightline"]
    if name == "litert":
        return zipfile.ZipFile(path).read("sightline.json")
    return (path / "assets.extra" / "sightline.json").read_bytes()


def exported(entry, name):
    """Find an export; skip where its libraries are not installed."""
    if missing := FORMATS[name].missing:
        pytest.skip(f"{missing} not installed (extra export)")
    return entry / "exports" / EXPORTS[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPORTS)
def test_export_has_class_names_and_preprocessing(measured, entry, name):
    found = json.loads(found_by_others(name, exported(entry, name)))
    assert tuple(found["class_names"]) == measured.files.class_names
    assert found["image_shape"] == [12, 12, 1]
    assert (found["dtype"], found["resize"], found["white"]) == ("uint8", "stretch", 65535)
    assert ModelMetadata(**found) == ModelMetadata.of(measured.files)


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.usefixtures("in_process")
def test_certificate_compares_the_names_in_the_export(measured, entry, name, tmp_path):
    path, files = exported(entry, name), (measured.trained.model,)
    golden = gather(measured.run, measured.files, measured.evaluation, 2, tmp_path / "golden.npy")
    names = measured.files.class_names[::-1]
    other = replace(golden, metadata=golden.metadata.model_copy(update={"class_names": names}))
    assert certify.check(name, path, files, golden, 1e-5).passed
    found = certify.check(name, path, files, other, 1e-5)
    assert not found.passed
    assert "class_names" in found.problem


@pytest.mark.parametrize("model", [b"TFL3", b"TFL3 PK\x05\x06", b"PK\x05\x06" + bytes(18)])
def test_archive_follows_the_bytes_of_the_litert_model(tmp_path, model):
    path, text = tmp_path / "model.tflite", '{"class_names": ["\U0001f431", "</script>"]}'
    path.write_bytes(model)
    metadata.write_litert(path, text)
    assert path.read_bytes().startswith(model)
    assert metadata.read_archive(path) == text
