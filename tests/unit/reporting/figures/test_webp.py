import numpy as np
from PIL import Image

from sightline.reporting.figures.webp import write_webp


def test_transparent_ground_stays_transparent(tmp_path):
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.png")
    with Image.open(write_webp(tmp_path / "a.png")) as image:
        assert image.convert("RGBA").getpixel((3, 3))[3] == 0


def test_chart_keeps_its_pixels_and_photographs_become_small(tmp_path):
    chart = np.full((300, 400, 3), 255, np.uint8)
    chart[100:200, 50:60] = (0, 114, 178)
    ramp = np.linspace(0, 255, 300 * 400 * 3).reshape(300, 400, 3)
    photograph = np.uint8((ramp + np.random.default_rng(0).normal(0, 8, ramp.shape)).clip(0, 255))
    written = {}
    for name, pixels in (("chart", chart), ("photograph", photograph)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        written[name] = write_webp(tmp_path / f"{name}.png")
    with Image.open(written["chart"]) as image:
        np.testing.assert_array_equal(np.asarray(image), chart)
    png, webp = (written["photograph"].with_suffix(end).stat().st_size for end in (".png", ".webp"))
    assert webp < png / 5
    with Image.open(written["photograph"]) as image:
        assert abs(np.asarray(image).mean() - photograph.mean()) < 2
