"""Model files that attack the process that loads them."""

import io
import json
import os
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import load_models
from command import execute
from damaged_models import damage_bytes, damage_config, damage_metadata, damage_weights
from hostile_archives import external_array, first_array
from hostile_metadata import changed, with_metadata
from hostile_models import ATTACKS, CANARY_BYTES, WEIGHTS, honest_model, lambda_layer, unpack
from sightline.config import Augmentation, CnnConfig, VggConfig, loading
from sightline.errors import ModelFileError
from sightline.models import backbone, cnn, file_checks, keras_files, vgg
from sightline.models.whitening import whitening
from sightline.storage import digests
from sightline.training.augmentation import augmentation

pytestmark = pytest.mark.campaign

Corpus = dict[str, Path]
Outcomes = dict[str, dict[str, str]]
Extract = Callable[[Path], Path]
Damage = Callable[[bytes, random.Random], bytes]


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return honest_model(tmp_path_factory.mktemp("honest") / "model.keras")


@pytest.fixture(scope="module")
def canary(tmp_path_factory):
    """A file that was never read: its access time is older than its content."""
    path = tmp_path_factory.mktemp("canary") / "canary"
    path.write_bytes(CANARY_BYTES)
    os.utime(path, (0, path.stat().st_mtime))
    return path


@pytest.fixture(scope="module")
def corpus(honest, canary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    paths = {"honest": honest, "unguarded": folder / "unguarded.keras"}
    paths["unguarded"].write_bytes(lambda_layer(honest.read_bytes(), folder / "victim"))
    for attack in ATTACKS:
        paths[attack.__name__] = folder / f"{attack.__name__}.keras"
        paths[attack.__name__].write_bytes(attack(honest.read_bytes(), canary))
    return paths | _legacy(folder, canary)


def _legacy(folder, canary):
    """Write Keras' legacy formats: HDF5 under both names, and a SavedModel's folder."""
    source = f"lambda images: (open({str(canary)!r}, 'w').write('run'), images)[1]"
    images = keras.Input((8, 8, 1))
    attack = keras.layers.Lambda(eval(source), output_shape=(8, 8, 1))  # noqa: S307 - the attack
    network = keras.Model(images, keras.layers.Dense(2)(images))
    path = folder / "legacy.h5"
    network.save(path)
    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][1] |= keras.saving.serialize_keras_object(attack)
        file.attrs["model_config"] = json.dumps(config)
    renamed = folder / "legacy_renamed.keras"
    renamed.write_bytes(path.read_bytes())
    saved_model = folder / "saved_model"
    saved_model.mkdir()
    (saved_model / "saved_model.pb").write_bytes(b"\x08\x01")
    return {"legacy_h5": path, "legacy_renamed": renamed, "saved_model": saved_model}


@pytest.fixture(scope="module")
def outcomes(corpus, canary):
    """Load the corpus in new processes that may take one more gibibyte."""
    done = execute(sys.executable, load_models.__file__, canary, *corpus.values())
    assert done.returncode == 0, done.stderr
    by_path = json.loads(done.stdout)
    return {name: by_path[str(path)] for name, path in corpus.items()}


REASONS = {attack.__name__: reason for attack, reason in ATTACKS.items()} | {
    "legacy_h5": "HDF5",
    "legacy_renamed": "HDF5",
    "saved_model": "folder",
}


@pytest.mark.parametrize(("name", "reason"), REASONS.items(), ids=REASONS)
def test_malicious_or_legacy_model_is_refused_and_the_canary_untouched(
    outcomes, corpus, canary, name, reason
):
    outcome = outcomes[name]
    assert outcome["kind"] == "ModelFileError", outcome
    assert outcome["message"].startswith(str(corpus[name]))
    assert reason in outcome["message"]
    assert len(outcome["message"].splitlines()) == 1
    assert outcome["alarms"] == ""
    assert list(canary.parent.iterdir()) == [canary]
    assert canary.stat().st_atime == 0, "the canary was read"
    assert canary.read_bytes() == CANARY_BYTES
    os.utime(canary, (0, canary.stat().st_mtime))


def test_honest_model_loads_in_the_same_memory(outcomes):
    assert outcomes["honest"] == {"kind": "loaded", "message": "", "alarms": ""}


