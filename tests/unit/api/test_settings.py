import numpy as np
import pytest

from sightline.api.settings import overrides
from sightline.config import loading
from sightline.errors import ConfigError


@pytest.mark.parametrize(
    "settings",
    [
        {"training.epochs": 3},
        {"training": {"epochs": 3}},
        {"epochs": 3},
        {"num_epochs": np.int64(3)},
    ],
)
def test_key_may_be_dotted_nested_short_or_a_usual_name(settings):
    assert overrides(settings) == ["training.epochs=3"]


def test_every_kind_of_value_arrives_as_it_was(tmp_path):
    layers = [{"filters": 16, "stride": 2}, {"filters": 8}]
    settings = {
        "model.convolutions": layers,
        "lr": 1e-05,
        "deterministic": False,
        "image_size": (32, 48),
        "dataset": 'say "é"\n',
    }
    config = loading.load("quickstart", overrides=overrides(settings))
    made = [one.model_dump(include={"filters", "stride"}) for one in config.model.convolutions]
    assert made == [{"filters": 16, "stride": 2}, {"filters": 8, "stride": 1}]
    assert config.training.learning_rate == 1e-05
    assert config.training.deterministic is False
    assert config.data.image_size == (32, 48)
    assert config.data.dataset == 'say "é"\n'


def test_unknown_name_is_refused_with_the_closest_key():
    with pytest.raises(ConfigError, match=r"'epoch', did you mean 'training\.epochs'"):
        loading.load("quickstart", overrides=overrides({"epoch": 3}))


def test_value_that_no_config_file_can_hold_is_refused_with_its_key():
    with pytest.raises(ConfigError, match=r"training\.epochs does not accept None"):
        overrides({"epochs": None})
