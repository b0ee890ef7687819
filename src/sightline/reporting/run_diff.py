"""How two runs differ, as a page: one file, no script, nothing loaded from anywhere."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sightline.errors import InputError
from sightline.records import ArrayFile
from sightline.records.difference import Flip, RunDifference
from sightline.records.manifest import RunManifest
from sightline.reporting import page, run_diff_rows
from sightline.reporting.figures.curves import draw_both_curves
from sightline.reporting.figures.grid import Images
from sightline.reporting.figures.thumbnail import write_thumbnail
from sightline.runs import verify
from sightline.storage import files
from sightline.storage.npy import open_mapped
from sightline.storage.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

_WATCHED = ("val_accuracy", "val_loss")
"""Curves that a training without a validation split lacks."""

_CHANNELS = frozenset({(1,), (3,)})
"""What follows number, height and width in the shape of images."""

Pair = tuple[RunManifest, RunManifest]
Shown = list[tuple[Flip, bytes | None]]
"""Examples, each with its picture as PNG, where there is one."""


def write(path: Path, workspace: Workspace, pair: Pair, found: RunDifference) -> None:
    """Write the page.

    Args:
        path: HTML file; it appears whole or not at all.
        pair: The manifests of A and B.
        found: How they differ.

    Raises:
        StorageError: It cannot be written, or something else than a file is there.
    """
    html = render(workspace, pair, found)
    with files.new_output(path) as temporary:
        temporary.write_text(html, encoding="utf-8")


def render(workspace: Workspace, pair: Pair, found: RunDifference) -> str:
    """Make the page.

    Args:
        workspace: The artifacts root, where histories and test images lie.
        pair: The manifests of A and B.
        found: How they differ.

    Returns:
        HTML; class names and everything else from the user is escaped.
    """
    curves, no_curves = _curves(workspace, pair)
    broken, fixed, no_images = _examples(workspace, pair, found)
    return page.render(
        "difference.html.j2",
        found=found,
        rows=run_diff_rows,
        curves=curves,
        no_curves=no_curves,
        broken=broken,
        fixed=fixed,
        no_images=no_images,
        thumbnail_source=page.embedded,
        figure_source=lambda png: page.embedded(png, page.FIGURE_DENSITY),
    )


def _curves(workspace: Workspace, pair: Pair) -> tuple[bytes | None, str]:
    """Draw the histories; where one cannot be read, return why."""
    try:
        histories = [_history(workspace, run) for run in pair]
    except InputError as error:
        return None, str(error)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "curves.png")
        draw_both_curves(picture, *histories)
        return picture.read_bytes(), ""


def _history(workspace: Workspace, run: RunManifest) -> "pd.DataFrame":
    path = verify.intact_file(workspace, run, "history.parquet")
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        watched = [name for name in _WATCHED if name in table.column_names]
        if not table.num_rows:
            raise ValueError("it has no epochs")
        history: pd.DataFrame = table.select(["epoch", "accuracy", "loss", *watched]).to_pandas()
        return history.astype(float)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read as a history: {error}.") from None


def _examples(workspace: Workspace, pair: Pair, found: RunDifference) -> tuple[Shown, Shown, str]:
    """Find the pictures of newly broken and newly fixed examples; where there are none, why."""
    if found.flips is None:
        return [], [], ""
    broken, fixed = found.flips.broken_examples, found.flips.fixed_examples
    examples, pictures, missing = [*broken, *fixed], list[bytes | None](), ""
    try:
        pictures += (
            _thumbnails(workspace, pair, [one.index for one in examples]) if examples else []
        )
    except InputError as error:
        missing = (
            f"No pictures: the test images are no longer in the cache as they were. {error} "
            "Training again with the same data brings them back."
        )
        pictures = [None] * len(examples)
    shown = list(zip(examples, pictures, strict=True))
    return shown[: len(broken)], shown[len(broken) :], missing


def _thumbnails(workspace: Workspace, pair: Pair, rows: Sequence[int]) -> list[bytes]:
    images = _test_images(workspace, [run.records.ingest.images["test"] for run in pair], rows)
    thumbnails = []
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "image.png")
        for image in images:
            write_thumbnail(picture, image)
            thumbnails.append(picture.read_bytes())
    return thumbnails


def _test_images(workspace: Workspace, records: Sequence[ArrayFile], rows: Sequence[int]) -> Images:
    """Read some test images from the first of the cache entries that holds them.

    Raises:
        InputError: None does.
    """
    missing: InputError | None = None
    for record in dict.fromkeys(records):
        path = workspace.root / record.path
        try:
            verify.check_file(path, record)
            return _images(path, rows)
        except InputError as error:
            missing = missing or error
    raise missing or InputError("No entry is named.")


def _images(path: Path, rows: Sequence[int]) -> Images:
    try:
        images = open_mapped(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as an array: {error}.") from None
    if images.dtype != np.uint8 or images.shape[3:] not in _CHANNELS:
        raise InputError(
            f"{path} holds no images: expected uint8 of (n, height, width, 1 or 3), got "
            f"{images.dtype} of {images.shape}."
        )
    if max(rows) >= len(images):
        raise InputError(f"{path} ends at image {len(images) - 1:,}, expected {max(rows):,}.")
    chosen: Images = images[list(rows)]
    return chosen
