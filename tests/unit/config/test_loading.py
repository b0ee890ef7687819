from pathlib import Path

import pytest

from sightline.config import loading
from sightline.errors import ConfigError


def test_tutorial_is_exactly_the_article() -> None:
    config = loading.load("tutorial")
    assert [(step.filters, step.stride) for step in config.model.convolutions] == [
        (32, 1),
        (32, 2),
        (64, 1),
        (64, 2),
        (64, 1),
        (64, 1),
    ]
    assert config.model.dense_units == 32
    assert (config.training.epochs, config.training.batch_size) == (5, 32)
    assert (config.training.optimizer, config.training.learning_rate) == ("adam", 0.001)
    assert config.training.schedule == "constant"
    assert config.data.dataset == "mnist"
    assert config.preprocessing.validation_fraction == 0


def test_quickstart_has_the_tutorials_network_and_optimizer() -> None:
    tutorial, quickstart = loading.load("tutorial"), loading.load("quickstart")
    assert quickstart.model == tutorial.model
    assert quickstart.training.optimizer == tutorial.training.optimizer
    assert quickstart.training.batch_size == tutorial.training.batch_size
    assert quickstart.data.dataset == "mnist-5k"


def test_later_settings_win(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[training]\nepochs = 7\nbatch_size = 64\n")
    config = loading.load("tutorial", file, ["training.epochs=9"], dataset="fashion-mnist")
    assert (config.training.epochs, config.training.batch_size) == (9, 64)
    assert config.data.dataset == "fashion-mnist"
    assert config.training.learning_rate == 0.001


def test_plain_words_are_taken_as_strings() -> None:
    config = loading.load(overrides=["data.dataset=./my images", "training.device=cpu"])
    assert config.data.dataset == "./my images"
    assert config.training.device == "cpu"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epoch=3", "Unknown config key 'training.epoch', did you mean 'epochs'"),
        ("trainig.epochs=3", "Unknown config key 'trainig', did you mean 'training'"),
        ("training.epochs=0", "'training.epochs' does not accept 0.*greater than or equal to 1"),
        ("training.epochs=many", "'training.epochs' does not accept 'many'"),
        ("training.device=tpu", "'training.device' does not accept 'tpu'.*'auto', 'cpu' or 'gpu'"),
        ("data.image_size=[4, 4]", "'data.image_size.0' does not accept 4"),
        ("training.epochs", "not of the form key=value"),
        ("=3", "not of the form key=value"),
        ("model.convolutions=[]", "'model.convolutions' does not accept"),
        ("training.learning_rate=nan", "'training.learning_rate' does not accept nan"),
    ],
)
def test_wrong_setting_is_refused_with_its_key(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        loading.load(overrides=[override])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs=3", "'epochs', did you mean 'training.epochs'"),
        ("model.convolutions=[{filter=3}]", "convolutions.0.filter', did you mean 'filters'"),
        ("training.augmentation.zom=0.1", "'training.augmentation.zom', did you mean 'zoom'"),
        (
            "evaluation.slices=site",
            r"does not accept 'site': expected a list, such as \[\"a\", \"b\"\]",
        ),
        (
            "data_gate.near_leaks.limit=2",
            "does not accept 2: input should be less than or equal to 1",
        ),
        ("training=3", "does not accept 3: expected a table with the keys augmentation, epochs"),
        ("training.keep=best", "set preprocessing.validation_fraction"),
        ("training.epochs=" + "9" * 5000, "'training.epochs' does not accept '9{79}…: "),
        ("training.seed=0x" + "f" * 5000, "does not accept a number of thousands of digits"),
        ("training.epochs=" + "[" * 5000, r"'training.epochs' does not accept '\[{79}…: "),
        ("training.epochs=3\nrecipe='x'", r"'training.epochs' does not accept \"3\\nrecipe"),
    ],
)
def test_mistake_is_explained_by_what_would_be_right(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        loading.load(overrides=[override])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = " + b"[" * 5000, "is not valid TOML: it is nested too deeply"),
        (b"a = " + b"9" * 5000, "is not valid TOML: .*4300 digits"),
        (b"# long\n" * 200_000, "is longer than 1,048,576 bytes; expected a few lines"),
    ],
)
def test_config_file_that_asks_too_much_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"mine\.toml {message}"):
        loading.load("tutorial", file)


def test_config_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[training]\nepochs = 7\n", encoding="utf-8-sig")
    assert loading.load("tutorial", file).training.epochs == 7


def test_unknown_recipe_suggests_the_near_one() -> None:
    with pytest.raises(ConfigError, match="no recipe 'tutorail', did you mean 'tutorial'"):
        loading.load("tutorail")


@pytest.mark.parametrize("content", ["[training", "\xff"])
def test_config_file_that_is_not_toml_is_refused_with_its_name(
    tmp_path: Path, content: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"mine\.toml is not valid TOML"):
        loading.load("tutorial", file)


def test_missing_config_file_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine\.toml cannot be read"):
        loading.load("tutorial", tmp_path / "mine.toml")
