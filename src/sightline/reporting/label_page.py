"""The page of the images to label: one file that loads nothing."""

from collections.abc import Iterable
from typing import NamedTuple

from sightline.reporting import page


class ImageToLabel(NamedTuple):
    """An image on the page."""

    name: str  # Its file below images/
    thumbnail: bytes  # WebP
    suggested: str
    probability: float
    second: str
    margin: float
    nearest: str | None


def render(
    images: Iterable[ImageToLabel], class_names: tuple[str, ...], model: str, facts: dict[str, int]
) -> str:
    """Render the page; `facts` are numbers to show by their names. User text is escaped."""
    return page.render(
        "to_label.html.j2",
        images=list(images),
        class_names=class_names,
        model=model,
        facts=facts,
        embedded=page.embedded,
    )
