"""The page of images to label, with their pictures."""

from io import BytesIO
from pathlib import Path

from sightline.data.decoding import images
from sightline.data.decoding.images import EncodedImage
from sightline.data.readers.base import Form
from sightline.prediction.active_learning.folder import name_files
from sightline.prediction.active_learning.records import Suggestions
from sightline.reporting import label_page
from sightline.reporting.figures.thumbnail import LARGE, write_thumbnail
from sightline.reporting.label_page import ImageToLabel


def render_page(found: Suggestions, model: str) -> str:
    """Render the page of some suggestions; images are decoded one by one."""
    with images.silence_bomb_warnings():
        shown = [
            ImageToLabel(
                name=name,
                thumbnail=_thumbnail(one.path),
                suggested=one.suggested,
                probability=one.probability,
                second=one.second,
                margin=one.margin,
                nearest=one.nearest,
            )
            for name, one in name_files(found.images).items()
        ]
    facts = {
        "Images examined": found.examined,
        "Known already": found.known,
        "Left out as copies": found.duplicates,
    }
    return label_page.render(shown, found.class_names, model, facts)


def _thumbnail(path: str) -> bytes:
    """Return a small WebP of an image, upright and in its aspect ratio."""
    image = EncodedImage(path, Path(path))
    header = images.read_header(image)
    scale = min(1, LARGE.most / max(header.size))
    height, width = (max(1, round(side * scale)) for side in header.size)
    _, pixels = images.decode_one(image, Form((height, width, 1 if header.grey else 3), "stretch"))
    made = BytesIO()
    write_thumbnail(made, pixels)
    return made.getvalue()
