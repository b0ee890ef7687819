import hashlib

import pytest

from sightline.config import BackboneConfig, explain, layers, loading
from sightline.errors import ConfigError


def test_tutorial_is_exactly_the_article():
    config = loading.load("tutorial")
    layers = [(step.filters, step.stride) for step in config.model.convolutions]
    assert layers == [(32, 1), (32, 2), (64, 1), (64, 2), (64, 1), (64, 1)]
    assert config.model.dense_units == 32
    training = config.training
    assert (training.epochs, training.batch_size, training.schedule) == (5, 32, "constant")
    assert (training.optimizer, training.learning_rate) == ("adam", 0.001)
    assert (config.data.dataset, config.preprocessing.validation_fraction) == ("mnist", 0)


def test_quickstart_has_the_tutorials_network_and_optimizer():
    tutorial, quickstart = loading.load("tutorial"), loading.load("quickstart")
    assert quickstart.model == tutorial.model
    assert quickstart.training.optimizer == tutorial.training.optimizer
    assert quickstart.training.batch_size == tutorial.training.batch_size
    assert quickstart.data.dataset == "mnist-5k"


def test_later_settings_win_and_a_config_file_may_begin_with_a_byte_order_mark(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[training]\nepochs = 7\nbatch_size = 64\n", encoding="utf-8-sig")
    config = loading.load("tutorial", file, ["training.epochs=9"], dataset="./my images")
    assert (config.training.epochs, config.training.batch_size) == (9, 64)
    assert config.training.learning_rate == 0.001
    plain_words = loading.load(overrides=["data.dataset=./my images", "training.device=cpu"])
    assert plain_words.data.dataset == config.data.dataset == "./my images"


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("training.epoch=3", "'training.epoch', did you mean 'epochs'"),
        ("trainig.epochs=3", "'trainig', did you mean 'training'"),
        ("epochs=3", "'epochs', did you mean 'training.epochs'"),
        ("training.lr=0.1", "'training.lr', did you mean 'training.learning_rate'"),
        ("size=32", "'size', did you mean 'data.image_size'"),
        ("model.convolutions=[{filter=3}]", "convolutions.0.filter', did you mean 'filters'"),
        ("training.augmentation.zom=0.1", "'training.augmentation.zom', did you mean 'zoom'"),
        ("training.epochs=0", "'training.epochs' does not accept 0"),
        ("training.epochs=many", "'training.epochs' does not accept 'many'"),
        ("training.device=tpu", "'training.device' does not accept 'tpu'.*'auto', 'cpu' or 'gpu'"),
        ("training.learning_rate=nan", "'training.learning_rate' does not accept nan"),
        ("data.image_size=[4, 4]", "'data.image_size.0' does not accept 4"),
        ("data_gate.near_leaks.limit=2", "'data_gate.near_leaks.limit' does not accept 2"),
        ("model.convolutions=[]", "'model.convolutions' does not accept"),
        ("model.finetune=head", r"'model\.finetune'; it needs model\.architecture=\"backbone\""),
        ("model.architecture=vit", "'model.architecture' does not accept 'vit': .*'backbone'"),
        ("evaluation.slices=site", r"'evaluation.slices'.* 'site': .*\[\"a\", \"b\"\]"),
        ("training=3", "'training' does not accept 3: .* keys augmentation, epochs"),
        (
            "training={epochs=1, sampling='balanced', class_weight='balanced'}",
            r"training\.sampling=.*training\.class_weight=.*only one",
        ),
        (
            "training={epochs=1, devices=2, ghost_batches=2}",
            r"training\.ghost_batches.*training\.devices.*to 1",
        ),
        ("training.devices=1.5", "'training.devices' does not accept 1.5: .*\"all\""),
        ("training.devices=3", r"training\.batch_size is .*3 devices.*multiple"),
        ("training.momentum=0.9", r"training\.momentum .*training\.optimizer=\"sgd\""),
        ("training.epochs=" + "9" * 5000, "'training.epochs' does not accept '9{79}…: "),
        ("training.seed=0x" + "f" * 5000, "'training.seed' does not accept a number of thousands"),
        ("training.epochs=" + "[" * 5000, r"'training.epochs' does not accept '\[{79}…: "),
        ("training.epochs=3\nrecipe='x'", r"'training.epochs' does not accept \"3\\nrecipe"),
        ("training.epochs", "--set 'training.epochs'.*key=value"),
        ("=3", "--set '=3'.*key=value"),
    ],
)
def test_wrong_setting_is_refused_with_its_key_and_a_remedy(override, named):
    with pytest.raises(ConfigError, match=named):
        loading.load(overrides=[override])


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"a = " + b"[" * 5000, id="deeply-nested"),
        pytest.param(b"a = " + b"9" * 5000, id="long-number"),
        pytest.param(b"# long\n" * 200_000, id="long-file"),
        pytest.param(b"[training", id="unclosed"),
        pytest.param(b"\xff", id="not-utf-8"),
        pytest.param(None, id="missing"),
    ],
)
def test_unusable_config_file_is_refused_with_its_name(tmp_path, content):
    file = tmp_path / "mine.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"mine\.toml"):
        loading.load("tutorial", file)
    with pytest.raises(ConfigError, match=r"mine\.toml"):
        loading.load(str(file))


