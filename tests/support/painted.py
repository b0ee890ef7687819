"""Write folders of images that their gray level tells apart, and read them back."""

from pathlib import Path
from typing import Any

from PIL import Image

from reading import read_all


def paint(folder: Path, *names: str) -> Path:
    """Write images of 8x8 pixels whose gray level is the number in their name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        level = int("0" + "".join(filter(str.isdigit, path.stem)))
        Image.new("L", (8, 8), level).save(path)
    return folder


def labelled(path: Path, **settings: Any) -> tuple[dict[str, dict[int, str]], str]:
    """Return the class of each image by its gray level, for each split, and all notes."""
    raw, images = read_all(path, **settings)
    found = {}
    for split in raw.splits:
        levels = images[split.name][:, 0, 0, 0].tolist()
        names = [raw.class_names[label] for label in split.labels]
        found[split.name] = dict(zip(levels, names, strict=True))
    return found, " ".join(raw.notes)


def write_labels(path: Path, *rows: str, header: str = "file,label") -> None:
    """Write a table of labels."""
    path.write_text("\n".join([header, *rows]))
