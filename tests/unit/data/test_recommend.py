import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from sightline.config import BackboneConfig, DataConfig
from sightline.data import recommend
from sightline.errors import ConfigError


def folder(path, size, count, mode="RGB", *splits):
    """Write images (width, height) in two classes, half of `count` each, for each split."""
    for split in splits or ("",):
        for label in ("a", "b"):
            (path / split / label).mkdir(parents=True)
            for number in range(count // 2):
                color = number % 256 if mode == "L" else (number % 256, 9, 200)
                Image.new(mode, size, color).save(path / split / label / f"{number}.png")
    return path


@pytest.mark.parametrize(
    ("size", "mode", "count", "expected"),
    [
        ((28, 28), "L", 4, ("fast", None, None)),
        ((100, 70), "L", 4, ("photos", (128, 128), "crop")),
        ((32, 32), "RGB", 4, ("photos", (128, 128), "stretch")),
        ((120, 110), "RGB", 4, ("photos", (224, 224), "stretch")),
        ((400, 300), "RGB", 4, ("photos", (224, 224), "crop")),
    ],
)
def test_size_and_color_choose_recipe_and_input(tmp_path, size, mode, count, expected):
    config = recommend.load(dataset=str(folder(tmp_path, size, count, mode)))
    assert (config.recipe, config.data.image_size) == expected[:2]
    assert config.data.resize == "auto"
    assert expected[2] is None or f"({expected[2]})" in config.choice
    assert f"{size[1]}x{size[0]}" in config.choice
    assert config.recipe in config.choice


def test_number_of_images_chooses_layers_views_epochs_and_validation(tmp_path):
    few, more, many = (
        recommend.load(dataset=str(folder(tmp_path / str(count), (16, 16), count)))
        for count in (60, 240, 600)
    )
    assert (few.model.finetune, few.embedding.views, few.training.epochs) == ("head", 1, 40)
    assert "on each image" in few.choice
    assert (more.model.cut, more.embedding.views, more.training.epochs) == ("group_6", 8, 40)
    assert (many.model.cut, many.embedding.views, many.training.epochs) == ("group_5", 2, 12)
    assert few.preprocessing.validation_fraction == 0
    assert many.preprocessing.validation_fraction == 0.1


def test_own_validation_split_is_used_and_not_cut_again(tmp_path):
    path = folder(tmp_path, (16, 16), 120, "RGB", "train", "valid", "test")
    config = recommend.load(dataset=str(path))
    assert config.preprocessing.validation_fraction == 0
    assert "own validation split" in config.choice
    shutil.rmtree(path / "test")  # so that the validation split becomes the test split
    assert recommend.load(dataset=str(path)).preprocessing.validation_fraction == 0.1


def test_named_data_sets_and_recipes_are_not_looked_at():
    assert recommend.load().recipe == "tutorial"
    assert recommend.load(dataset="mnist-5k").recipe == "quickstart"
    assert recommend.load("fast", dataset="nowhere").choice == ""


def test_own_settings_win_over_the_choice(tmp_path):
    path = folder(tmp_path / "images", (16, 16), 4)
    file = tmp_path / "mine.toml"
    file.write_text("[training]\nepochs = 2\n")
    config = recommend.load("auto", file, ["embedding.views=1", "model.cut=group_5"], str(path))
    assert (config.training.epochs, config.embedding.views) == (2, 1)
    assert config.model == BackboneConfig(finetune="head", cut="group_5")
    assert config.choice.endswith(" Your own settings replace training.epochs.")
    tail = recommend.load("auto", None, ["model.finetune=tail"], str(path))
    assert tail.choice.endswith(" Your own settings replace model.finetune.")
    other = recommend.load("auto", None, ["model.architecture=resnet"], str(path))
    assert other.choice.endswith(" Your own settings replace model.architecture.")
    with pytest.raises(ConfigError, match=r"'data\.image_siz', did you mean 'image_size'"):
        recommend.load("auto", None, ["data.image_siz=3"], str(path))


def test_without_the_extra_a_small_network_is_trained_and_the_remedy_named(tmp_path, monkeypatch):
    monkeypatch.setattr(recommend, "find_spec", lambda name: None)
    config = recommend.load(dataset=str(folder(tmp_path, (16, 16), 4)))
    assert (config.recipe, config.data.image_size) == ("fast", None)
    assert "sightline[pretrained]" in config.choice
    large = recommend.load(dataset=str(folder(tmp_path / "large", (140, 90), 4)))
    assert (large.recipe, large.data.image_size) == ("fast", (64, 64))
    assert "64x64" in large.choice


def test_tables_and_arrays_are_looked_at_too(tmp_path):
    picture = folder(tmp_path / "images", (300, 200), 2) / "a" / "0.png"
    table = pa.table({"image": [picture.read_bytes()] * 4, "label": [0, 1, 0, 1]})
    pq.write_table(table, tmp_path / "x.parquet")
    np.savez(tmp_path / "x.npz", x_train=np.zeros((4, 30, 40), np.uint8), y_train=[0, 1, 0, 1])
    found = [
        recommend.recommend(DataConfig(dataset=str(tmp_path / name)))
        for name in ("x.parquet", "x.npz")
    ]
    assert [one.recipe for one in found] == ["photos", "fast"]
    assert "200x300" in found[0].reason
    assert "30x40" in found[1].reason


def test_unequal_classes_are_weighted(tmp_path):
    path = folder(tmp_path, (16, 16), 8)
    assert recommend.load(dataset=str(path)).training.class_weight == "none"
    for number in range(9):
        Image.new("RGB", (16, 16), (number, 1, 2)).save(path / "a" / f"more-{number}.png")
    config = recommend.load(dataset=str(path))
    assert (config.training.class_weight, config.model.finetune) == ("balanced", "head")
    assert "Rare classes" in config.choice
    assert config.training.learning_rate == 0.001
    for number in range(9, 160):
        Image.new("RGB", (16, 16), (number, 1, 2)).save(path / "a" / f"more-{number}.png")
    config = recommend.load(dataset=str(path))
    assert (config.training.class_weight, config.model.finetune) == ("balanced", "head")
    assert config.training.learning_rate == 0.0003
    assert "last layer" in config.choice
