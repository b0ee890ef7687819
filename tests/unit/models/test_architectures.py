"""Each architecture trains, resumes to the same bits, and predicts the same in every format."""

import keras
import numpy as np
import pytest

from depth import at_depth
from interrupted_training import FIT, Bench
from sightline.config import (
    BackboneConfig,
    CustomConfig,
    EmbeddingConfig,
    ResnetConfig,
    VggConfig,
)
from sightline.export.formats import FORMATS
from sightline.models import build, keras_files
from sightline.records import Run
from sightline.storage.workspace import Workspace
from sightline.training import embed
from stored_photos import store

pytestmark = pytest.mark.campaign

PHOTOS = np.random.default_rng(0).integers(0, 256, (48, 32, 32, 3), np.uint8)
OWN = """
import keras
from keras import layers

def network(image_shape, num_classes):
    images = keras.Input(image_shape)
    x = layers.DepthwiseConv2D(3, strides=2)(layers.ZeroPadding2D()(images))
    x = layers.Add()([x, layers.SeparableConv2D(3, 3, padding="same", activation="silu")(x)])
    x = keras.Sequential([layers.Conv2D(8, 3), layers.LayerNormalization()])(x)
    x = layers.Dropout(0.3)(layers.Flatten()(layers.MaxPooling2D()(x)))
    return keras.Model(images, layers.Dense(num_classes, activation="softmax")(x))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a module of a network, from which the run is started."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_network.py").write_text(OWN)
    return tmp_path


def save_weights(path):
    """Save what stands in for pretrained weights."""
    keras.utils.set_random_seed(1)
    keras.applications.MobileNetV3Small(
        include_top=False, weights=None, input_shape=PHOTOS.shape[1:]
    ).save_weights(path)


@pytest.mark.filterwarnings("ignore:.*np.object:FutureWarning")  # Keras' export looks for it
@pytest.mark.parametrize(
    "network",
    [
        BackboneConfig(backbone="mobilenetv3-small", weights="mobilenet.weights.h5"),
        ResnetConfig(width=4, shortcuts=True),
        VggConfig(widths=(4, 8)),
        CustomConfig(build="own_network:network"),
    ],
    ids=lambda network: network.architecture,
)
def test_architecture_resumes_and_exports(network, folder, monkeypatch):
    if network.architecture == "backbone":
        save_weights(network.weights)
    run = Run(id="photos", workspace=Workspace(folder / "artifacts"))
    (folder / "artifacts").mkdir()
    arrays = store(run, "arrays", train=PHOTOS, test=PHOTOS[:8])
    blueprint = build.build(run, arrays, network)
    if blueprint.last_frozen is not None:
        arrays = embed.embed(run, arrays, blueprint, EmbeddingConfig(views=2))
    bench = Bench(run, arrays, monkeypatch)
    fit = FIT.model_copy(update={"flip_averaging": network.architecture == "vgg"})
    bench.interrupt(5, network, fit)
    resumed = bench.fit(network, fit)
    assert resumed.resumed
    uninterrupted = bench.refreshing().fit(network, fit)
    assert not uninterrupted.resumed
    assert uninterrupted.model == resumed.model
    assert uninterrupted.seeds_sha256 == resumed.seeds_sha256
    path = run.workspace.root / resumed.model.path
    expected = FORMATS["keras"].runtime().load(path)(PHOTOS)
    for known in (FORMATS[name] for name in at_depth(["onnx"], [*FORMATS])):
        if known.convert is not None:
            known.convert(keras_files.read_model(path), folder / known.file)
            found = known.runtime().load(folder / known.file)(PHOTOS)
            np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=known.file)
