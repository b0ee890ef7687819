"""The sample of the test images that a model carries."""

import numpy as np

from sightline.evaluation.profile_sample import project
from sightline.models import keras_files, penultimate


def test_features_are_what_the_last_layer_sees(textures):
    model = keras_files.read_model(textures.run.workspace.root / textures.trained.model.path)
    images = np.random.default_rng(0).integers(0, 256, (5, *model.input_shape[1:]), np.uint8)
    classes = model.output_shape[1]
    found = penultimate.with_features(model).predict_on_batch(images)
    np.testing.assert_allclose(found[:, :classes], model.predict_on_batch(images), atol=1e-6)
    last = keras_files.without_preprocessing(model).layers[-1]
    scores = found[:, classes:] @ last.kernel.numpy() + last.bias.numpy()
    exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares = exponents / exponents.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found[:, :classes], shares, atol=1e-5)


def test_projection_keeps_distances_and_never_changes():
    features = np.random.default_rng(0).normal(size=(200, 1280)).astype(np.float32)
    projected = project(features)
    assert projected.shape == (200, 64)
    ratios = np.linalg.norm(projected[:100] - projected[100:], axis=1) / np.linalg.norm(
        features[:100] - features[100:], axis=1
    )
    assert 0.9 < ratios.mean() < 1.1
    signs = project(np.eye(100, dtype=np.float32))[0, :8]
    assert np.sign(signs).tolist() == [1, 1, -1, 1, 1, -1, 1, 1]  # a profile outlives its version
    few = features[:, :10]
    assert project(few) is few