RECIPE = """[model]
convolutions = [{ filters = 8 }]
dense_units = 8

[training]
epochs = 7
"""


def test_recipe_may_be_a_file_whose_digest_and_name_are_recorded(tmp_path):
    file = tmp_path / "My night.toml"
    file.write_text(RECIPE)
    config = loading.load(str(file), overrides=["training.batch_size=9"])
    assert (config.recipe, config.training.epochs, config.training.batch_size) == (
        "my-night",
        7,
        9,
    )
    assert config.recipe_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_text(f"recipe = 'night'\n{RECIPE}")
    assert loading.load(str(file)).recipe == "night"
    assert loading.load("fast").recipe_sha256 is None


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("epochs", "epoch", r"'training.epoch' \(from .*mine.toml\), did you mean 'epochs'"),
        ("7", "'many'", r"'training.epochs' does not accept 'many' \(from .*mine.toml\)"),
        ("epochs = 7", "", r"'training.epochs' is missing \(from .*mine.toml\); .*--config"),
        ("= 7", "=", r"mine.toml is not valid TOML: .* line 6, .*`sightline config init`"),
    ],
)
def test_mistake_in_a_recipe_file_is_named_with_the_file(tmp_path, old, new, named):
    file = tmp_path / "mine.toml"
    file.write_text(RECIPE.replace(old, new))
    with pytest.raises(ConfigError, match=named):
        loading.load(str(file))


def test_mistake_is_blamed_on_the_file_only_if_it_is_there(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[training]\nepochs = 7\n")
    with pytest.raises(ConfigError, match=r"'training.epochs' does not accept 0: "):
        loading.load("fast", file, ["training.epochs=0"])


def test_origin_of_each_key_is_what_set_it_last(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[training]\nepochs = 7\nseed = 3\n")
    overrides = ["training.seed=4", "model.architecture=resnet"]
    read = loading.read_layers("fast", file, overrides, "./mine", ["training.batch_size=8"])
    found = layers.origins(read)
    assert found["training.optimizer"] == found["recipe"] == "recipe"
    assert found["training.batch_size"] == "auto"
    assert found["training.epochs"] == "--config"
    assert found["training.seed"] == found["model.architecture"] == "--set"
    assert found["data.dataset"] == "--dataset"
    assert not found.keys() & {"training.ema", "model.dropout", "model.convolutions"}


def test_every_usual_name_stands_for_a_key():
    for name, key in explain.USUAL_NAMES.items():
        assert explain.key_of(name) == key == explain.key_of(key.rpartition(".")[2])
    assert explain.key_of("whatever") is None


def test_unknown_recipe_suggests_the_closest_one():
    with pytest.raises(ConfigError, match="'tutorail', did you mean 'tutorial'"):
        loading.load("tutorail")


def test_another_architecture_replaces_the_network_of_the_recipe():
    overrides = ["model.architecture=backbone", "model.finetune=head"]
    model = loading.load(overrides=overrides).model
    assert model == BackboneConfig(finetune="head")
    with pytest.raises(ConfigError, match=r"convolutions'; it needs .*\"cnn\".*recipes list"):
        loading.load(overrides=[*overrides, "model.convolutions=[]"])
    with pytest.raises(ConfigError, match=r"training\.augmentation.*embedding\.views"):
        loading.load("photos", overrides=["training.augmentation.zoom=0.1"])
    with pytest.raises(ConfigError, match=r"training\.flip_averaging.*model\.finetune"):
        loading.load("photos", overrides=["training.flip_averaging=true"])
    kept = loading.load("photos", overrides=["model.dropout=0.5"]).model
    assert kept == loading.load("photos").model.model_copy(update={"dropout": 0.5})
