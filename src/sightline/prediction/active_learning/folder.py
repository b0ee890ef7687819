"""The folder of images to label: pictures, a table, a page, and a folder for each class."""

import csv
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sightline.errors import InputError
from sightline.prediction.active_learning.records import (
    HandedOver,
    SuggestedImage,
    Suggestions,
)
from sightline.prediction.records import ServedModel
from sightline.storage import files
from sightline.storage.text import no_formula

RECORD, TABLE, PAGE = "suggestions.json", "labels.csv", "index.html"
IMAGES, CLASSES = "images", "classes"
COLUMNS = ("file", "suggested", "probability", "margin", "label")
_NO_START = ".=+-@\uff1d\uff0b\uff0d\uff20 \t\r\n"  # Hidden files, formulas, blanks
_LONGEST_NAME = 200  # Bytes; most file systems allow 255, and a copy may need a suffix


def check_new(folder: Path) -> None:
    """Raise InputError if the folder has content, which may be labels that people gave.

    Raises StorageError if it cannot be made.
    """
    if not folder.exists():
        files.check_output(folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(
            f"The output {folder} exists and is not empty; choose a new folder, so that no label "
            "is lost."
        )


def name_files(images: tuple[SuggestedImage, ...]) -> dict[str, SuggestedImage]:
    """Give each image a name of its own in one folder, by default that of its file.

    No name is hidden, begins like a formula of a spreadsheet or ends with a blank, so that the
    table can be edited anywhere.
    """
    named: dict[str, SuggestedImage] = {}
    taken: set[str] = set()
    for image in images:
        name = Path(image.path).name.lstrip(_NO_START).rstrip() or "image"
        if name.lower() in taken:
            path = Path(name)
            name = f"{path.stem}-{image.sha256[:12]}{path.suffix}"
        taken.add(name.lower())
        named[name] = image
    return named


def class_folder(name: str) -> str | None:
    """Return the folder of a class, or None for a name that no folder can have."""
    is_usable = name not in {".", ".."} and not name.startswith(".") and "/" not in name
    is_usable = is_usable and name.isprintable() and len(name.encode()) <= _LONGEST_NAME
    return f"{CLASSES}/{name}" if is_usable else None


def write(
    folder: Path,
    found: Suggestions,
    model: ServedModel,
    seed: int,
    page: str,
    *,
    links: bool = False,
) -> None:
    """Write the folder, complete or not at all; images are copied, or linked.

    Raises InputError as `check_new`, and StorageError if it cannot be written.
    """
    check_new(folder)
    named = name_files(found.images)
    record = HandedOver(
        created=datetime.now(UTC),
        model=model.name,
        model_sha256=model.sha256,
        run_id=model.run_id,
        seed=seed,
        class_names=found.class_names,
        images={name: image.sha256 for name, image in named.items()},
    )
    with (
        files.storage_errors(folder.parent, "--output"),
        files.new_folder(folder.resolve(), replace=False) as target,
    ):
        (target / IMAGES).mkdir()
        for name, image in named.items():
            if links:
                os.symlink(image.path, target / IMAGES / name)
            else:
                shutil.copyfile(image.path, target / IMAGES / name)
        for place in filter(None, map(class_folder, found.class_names)):
            (target / place).mkdir(parents=True)
        with (target / TABLE).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(_rows(named))
        (target / PAGE).write_text(page, encoding="utf-8")
        (target / RECORD).write_text(record.model_dump_json(indent=1), encoding="utf-8")


def _rows(named: dict[str, SuggestedImage]) -> Iterator[tuple[str, ...]]:
    yield COLUMNS
    for name, image in named.items():
        yield (
            name,
            no_formula(image.suggested),
            f"{image.probability:.4f}",
            f"{image.margin:.4f}",
            "",
        )
