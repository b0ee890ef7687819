import sys

import keras
import pytest

from sightline.config import CustomConfig
from sightline.errors import ConfigError, ModelFileError
from sightline.models import custom, source_files

SHAPE = (8, 8, 3)
SOURCE = """
import keras
from keras import layers

def plain(image_shape, num_classes):
    return keras.Sequential([
        keras.Input(image_shape),
        layers.SeparableConv2D(4, 3, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dense(num_classes, activation="softmax", kernel_regularizer="l2"),
    ])

def logits(image_shape, num_classes):
    images = keras.Input(image_shape)
    flat = layers.Flatten()(images)
    return keras.Model(images, layers.Dense(num_classes, bias_initializer="ones")(flat))

def lambdas(image_shape, num_classes):
    images = keras.Input(image_shape)
    flat = layers.Lambda(lambda x: x[:, 0, 0], output_shape=(3,), name="corner")(images)
    return keras.Model(images, layers.Dense(num_classes, activation="softmax")(flat))

def other_classes(image_shape, num_classes):
    return plain(image_shape, num_classes + 1)

def other_shape(image_shape, num_classes):
    return plain((4, 4, 3), num_classes)

def nothing(image_shape, num_classes):
    return None

def leaving(image_shape, num_classes):
    raise SystemExit("bye")

def failing(image_shape):
    return None

number = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a package of models, from which the run is started."""
    package = tmp_path / "own_models"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported too early')")
    (package / "small.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("own_models", "own_models.small"):
        sys.modules.pop(name, None)


def config(name):
    return source_files.pin(CustomConfig(build=f"own_models.small:{name}"))


def built(folder, name):
    (folder / "own_models" / "__init__.py").write_text("")
    return custom.classifier(SHAPE, 4, config(name))


def test_model_of_a_function_is_functional_and_uncompiled(folder):
    network = built(folder, "plain")
    assert type(network).__name__ == "Functional"
    assert (network.input_shape, network.output_shape) == ((None, *SHAPE), (None, 4))
    assert network.count_params() == 191


def test_source_of_the_module_is_pinned_without_importing_it(folder):
    first = config("plain")
    path = folder / "own_models" / "small.py"
    path.write_text(SOURCE + "\n")
    assert config("plain").sha256 != first.sha256
    with pytest.raises(ConfigError, match=r"small\.py.*SHA-256.*remove the digest"):
        source_files.pin(first)


def test_module_is_found_in_the_folder_that_is_current_now(folder, tmp_path_factory, monkeypatch):
    """Python remembers which folder "." was on its path when it was first searched."""
    monkeypatch.setattr(sys, "path", [".", *sys.path])
    for place in (folder, tmp_path_factory.mktemp("other")):
        path = place / "own_models" / "small.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(SOURCE)
        monkeypatch.chdir(place)
        assert source_files.module_file("own_models.small:plain") == path


def test_package_that_was_imported_from_another_folder_is_not_taken_for_this_one(
    folder, tmp_path_factory, monkeypatch
):
    built(folder, "plain")
    other = tmp_path_factory.mktemp("other")
    (other / "own_models").mkdir()
    (other / "own_models" / "small.py").write_text(SOURCE + "\n")
    monkeypatch.chdir(other)
    with pytest.raises(ConfigError, match=r"imported from .*run again in a new process"):
        built(other, "plain")


def test_changed_source_is_imported_anew(folder):
    assert built(folder, "plain").count_params() == 191
    path = folder / "own_models" / "small.py"
    path.write_text(SOURCE.replace("SeparableConv2D(4", "SeparableConv2D(40"))
    assert built(folder, "plain").count_params() > 1000


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("logits", r"sum 4.*softmax"),
        ("lambdas", r"layer 'corner'.*keras\.layers\.Lambda.*only these layers: Activation, Add"),
        ("other_classes", r"\(None, 5\).*expected.*\(None, 4\)"),
        ("other_shape", r"\(None, 4, 4, 3\).*expected.*\(None, 8, 8, 3\)"),
        ("nothing", r"NoneType.*keras\.Model"),
        ("failing", r"TypeError.*num_classes"),
        ("leaving", r"SystemExit.*bye"),
        ("number", r"no function 'number'"),
    ],
)
def test_function_that_gives_no_usable_classifier_is_refused(folder, name, facts):
    with pytest.raises(ConfigError, match=facts):
        built(folder, name)


@pytest.mark.parametrize("build", ["own_models.large:plain", "no_such_package.a:plain", "math:sin"])
def test_module_without_source_is_refused(folder, build):
    with pytest.raises(ConfigError, match=r"model\.build.*no Python file"):
        source_files.pin(CustomConfig(build=build))


def test_keras_file_is_checked_as_any_model(folder):
    built(folder, "plain").save("own.keras")
    settings = source_files.pin(CustomConfig(file="own.keras"))
    assert custom.classifier(SHAPE, 4, settings).count_params() == 191
    built_with_lambda = keras.Sequential([keras.Input(SHAPE), keras.layers.Lambda(lambda x: x)])
    built_with_lambda.save("own.keras")
    with pytest.raises(ConfigError, match=r"model\.file.*SHA-256"):
        source_files.pin(settings)
    with pytest.raises(ModelFileError, match=r"own\.keras"):
        custom.classifier(SHAPE, 4, CustomConfig(file="own.keras"))
    with pytest.raises(ConfigError, match=r"model\.file.*no file"):
        source_files.pin(CustomConfig(file="none.keras"))


@pytest.mark.parametrize("given", [{}, {"build": "a.b:c", "file": "d.keras"}])
def test_exactly_one_source_is_needed(given):
    with pytest.raises(ValueError, match=r"model\.build.*model\.file"):
        CustomConfig(**given)
