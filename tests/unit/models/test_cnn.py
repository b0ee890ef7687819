import keras
import numpy as np
import pytest

from sightline.config import CnnConfig, Convolution, loading
from sightline.models import cnn, keras_files


def test_tutorial_model_has_141258_parameters():
    model = cnn.classifier((28, 28, 1), 10, loading.load("tutorial").model)
    assert model.count_params() == 141_258
    kinds = [type(layer).__name__ for layer in model.layers]
    expected = ["InputLayer", *["Conv2D", "ReLU"] * 6, "GlobalAveragePooling2D", "Dense", "Dense"]
    assert kinds == expected
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
    assert {layer.padding for layer in convolutions} == {"same"}
    assert [layer.strides[0] for layer in convolutions] == [1, 2, 1, 2, 1, 1]


def test_normalized_model_has_no_biases_and_can_be_stored(tmp_path):
    convolutions = (Convolution(filters=8, batch_normalization=True),) * 2
    model = cnn.classifier((12, 12, 1), 4, CnnConfig(convolutions=convolutions, dense_units=8))
    kinds = [type(layer).__name__ for layer in model.layers[1:7]]
    assert kinds == ["Conv2D", "BatchNormalization", "ReLU"] * 2
    assert not any(layer.use_bias for layer in model.layers if layer.name[:4] == "conv")
    model.get_layer("normalization_1").moving_mean.assign(np.arange(8))
    keras_files.export(model, tmp_path / "model.keras")
    stored = keras_files.without_preprocessing(keras_files.read_model(tmp_path / "model.keras"))
    for ours, theirs in zip(model.weights, stored.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("shape", "classes"), [((8, 8, 1), 2), ((31, 17, 3), 7), ((28, 28, 1), 1000)]
)
def test_model_adapts_to_images_and_classes(shape, classes):
    model = cnn.classifier(shape, classes, loading.load("tutorial").model)
    assert model.output_shape == (None, classes)
    assert model.input_shape == (None, *shape)


def test_equal_models_give_equal_files_wherever_their_objects_are_in_memory(tmp_path):
    files = []
    for number in range(2):
        keras.utils.set_random_seed(0)
        policy = keras.DTypePolicy("float32")  # shared, so Keras names it by its address
        images = keras.Input((8, 8, 1), name="images")
        x = keras.layers.GlobalAveragePooling2D(dtype=policy, name="pooling")(images)
        x = keras.layers.Dense(4, dtype=policy, name="dense")(x)
        path = tmp_path / f"{number}.keras"
        keras_files.export(keras.Model(images, x), path)
        files.append((policy, path.read_bytes()))  # keeps the object, so the next is elsewhere
    assert files[0][1] == files[1][1]
    assert keras_files.read_model(path).output_shape == (None, 4)
