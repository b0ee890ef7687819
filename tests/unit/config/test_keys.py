import pytest
from jsonschema import Draft202012Validator

from sightline.config import keys, loading
from sightline.config.flatten import flatten
from sightline.config.layers import merge
from sightline.config.toml import write_setting

ALL = {(part.architecture, key.name): key for part in keys.parts() for key in part.keys}
NEEDED = {
    "training.momentum": ["training.optimizer=sgd"],
    "training.frozen.epochs": ["model={architecture='backbone'}"],
    "training.frozen.learning_rate": ["model={architecture='backbone'}"],
}
"""What else must be set for an example to make sense."""

FIRST = {"": "", "custom": "model={architecture='custom', build='a:b'}"}
FILLED_IN = {"recipe", "description", "choice", "recipe_sha256", "model.weights_sha256"}


@pytest.mark.parametrize(("architecture", "name"), ALL)
def test_every_key_has_a_description_and_an_example_that_is_accepted(architecture, name):
    key = ALL[architecture, name]
    assert key.description.endswith(".")
    if name in {*FILLED_IN, "model.sha256", "model.architecture"} or "[]" in name:
        return
    network = FIRST.get(architecture, f"model={{architecture='{architecture}'}}")
    if architecture == "cnn":
        network = ""
    if name == "model.file":
        network = "model={architecture='custom'}"
    overrides = [*filter(None, [network]), *NEEDED.get(name, [])]
    config = loading.load(overrides=[*overrides, f"{name}={write_setting(key.example)}"])
    assert key.example not in (None, key.default)
    assert name in dict(flatten(config.model_dump(mode="json")))


@pytest.mark.parametrize("recipe", loading.names())
def test_all_keys_of_a_config_are_listed(recipe):
    config = loading.load(recipe)
    listed = {name for architecture, name in ALL if architecture in {"", config.model.architecture}}
    found = dict(flatten(config.model_dump(mode="json")))
    assert {name for name in listed if "[]" not in name} == set(found)


def test_type_limits_and_choices_are_those_of_the_models():
    names = keys.names()
    assert names["training.epochs"].type == "integer ≥ 1, ≤ 10,000"
    assert names["training.epochs"].default is keys.REQUIRED
    assert names["data.image_size"].type == "list of 2, each integer ≥ 8, ≤ 4,096"
    assert names["data_gate.drift.limit"].default == 0.1
    assert "population stability" in names["data_gate.drift.limit"].group
    assert names["model.architecture"].choices == ("cnn", "resnet", "vgg", "backbone", "custom")
    assert names["training.deterministic"].choices == (False, True)


def test_schema_accepts_recipes_and_parts_of_them_and_refuses_other_keys():
    validator = Draft202012Validator(keys.schema())
    validator.check_schema(keys.schema())
    for recipe in loading.names():
        validator.validate(merge(loading.read_layers(recipe)))
    for part in ({}, {"training": {"epochs": 3}}, {"model": {"dropout": 0.1}}):
        validator.validate(part)
    for wrong in ({"training": {"epoch": 3}}, {"training": {"epochs": 0}}, {"model": {"depth": 1}}):
        assert not validator.is_valid(wrong)
