import numpy as np
import pytest
from PIL import Image

from sightline.records import Mistake
from sightline.reporting.figures import saliency

BLUE, ORANGE = (0x00, 0x72, 0xB2), (0xC1, 0x4E, 0x00)
MISTAKE = Mistake(index=0, label="a", predicted="b", probability=0.9, label_probability=0.1)


def test_pixels_for_the_class_are_orange_and_those_against_it_blue(tmp_path):
    maps = np.zeros((1, 12, 12), np.float32)
    maps[0, :4], maps[0, 4:8] = 0.02, -0.02
    saliency.draw_saliency(tmp_path / "s.png", np.zeros((1, 12, 12, 1), np.uint8), maps, [MISTAKE])
    with Image.open(tmp_path / "s.png") as image:
        shown = np.asarray(image.convert("RGB"))
    orange, blue = (int((shown == color).all(axis=-1).sum()) for color in (ORANGE, BLUE))
    assert min(orange, blue) > 500
    assert orange == pytest.approx(blue, rel=0.1)


def test_coarse_map_is_enlarged_to_its_image():
    maps = np.array([[[2.0, 0.0], [0.0, -2.0]]], np.float32)
    shown = saliency._enlarged(maps, (8, 12))
    assert shown.shape == (1, 8, 12)
    assert (shown[0, 0, 0], shown[0, -1, -1]) == (2, -2)
    assert (shown[0, :4, :6] >= 0).all()
    assert (shown[0, 4:, 6:] <= 0).all()
