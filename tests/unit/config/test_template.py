import re

import pytest

from sightline.config import loading, template
from sightline.config.layers import merge

OWN = {"recipe", "recipe_sha256"}


def loaded(recipe):
    return loading.load(recipe).model_dump(exclude=OWN)


def written(recipe, path):
    path.write_text(template.render(merge(loading.read_layers(recipe)), path.name))
    return path


@pytest.mark.parametrize("recipe", loading.names())
def test_file_has_the_settings_of_the_recipe(recipe, tmp_path):
    file = written(recipe, tmp_path / "mine.toml")
    assert loading.load(str(file)).model_dump(exclude=OWN) == loaded(recipe)


def test_what_is_commented_out_is_the_default(tmp_path):
    file = written("fast", tmp_path / "mine.toml")
    text = file.read_text()
    assert "\n# clip_norm = 1 # an example; unset by default\n" in text
    complete = re.sub(r"^# (?=[a-z_.0-9]+ = (?!.*# an example))", "", text, flags=re.MULTILINE)
    assert "\nbatch_size = 500\n" in complete
    file.write_text(complete)
    assert loading.load(str(file)).model_dump(exclude=OWN) == loaded("fast")
