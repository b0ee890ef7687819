import re

import pytest

from sightline.config import loading
from sightline.errors import ConfigError
from sightline.experiments.search import space
from sightline.experiments.search.space import Dimension

RATE = "training.learning_rate=log(1e-4, 1e-1)"


def base(*overrides):
    return loading.load("quickstart", overrides=overrides)


def test_settings_are_searched_or_fixed():
    found = space.read(None, [RATE, "training.epochs=3", "training.optimizer=choice(adam, sgd)"])
    assert found.fixed == ("training.epochs=3",)
    assert found.space == (
        Dimension(key="training.learning_rate", kind="log", low=1e-4, high=1e-1),
        Dimension(key="training.optimizer", kind="choice", choices=("adam", "sgd")),
    )


def test_file_holds_a_space_and_fixed_settings_which_the_options_override(tmp_path):
    file = tmp_path / "space.toml"
    file.write_text(
        '[training]\nlearning_rate = "uniform(0.1, 0.2)"\nschedule = "cosine"\n'
        '"batch_size" = "log(16, 256)"\n'
    )
    found = space.read(file, [RATE])
    assert [str(one) for one in found.space] == ["log(16, 256)", "log(0.0001, 0.1)"]
    assert found.fixed == ('training.schedule="cosine"',)
    assert [one.whole for one in found.space] == [True, False]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["training.epochs=3"], ["nothing to search", "log("]),
        (["lr=log(1e-4, 1e-1)"], ["'lr'", "'training.learning_rate'"]),
        (["training.learning_rat=log(1, 2)"], ["'training.learning_rate'"]),
        (["promotion.gate=choice(off, report)"], ["promotion.gate", "comparable"]),
        (["training.learning_rate=log(0, 1)"], ["training.learning_rate", "above 0"]),
        (["training.learning_rate=uniform(2, 1)"], ["smaller number first"]),
        (["training.learning_rate=uniform(nan, 1)"], ["smaller number first"]),
        (["training.learning_rate=uniform(1)"], ["two numbers"]),
        (["training.batch_size=int(1.5, 3)"], ["whole numbers"]),
        (["training.optimizer=choice(adam)"], ["at least two"]),
    ],
)
def test_malformed_space_is_one_sentence_with_the_key(settings, expected):
    with pytest.raises(ConfigError) as caught:
        space.read(None, settings)
    for text in expected:
        assert text in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        ["training.learning_rate=uniform(-1, 1)"],
        ["training.optimizer=choice(adam, adamm)"],
        ["training.batch_size=uniform(16, 17.5)"],
        ["training.batch_size=uniform(16, 32)"],  # whole at its ends only
        ["training.optimizer=choice(adam, sgd)", "training.momentum=uniform(0.1, 0.9)"],
    ],
)
def test_space_with_invalid_samples_is_refused_with_one_of_them(settings):
    with pytest.raises(ConfigError, match=r"search space allows training\.\w+=.*no valid config"):
        space.check(base(), space.read(None, settings).space)


def test_values_of_a_trial_become_a_config():
    searched = space.read(None, [RATE, "training.batch_size=choice(16, 32)"]).space
    space.check(base(), searched)
    config = space.apply(base(), {"training.learning_rate": 0.01, "training.batch_size": "32"})
    assert (config.training.learning_rate, config.training.batch_size) == (0.01, 32)
    assert config.model == base().model


def test_message_of_an_invalid_value_names_the_key():
    with pytest.raises(ConfigError, match=re.escape("'training.batch_size'")):
        space.apply(base(), {"training.batch_size": 0})
