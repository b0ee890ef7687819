from typing import Any

import keras
import numpy as np
import pytest

from sightline.config import CnnConfig, Convolution
from sightline.models import cnn
from sightline.training import backend, precision


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model name\t: x\nflags\t\t: fpu avx512_bf16 sse\n", "bfloat16"),
        ("Features\t: fp asimd bf16\n", "bfloat16"),
        ("flags\t\t: fpu avx2\n", "float32"),
        ("", "float32"),
    ],
)
def test_bfloat16_is_taken_where_the_processor_has_it(monkeypatch, tmp_path, text, expected):
    described = tmp_path / "cpuinfo"
    described.write_text(text)
    monkeypatch.setattr(backend, "Path", lambda _: described)
    assert precision.resolve("auto", "cpu") == expected
    assert precision.resolve("bfloat16", "cpu") == "bfloat16"
    assert precision.resolve("float32", "cpu") == "float32"


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
def test_convolutions_compute_in_half_precision_and_the_rest_in_float32(half):
    convolutions = (Convolution(filters=4, batch_normalization=True),) * 2
    network = cnn.classifier((12, 12, 1), 4, CnnConfig(convolutions=convolutions, dense_units=4))
    before = network.to_json()
    images = np.random.default_rng(0).random((8, 12, 12, 1), np.float32)
    exact = network(images, training=False)
    seen: dict[str, Any] = {}
    with precision.computing_in(network, half):
        inner = keras.Model(network.input, [layer.output for layer in network.layers])
        for layer, values in zip(network.layers, inner(images, training=False), strict=True):
            seen[layer.name] = keras.backend.standardize_dtype(values.dtype)
    assert seen["images"] == seen["dense"] == seen["probabilities"] == "float32"
    lowered = {name for name, dtype in seen.items() if dtype == half}
    assert lowered == {
        f"{kind}_{number}" for kind in ("convolution", "normalization", "relu") for number in (1, 2)
    }
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert network.to_json() == before
    np.testing.assert_array_equal(network(images, training=False), exact)
