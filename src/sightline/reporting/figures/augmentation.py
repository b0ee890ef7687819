"""Training images above their augmented views."""

from pathlib import Path

from sightline.reporting.figures.canvas import save
from sightline.reporting.figures.grid import Images, draw_grid


def draw_augmentation(path: Path, views: Images) -> None:
    """Draw each training image above its augmented views, without a background.

    Args:
        views: uint8 array of shape (1 + views, m, height, width, channels), the images first.
    """
    tiles = views.reshape(-1, *views.shape[2:])
    figure = draw_grid(tiles, [()] * len(tiles), columns=views.shape[1], side=0.8)
    figure.set_facecolor("none")  # legible on light and dark pages
    save(figure, path)
