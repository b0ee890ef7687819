import numpy as np
from PIL import Image

from sightline.reporting.figures.augmentation import draw_augmentation


def test_training_images_are_above_their_views_on_no_background(tmp_path):
    views = np.stack([np.full((2, 8, 8, 1), grey, np.uint8) for grey in (250, 120, 10)])
    draw_augmentation(tmp_path / "views.png", views)
    with Image.open(tmp_path / "views.png") as image:
        grey, _, _, alpha = (np.asarray(band).astype(int) for band in image.split())
    middle = grey[:, grey.shape[1] // 4][alpha[:, grey.shape[1] // 4] == 255]
    assert [middle[0], middle[len(middle) // 2], middle[-1]] == [250, 120, 10]
    assert alpha[0, 0] == 0
