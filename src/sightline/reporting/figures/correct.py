"""Test images that the model classifies correctly."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from sightline.reporting.figures.canvas import GREY, save_both
from sightline.reporting.figures.grid import Images, Line, draw_grid


def draw_correct(
    path: Path, images: Images, labels: Sequence[str], confidence: Iterable[float]
) -> None:
    """Draw images with their class names and the probability of that class, in [0, 1].

    Args:
        images: uint8 array of shape (m, height, width, channels), m at least 1.
    """
    pairs = zip(labels, confidence, strict=True)
    captions = [[Line(label, weight="bold"), Line(f"{share:.1%}", GREY)] for label, share in pairs]
    save_both(draw_grid(images, captions, columns=6, side=0.95), path)
