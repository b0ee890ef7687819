import random

import numpy as np
import pytest

from interrupted_training import FIT, Bench
from sightline.config import BackboneConfig, EmbeddingConfig
from sightline.config.training import FrozenPhase
from sightline.errors import ConfigError, StageError
from sightline.models import backbone, build, keras_files
from sightline.records import Run
from sightline.storage import npy
from sightline.storage.workspace import Workspace
from sightline.training import crops, embed, feature_engine, feature_shards, features, fit, train
from sightline.training.class_balance import class_weights
from sightline.training.embed_shard import embed_shard
from stored_photos import store

pytestmark = pytest.mark.slow

TAIL = BackboneConfig(cut="group_7")
TWO_VIEWS = EmbeddingConfig(views=2)
TWICE = FIT.model_copy(update={"epochs": 2})
RNG = np.random.default_rng(0)
PHOTOS = RNG.integers(0, 256, (60, 32, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(id="photos", workspace=Workspace(tmp_path_factory.mktemp("photos")))


@pytest.fixture(scope="module")
def arrays(run):
    return store(run, "arrays", train=PHOTOS[:40], test=PHOTOS[40:])


@pytest.fixture(scope="module")
def blueprint(run, arrays):
    return build.build(run, arrays, TAIL)


@pytest.fixture(scope="module")
def embedded(run, arrays, blueprint):
    return embed.embed(run, arrays, blueprint, TWO_VIEWS)


@pytest.fixture(scope="module")
def trained(run, embedded):
    return Bench(run, embedded, None).fit(TAIL, TWICE)


def opened(run, found, split="train"):
    return npy.open_mapped(run.workspace.root / found.splits[split].images.path)


def network(run, file):
    return keras_files.without_preprocessing(
        keras_files.read_model(run.workspace.root / file.path, file.sha256)
    )


def test_features_are_the_output_of_the_frozen_layers_for_each_view(
    run, arrays, blueprint, embedded
):
    assert opened(run, embedded).shape == (40, 2, 1, 1, 320)
    assert opened(run, embedded).dtype == np.float16
    assert opened(run, embedded, "test").shape == (20, 1, 1, 1, 320)
    assert embedded.splits["train"].labels == arrays.splits["train"].labels
    views = np.stack([crops.view(image, n, TWO_VIEWS) for image in PHOTOS[:40] for n in (0, 1)])
    front = features._front(run.workspace, blueprint)
    expected = front.predict_on_batch(views).reshape(40, 2, 1, 1, 320)
    assert np.abs(opened(run, embedded) - expected).max() < 1e-3 * np.abs(expected).max()
    expected = front.predict_on_batch(PHOTOS[40:])
    difference = np.abs(opened(run, embedded, "test")[:, 0] - expected).max()
    assert difference < 1e-5 * np.abs(expected).max(), "test images are predicted from these"


def test_engine_that_is_wrong_or_not_installed_is_refused(run, blueprint, monkeypatch):
    front = features._front(run.workspace, blueprint)
    right = feature_engine.choose_engine(front, "keras").calculate
    feature_engine.check_agreement(front, right, PHOTOS[:4])
    with pytest.raises(StageError, match=r"embedding\.engine"):
        feature_engine.check_agreement(front, lambda images: right(images) + 1, PHOTOS[:4])
    monkeypatch.setattr(feature_engine, "find_spec", lambda name: None)
    assert (
        feature_engine.choose_engine(front, "auto").calculate(PHOTOS[:4]).tobytes()
        == right(PHOTOS[:4]).tobytes()
    )
    with pytest.raises(ConfigError, match=r"embedding\.engine.*sightline\[pretrained\]"):
        feature_engine.choose_engine(front, "onnxruntime")


def test_other_backends_compute_with_keras(run, blueprint, monkeypatch):
    front = features._front(run.workspace, blueprint)
    monkeypatch.setattr(feature_engine.keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(feature_engine.backend, "resolve_device", lambda wanted: "cpu")
    expected = front.predict_on_batch(PHOTOS[:4]).tobytes()
    assert feature_engine.choose_engine(front, "auto").calculate(PHOTOS[:4]).tobytes() == expected
    with pytest.raises(ConfigError, match=r"embedding\.engine.*KERAS_BACKEND.*auto"):
        feature_engine.choose_engine(front, "onnxruntime")


def in_shards(run, arrays, blueprint, settings, size=8):
    def compute(run, shards):
        return (embed_shard(run, shard) for shard in shards)

    return embed.embed_in_shards(run, arrays, blueprint, settings, size, compute)


def test_shards_merge_to_the_bytes_of_features_without_them(run, arrays, blueprint, embedded):
    def content():
        folder = run.workspace.path(embedded.splits["train"].images.path).parent
        return {path.name: path.read_bytes() for path in folder.glob("*.[nt]*")}

    expected = content()
    assert len(expected) == 5
    fresh = run.model_copy(update={"id": "fresh", "refresh": True})
    found = in_shards(fresh, arrays, blueprint, TWO_VIEWS)
    assert len(found.shards) > 5
    assert found.model_copy(update={"shards": ()}) == embedded
    assert content() == expected
    assert {
        path.parent.name for path in run.workspace.root.glob("cache/embed_shard/*/front.txt")
    } == {one.split("/")[2] for one in found.shards}


def test_shard_of_other_images_is_refused(run, arrays, blueprint):
    shards = feature_shards.divide(run, arrays, blueprint, TWO_VIEWS, 8)["train"]
    other = shards[1].model_copy(update={"first": 0})
    fresh = run.model_copy(update={"refresh": True})
    with pytest.raises(StageError, match="SIGHTLINE_ARTIFACTS"):
        embed_shard(fresh, other)


@pytest.fixture
def seen(monkeypatch):
    """Count the views that are computed, by an engine without a network."""
    seen = []

    def counting(front, wanted):
        def count(images):
            seen.append(len(images))
            return np.repeat(images.mean((1, 2, 3)), 320).reshape(-1, 1, 1, 320)

        return feature_engine.Engine(count, 16, 1)

    monkeypatch.setattr(features, "choose_engine", counting)
    monkeypatch.setattr(features, "check_agreement", lambda *_: None)
    features._kept_front.cache_clear()
    yield seen
    features._kept_front.cache_clear()


def test_shards_compute_only_images_that_no_entry_has(run, blueprint, seen):
    photos = RNG.integers(0, 256, (72, 32, 32, 3), np.uint8)
    before, after = photos[:60], np.concatenate([photos[60:70], photos[10:60], photos[:10]])
    first = in_shards(run, store(run, "before", train=before), blueprint, TWO_VIEWS)
    assert sum(seen) == 2 * 60
    seen.clear()
    second = in_shards(run, store(run, "after", train=after), blueprint, TWO_VIEWS)
    assert sum(seen) == 2 * 10
    assert set(first.shards) & set(second.shards)
    np.testing.assert_array_equal(opened(run, second)[10:60], opened(run, first)[10:])
    seen.clear()
    whole = embed.embed(run, store(run, "whole", train=photos), blueprint, TWO_VIEWS)
    assert sum(seen) == 2 * 2
    np.testing.assert_array_equal(opened(run, whole)[:60], opened(run, first))


def test_only_new_images_are_computed(run, blueprint, embedded, seen):
    grown = np.concatenate([RNG.integers(0, 256, (5, 32, 32, 3), np.uint8), PHOTOS[:40]])
    more = store(run, "grown", train=grown, validation=PHOTOS[30:], test=PHOTOS[38:])
    after = embed.embed(run, more, blueprint, TWO_VIEWS)
    assert sum(seen) == 2 * 5 + 2, "float16 is not exact enough for two of the test images"
    np.testing.assert_array_equal(opened(run, after)[5:], opened(run, embedded))
    held_out, tested = opened(run, after, "validation"), opened(run, embedded, "test")
    np.testing.assert_array_equal(held_out[:10], opened(run, embedded)[30:, :1])
    np.testing.assert_array_equal(held_out[10:], tested[:].astype(np.float16))
    np.testing.assert_array_equal(opened(run, after, "test")[2:], tested)
    seen.clear()
    fewer = embed.embed(run, more, blueprint, EmbeddingConfig(views=1))
    assert not seen
    np.testing.assert_array_equal(opened(run, fewer), opened(run, after)[:, :1])


def test_crops_follow_the_pixels_the_number_and_the_seed_alone():
    image, settings = PHOTOS[0], EmbeddingConfig(views=3)
    first, second = (crops.view(image, number, settings) for number in (1, 2))
    assert crops.view(image, 0, settings) is image
    assert first.shape == image.shape
    np.testing.assert_array_equal(first, crops.view(image.copy(), 1, settings))
    assert (first != second).any()
    assert (first != crops.view(image, 1, settings.model_copy(update={"seed": 1}))).any()


def test_interrupted_fine_tuning_of_a_tail_ends_with_the_same_bytes(
    run, embedded, trained, monkeypatch
):
    bench = Bench(run, embedded, monkeypatch).refreshing()
    bench.interrupt(4, TAIL, TWICE)
    resumed = bench.fit(TAIL, TWICE)
    assert resumed.resumed
    assert not trained.resumed
    assert resumed.weights_sha256 == trained.weights_sha256
    assert resumed.model.sha256 == trained.model.sha256


def changed_layers(run, before, after):
    start, end = network(run, before), network(run, after)
    return {
        layer.name
        for layer in start.layers
        for before, after in zip(
            layer.get_weights(), end.get_layer(layer.name).get_weights(), strict=True
        )
        if not np.allclose(before, after, rtol=0, atol=1e-20)
    }


def test_only_the_layers_after_the_cut_learn(run, blueprint, trained):
    changed = changed_layers(run, blueprint.pretrained, trained.model)
    assert changed == {"head_convolution", "probabilities"}


def test_head_is_trained_alone_first_and_fine_tuning_starts_from_it(run, embedded, blueprint):
    settings = TWICE.model_copy(update={"frozen": FrozenPhase(epochs=2, learning_rate=0.01)})
    head = blueprint.model_copy(update={"phase": "frozen"})
    frozen = train.train(run, embedded, head, settings.frozen_phase())
    assert frozen.epochs == 2
    assert changed_layers(run, blueprint.pretrained, frozen.model) == {"probabilities"}
    update = {"pretrained": frozen.model, "phase": "finetune"}
    still = settings.model_copy(update={"learning_rate": 1e-30})
    tuned = train.train(run, embedded, blueprint.model_copy(update=update), still)
    assert changed_layers(run, frozen.model, tuned.model) == set()
    tuned = train.train(run, embedded, blueprint.model_copy(update=update), settings)
    learned = {"head_convolution", "probabilities"}
    assert changed_layers(run, frozen.model, tuned.model) == learned


def test_head_starts_at_zero_where_it_is_trained_alone(run, blueprint):
    def kernel(**update):
        changed = blueprint.model_copy(update=update)
        model = fit._initial_model(run.workspace, changed, TWICE, random.Random(0))  # noqa: S311
        return model.get_layer("probabilities").kernel.numpy()

    assert not kernel(last_frozen=backbone.POOLING).any()
    assert not kernel(phase="frozen").any()
    assert kernel().any()
    assert kernel(last_frozen=backbone.POOLING, phase="finetune").any(), "it was trained before"


def test_balanced_classes_weigh_the_same_together(run, arrays, tmp_path):
    split = arrays.splits["train"]
    (tmp_path / "arrays").mkdir()
    np.save(tmp_path / split.labels.path, np.int16([0] * 30 + [1] * 10))
    weights = class_weights(Workspace(tmp_path), split)
    assert weights == {0: pytest.approx(2 / 3), 1: pytest.approx(2)}
