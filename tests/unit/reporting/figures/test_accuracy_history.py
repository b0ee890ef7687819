import os
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from excerpts import CONFIG, excerpt, with_recipe
from sightline.errors import StorageError
from sightline.experiments.history import Entry
from sightline.experiments.seed_noise import NoiseBand
from sightline.records import Spread
from sightline.reporting.figures.accuracy_history import draw_accuracy_history

SPREAD = Spread(
    values=(0.99, 0.992), mean=0.991, deviation=0.0005, half_width=0.001, difference=0.001
)
NOISE = NoiseBand(
    dataset="mnist",
    recipe="fast",
    source_sha256="a" * 64,
    config_sha256="a" * 64,
    code_sha256=None,
    seeds=(0, 1),
    run_ids=("a", "b"),
    accuracy=SPREAD,
    loss=SPREAD,
    created=datetime(2026, 11, 24, tzinfo=UTC),
)
HOSTILE = r"<b>$\badcommand{$</b> \x1b a name that goes on and on"


def entries(count, *recipes, noise=None):
    return [
        Entry(
            excerpt(
                accuracy=0.99 + 0.001 * (number % 3),
                created=datetime(2026, 11, 24, 2, tzinfo=UTC) + timedelta(days=number),
                config=with_recipe(CONFIG, recipes[number % len(recipes)]),
            ),
            band=noise,
            change=None,
            is_noise=None,
        )
        for number in range(count)
    ]


def test_equal_input_gives_equal_bytes_and_each_data_set_has_a_panel(tmp_path):
    sizes = []
    for name in ("one.png", "other.png", "single.png"):
        panels = {"a": entries(30, "fast", "tutorial", noise=NOISE), "b": entries(1, "fast")}
        if name == "single.png":
            del panels["b"]
        draw_accuracy_history(tmp_path / name, panels)
        with Image.open(tmp_path / name) as image:
            sizes.append(image.size)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()
    assert sizes[0][1] > 1.7 * sizes[2][1]
    assert (tmp_path / "one.png").stat().st_size < 70_000, "each run keeps one"


def test_seed_noise_is_shaded(tmp_path):
    def tinted(noise):
        draw_accuracy_history(tmp_path / "p.png", {"mnist": entries(3, "fast", noise=noise)})
        with Image.open(tmp_path / "p.png") as image:
            pixels = np.asarray(image.convert("RGB")).astype(int)
        difference = pixels[..., 2] - pixels[..., 0]
        return int(((difference > 20) & (difference < 60)).sum())

    assert tinted(NOISE) > 10 * tinted(None)


@pytest.mark.parametrize("name", [HOSTILE, "猫 $\n" * 20], ids=["hostile", "foreign"])
def test_names_are_drawn_literally_and_do_not_widen_the_figure(tmp_path, name):
    recipes = [name, *(f"recipe-{number}" for number in range(9))]
    draw_accuracy_history(tmp_path / "p.png", {name: entries(12, *recipes)})
    draw_accuracy_history(tmp_path / "short.png", {"a": entries(12, "b")})
    with Image.open(tmp_path / "p.png") as image, Image.open(tmp_path / "short.png") as short:
        assert image.width < 1.3 * short.width


def test_figure_appears_complete_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "history.png"
    draw_accuracy_history(path, {"mnist": entries(2, "fast")})
    assert [file.name for file in path.parent.iterdir()] == ["history.png"]
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    for place in ("file/history.png", "pipe", "new"):
        with pytest.raises(StorageError, match=place):
            draw_accuracy_history(tmp_path / place, {"mnist": entries(2, "fast")})
