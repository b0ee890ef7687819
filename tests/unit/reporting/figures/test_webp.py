import io

import numpy as np
import pytest
from PIL import Image

from sightline.reporting.figures import webp


def encode(image, path):
    """Return the size of an image as PNG, and its WebP."""
    image.save(path)
    return path.stat().st_size, webp.convert(path).read_bytes()


def test_transparent_ground_stays_transparent(tmp_path):
    _, encoded = encode(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), tmp_path / "a.png")
    with Image.open(io.BytesIO(encoded)) as image:
        assert image.convert("RGBA").getpixel((3, 3))[3] == 0


@pytest.fixture(scope="module")
def photograph():
    ramp = np.linspace(0, 255, 300 * 400 * 3).reshape(300, 400, 3)
    return np.uint8((ramp + np.random.default_rng(0).normal(0, 8, ramp.shape)).clip(0, 255))


def test_photograph_is_not_encoded_without_loss_first(photograph, tmp_path, monkeypatch):
    monkeypatch.setattr(webp, "_LOSSLESS", None)
    size, encoded = encode(Image.fromarray(photograph), tmp_path / "photograph.png")
    assert len(encoded) < size / 5
    with pytest.raises(TypeError):
        encode(Image.new("RGB", (300, 400)), tmp_path / "chart.png")


def test_chart_keeps_its_pixels_and_photographs_become_small(photograph, tmp_path):
    chart = np.full((300, 400, 3), 255, np.uint8)
    chart[100:200, 50:60] = (0, 114, 178)
    _, encoded = encode(Image.fromarray(chart), tmp_path / "chart.png")
    with Image.open(io.BytesIO(encoded)) as image:
        np.testing.assert_array_equal(np.asarray(image), chart)
    size, encoded = encode(Image.fromarray(photograph), tmp_path / "photograph.png")
    assert len(encoded) < size / 5
    with Image.open(io.BytesIO(encoded)) as image:
        assert abs(np.asarray(image).mean() - photograph.mean()) < 2
