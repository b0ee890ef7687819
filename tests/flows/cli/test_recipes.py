import json

from cli import refused, sightline


def test_every_key_is_shown_with_its_value_and_origin(place):
    (place / "mine.toml").write_text("[training]\nbatch_size = 7\n")
    line = "recipes show fast --set training.epochs=3 --config mine.toml"
    table = sightline(line).stdout
    rows = [[cell.strip() for cell in row.split("│")[1:-1]] for row in table.splitlines()]
    assert ["training.epochs", "3", "--set"] in rows
    assert ["training.batch_size", "7", "--config"] in rows
    assert ["training.schedule", '"one-cycle"', "recipe"] in rows
    assert ["training.ema", "unset", "default"] in rows
    listed = json.loads(sightline(f"{line} --json").stdout)
    assert {"key": "training.ema", "value": None, "origin": "default"} in listed
    assert [row["key"] for row in listed] == [key for key, *_ in filter(None, rows) if key]


def test_unknown_recipe_is_refused():
    assert "did you mean 'tutorial'" in refused("recipes show tutorail")
    assert "recipes list" in refused("recipes show tutorail --all")
