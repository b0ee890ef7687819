from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.reporting.figures.accuracy_history import HistoryPoint, draw_accuracy_history

HOSTILE = r"<b>$\badcommand{$</b> \x1b a name that goes on and on"


def points(count: int, *recipes: str, band: bool = False) -> list[HistoryPoint]:
    start = datetime(2026, 11, 24, 2, tzinfo=UTC)
    return [
        HistoryPoint(
            created=start + timedelta(days=number),
            recipe=recipes[number % len(recipes)],
            accuracy=0.99 + 0.001 * (number % 3),
            interval=(0.987, 0.993 + 0.001 * (number % 3)),
            band=(0.991, 0.001) if band else None,
        )
        for number in range(count)
    ]


def draw(path: Path, *panels: list[HistoryPoint]) -> Image.Image:
    draw_accuracy_history(path, {f"data-{number}": panel for number, panel in enumerate(panels)})
    with Image.open(path) as picture:
        return picture.convert("RGB")


def test_equal_input_gives_equal_bytes_and_each_data_set_a_panel(tmp_path: Path) -> None:
    panels = [points(30, "fast", "tutorial", band=True), points(1, "fast")]
    one = draw(tmp_path / "one.png", *panels)
    draw(tmp_path / "other.png", *panels)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()
    assert 1000 < one.height < 1500 < one.width < 1800


def test_noise_band_is_shaded(tmp_path: Path) -> None:
    def tinted(*, band: bool) -> int:
        picture = np.asarray(draw(tmp_path / "p.png", points(3, "fast", band=band))).astype(int)
        red, blue = picture[..., 0], picture[..., 2]
        return int(((blue - red > 20) & (blue - red < 60)).sum())

    assert tinted(band=True) > 50_000 > tinted(band=False)


def test_picture_that_is_kept_a_run_is_small(tmp_path: Path) -> None:
    draw(tmp_path / "p.png", points(30, "fast", "tutorial", band=True))
    assert (tmp_path / "p.png").stat().st_size < 70_000


@pytest.mark.parametrize("name", [HOSTILE, "猫 $\n" * 20], ids=["hostile", "foreign"])
def test_names_are_drawn_literally_whatever_they_are(tmp_path: Path, name: str) -> None:
    recipes = [name, *(f"recipe-{number}" for number in range(9))]
    draw_accuracy_history(tmp_path / "p.png", {name: points(12, *recipes)})
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.width < 2200, "a long name does not widen the picture"
