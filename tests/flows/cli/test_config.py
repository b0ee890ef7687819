import hashlib
import json

import pytest

from cli import refused, sightline
from examples import write_npz
from sightline.config import keys, reference
from tiny_run import TINY


def test_init_writes_a_recipe_once_and_names_the_schema_beside_it(place):
    done = sightline("config init --recipe fast")
    assert "`sightline train --recipe my-recipe.toml`" in done.stdout
    first = (place / "my-recipe.toml").read_text()
    assert not first.startswith("#:schema")
    assert "my-recipe.toml exists" in refused("config init")
    assert (place / "my-recipe.toml").read_text() == first
    (place / "sightline.schema.json").write_text(sightline("config schema").stdout)
    assert "--recipe ./mine`" in sightline("config init mine --recipe fast").stdout
    assert (place / "mine").read_text().startswith("#:schema ./sightline.schema.json\n")
    assert "elsewhere/x.toml" in refused("config init elsewhere/x.toml")


def test_init_writes_what_auto_chooses_for_a_data_set(place):
    write_npz(place / "textures.npz")
    done = sightline("config init --dataset textures.npz")
    assert "recipe fast" in done.stderr
    rows = json.loads(sightline("recipes show my-recipe.toml --all --json").stdout)
    found = {row["key"]: (row["value"], row["origin"]) for row in rows}
    assert found["data.dataset"] == ("textures.npz", "recipe")
    assert found["training.schedule"] == ("one-cycle", "recipe")
    assert found["training.seed"] == (0, "default")


def test_schema_and_reference_are_those_of_the_keys():
    assert json.loads(sightline("config schema").stdout) == keys.schema()
    assert sightline("config reference").stdout == reference.render()


@pytest.mark.usefixtures("configured_server", "keras")
def test_recipe_file_is_trained_and_recorded_by_name_and_digest(place):
    write_npz(place / "textures.npz")
    sightline("config init night.toml --recipe quickstart --dataset textures.npz")
    digest = hashlib.sha256((place / "night.toml").read_bytes()).hexdigest()
    done = sightline("train --recipe night.toml", *(f"--set={change}" for change in TINY))
    assert "data set textures.npz, recipe night\n" in done.stderr
    config = json.loads(sightline("runs show latest --json").stdout)["config"]
    assert (config["recipe"], config["recipe_sha256"]) == ("night", digest)
    (checked,) = json.loads(sightline("runs verify latest --json").stdout)
    assert checked["damages"] == []
    (place / "night.toml").unlink()
    assert "bit for bit" in sightline("reproduce latest").stdout