def test_attack_runs_code_without_the_guard(outcomes, corpus):
    assert outcomes["unguarded"]["kind"] == "loaded"
    assert corpus["unguarded"].with_name("victim").read_text() == "run"


def test_attack_reads_the_canary_without_the_guard(honest, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(CANARY_BYTES)
    os.utime(secret, (0, secret.stat().st_mtime))
    weights = unpack(external_array(honest.read_bytes(), secret))[WEIGHTS]
    with h5py.File(io.BytesIO(weights)) as file:
        assert first_array(file)[...].tobytes().startswith(CANARY_BYTES)
    assert secret.stat().st_atime > 0


def test_model_of_another_digest_is_refused(honest):
    digest = digests.sha256(honest)
    assert keras_files.read_model(honest, digest).count_params() == 63
    with pytest.raises(ModelFileError, match=rf"{digest}.*{'0' * 64}"):
        keras_files.read_model(honest, "0" * 64)


def test_markup_in_metadata_is_text(honest, tmp_path):
    names = ("<script>alert(1)</script>", "[red]{{ 7 * 7 }}\u202e")
    path = tmp_path / "model.keras"
    path.write_bytes(with_metadata(honest.read_bytes(), changed(class_names=names)))
    assert keras_files.read_with_metadata(path)[1].class_names == names


@pytest.fixture
def architecture(tmp_path):
    """Extracts the architecture of a model file."""

    def extract(model):
        path = tmp_path / "architecture.json"
        path.write_bytes(unpack(model.read_bytes())["config.json"])
        return path

    return extract


@pytest.mark.parametrize("attack", ["lambda_layer", "wide_layers", "deep_json", "long_json"])
def test_architecture_is_guarded_like_a_model(corpus, architecture, attack):
    with pytest.raises(ModelFileError, match=r"architecture\.json"):
        keras_files.read_architecture(architecture(corpus[attack]))


def test_network_beyond_the_limit_is_refused_before_it_takes_memory(
    honest, architecture, monkeypatch
):
    monkeypatch.setattr(file_checks, "LARGEST_PARAMETERS", 62)
    with pytest.raises(ModelFileError, match=r"63 .*62"):
        keras_files.read_architecture(architecture(honest))


def test_refused_model_takes_no_memory_later(corpus, architecture):
    with pytest.raises(ModelFileError, match="parameters"):
        keras_files.read_architecture(architecture(corpus["wide_layers"]))
    # Keras infers its shape by a trial call, after which it creates pending weights.
    warp = augmentation(Augmentation(rotation=0.1), seed=1, channels=1)
    assert warp is not None
    assert warp(keras.Input((8, 8, 1))).shape == (None, 8, 8, 1)


@pytest.mark.parametrize("recipe", loading.names())
def test_every_network_of_a_config_is_accepted(recipe, tmp_path):
    config = loading.load(recipe, overrides=["model.dropout=0.5"])
    match config.model:
        case CnnConfig():
            network = cnn.classifier((8, 8, 1), 3, config.model, ((1, 1), (0, 1)))
        case VggConfig():
            images = np.arange(2 * 16 * 16 * 3, dtype=np.uint8).reshape(2, 16, 16, 3)
            network = vgg.classifier((16, 16, 3), 3, config.model, whitening(images))
        case _:
            network, _ = backbone.classifier((32, 32, 3), 3, config.model)
    keras_files.export(network, tmp_path / "model.keras")
    exported = keras_files.read_model(tmp_path / "model.keras")
    loaded = keras_files.without_preprocessing(exported)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in network.layers]
    for mine, theirs in zip(loaded.get_weights(), network.get_weights(), strict=True):
        assert (mine == theirs).all()
    (tmp_path / "architecture.json").write_text(network.to_json())
    again = keras_files.read_architecture(tmp_path / "architecture.json")
    assert again.count_params() == network.count_params()


DAMAGES = [damage_config, damage_bytes, damage_weights, damage_metadata]


@settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=200,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 2**32), damage=st.sampled_from(DAMAGES))
def test_damaged_model_is_refused_or_loads(honest, tmp_path_factory, seed, damage):
    path = tmp_path_factory.getbasetemp() / "damaged.keras"
    path.write_bytes(damage(honest.read_bytes(), random.Random(seed)))  # noqa: S311 - no secret
    with suppress(ModelFileError):
        assert isinstance(keras_files.read_model(path), keras.Model)
