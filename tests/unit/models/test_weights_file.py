import json
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler

import h5py
import keras
import numpy as np
import pytest

from processes import serving
from sightline.config import BackboneConfig
from sightline.errors import ConfigError, DownloadError, ModelFileError
from sightline.models import applications, backbone, source_files
from sightline.storage import digests

SHAPE = (32, 32, 3)
NAME = "mobilenetv3-small"
IMAGES = np.random.default_rng(0).random((2, *SHAPE), np.float32)


@pytest.fixture(scope="module")
def network():
    """The network of keras.applications, with random weights and moving averages."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    return keras.applications.MobileNetV3Small(include_top=False, weights=None, input_shape=SHAPE)


@pytest.fixture(scope="module")
def saved(network, tmp_path_factory):
    """The weights in each format, by suffix."""
    folder = tmp_path_factory.mktemp("weights")
    paths = {name: folder / f"own{name}" for name in (".weights.h5", ".h5", ".keras")}
    network.save_weights(paths[".weights.h5"])
    network.save(paths[".h5"])
    network.save(paths[".keras"])
    paths[".safetensors"] = folder / "own.safetensors"
    arrays = {weight.path: np.asarray(weight) for weight in network.weights}
    paths[".safetensors"].write_bytes(safetensors(arrays))
    return paths


def safetensors(arrays):
    header, data = {}, b""
    for name, array in arrays.items():
        end = len(data) + array.nbytes
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [len(data), end]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def classifier(path, **changes):
    keras.backend.clear_session()
    given = BackboneConfig(backbone=NAME, weights=path, **changes)
    return backbone.classifier(SHAPE, 4, source_files.pin(given))


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras", ".safetensors"])
def test_features_are_those_of_the_saved_network(network, saved, suffix):
    found, sha256 = classifier(saved[suffix])
    assert sha256 == digests.sha256(saved[suffix])
    features = keras.Model(found.input, found.get_layer(backbone.POOLING).input)
    expected = network(255 * IMAGES, training=False)
    np.testing.assert_allclose(features(IMAGES, training=False), expected, atol=1e-5)


def test_usual_cut_is_the_end_of_a_block_and_others_are_refused(saved):
    found, _ = classifier(saved[".weights.h5"])
    cut = backbone.last_frozen(found, BackboneConfig(backbone=NAME))
    assert cut == "expanded_conv_9_add"
    front, tail = backbone.front(found, cut), backbone.tail(found, cut)
    assert 0.25 < tail.count_params() / found.count_params() < 0.5
    together = tail(front(IMAGES, training=False), training=False)
    np.testing.assert_allclose(together, found(IMAGES, training=False), atol=1e-6)
    with pytest.raises(ConfigError, match=r"end of a block.*expanded_conv_9_add"):
        backbone.last_frozen(found, BackboneConfig(backbone=NAME, cut="expanded_conv_9_expand"))


def test_weights_of_an_earlier_run_can_be_used_for_any_backbone(tmp_path):
    first, _ = backbone.classifier(SHAPE, 4, BackboneConfig())
    first.layers[3].set_weights([2 * array for array in first.layers[3].get_weights()])
    first.save(tmp_path / "run.keras")
    settings = BackboneConfig(weights=tmp_path / "run.keras")
    again, _ = backbone.classifier(SHAPE, 7, settings)
    for mine, theirs in zip(again.layers[:-1], first.layers[:-1], strict=True):
        np.testing.assert_equal(mine.get_weights(), theirs.get_weights())


def other_network(path):
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(path)


def external_link(path):
    with h5py.File(path, "w") as file:
        file["layers"] = h5py.ExternalLink("/etc/passwd", "/")


def beyond_the_data(path):
    entry = {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}
    text = json.dumps({"conv/kernel": entry}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)


@pytest.mark.parametrize(
    ("name", "write", "fact"),
    [
        ("a.keras", other_network, "no layer 'conv'"),
        ("a.h5", external_link, "link, 'layers'"),
        ("a.safetensors", beyond_the_data, "reshape"),
        ("a.safetensors", lambda path: path.write_bytes(safetensors({})), "no array 'conv/kernel'"),
        ("a.weights.h5", lambda path: path.write_bytes(b"\x80\x04."), "as model.weights"),
        ("a.pth", lambda path: path.write_bytes(b"\x80\x04."), r"\.pth"),
    ],
)
def test_other_and_hostile_files_are_refused(tmp_path, name, write, fact):
    write(tmp_path / name)
    with pytest.raises(ModelFileError, match=rf"{name}.*{fact}.*\.safetensors"):
        classifier(tmp_path / name)


def test_missing_file_and_other_digest_are_refused(saved, tmp_path):
    with pytest.raises(ConfigError, match=r"model\.weights.*no file"):
        classifier(tmp_path / "none.h5")
    with pytest.raises(ConfigError, match=rf"model\.weights.*{'0' * 64}"):
        classifier(saved[".keras"], weights_sha256="0" * 64)


@pytest.fixture
def store(saved, tmp_path, monkeypatch):
    """The weights where Keras' store has them, which is on this machine; Keras' cache is empty."""
    served = tmp_path / "store" / "small.h5"
    served.parent.mkdir()
    served.write_bytes(saved[".h5"].read_bytes())
    digest = digests.sha256(served)
    known = applications.APPLICATIONS[NAME]._replace(file=served.name, digest=digest)
    monkeypatch.setitem(applications.APPLICATIONS, NAME, known)
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    return served


def test_weights_are_downloaded_once_and_their_digest_is_checked(network, store, monkeypatch):
    handler = partial(SimpleHTTPRequestHandler, directory=store.parent)
    with serving(HTTPServer(("127.0.0.1", 0), handler)) as address:
        monkeypatch.setattr(applications, "_STORE", address)
        keras.backend.clear_session()
        found, sha256 = backbone.classifier(SHAPE, 4, BackboneConfig(backbone=NAME))
    assert sha256 == digests.sha256(store)
    kernel = found.get_layer("conv").get_weights()[0]
    np.testing.assert_array_equal(kernel, network.get_layer("conv").get_weights()[0])
    with pytest.raises(ModelFileError, match=r"model\.weights_sha256"):  # from Keras' cache
        backbone.classifier(SHAPE, 4, BackboneConfig(backbone=NAME, weights_sha256="0" * 64))


def test_without_a_network_the_remedy_is_a_file(store, monkeypatch):
    monkeypatch.setattr(applications, "_STORE", "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match=r"mobilenetv3-small.*9/small\.h5.*model\.weights"):
        backbone.classifier(SHAPE, 4, BackboneConfig(backbone=NAME))
